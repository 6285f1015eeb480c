import type { ComponentChildren } from 'preact'
import { useRef } from 'preact/hooks'
import { unbind, type Binding } from '../../api/bindings.ts'
import { localPage } from '../../api/lists.ts'
import { common } from '../../i18n/common.ts'
import { Button } from '../button.tsx'
import { DataTable, type Column, type TableHandle } from '../data-table.tsx'
import { confirm } from '../dialog.tsx'
import { exchangeLabel, ExchangeLink, QueueLink } from '../links.tsx'
import { Badge } from '../page.tsx'
import { Name } from '../name.tsx'
import { ArgumentList } from '../properties.tsx'
import { showDone } from '../toasts.tsx'
import { texts } from './texts.ts'

export interface BindingTableProps {
  readonly id: string
  readonly label: string
  /** Which end is shown: the other one is the page's own. */
  readonly shows: 'source' | 'destination'
  readonly load: (signal: AbortSignal) => Promise<readonly Binding[]>
  readonly loadKey: string
  readonly empty: ComponentChildren
  readonly handle?: (table: TableHandle) => void
}

/** Bindings from or to one exchange or queue, each of which can be taken away. */
export function BindingTable({ id, label, shows, load, loadKey, empty, handle }: BindingTableProps) {
  const table = useRef<TableHandle>(null)
  const remove = async (binding: Binding): Promise<void> => {
    const t = texts.value
    const text = t.unbindText(exchangeLabel(binding.source), binding.destination, binding.routing_key)
    if (!(await confirm({ title: t.unbindTitle, text, confirm: t.unbind, danger: true }))) return
    await unbind(binding)
    showDone(t.unbound)
    await table.current?.refresh()
  }
  return (
    <DataTable
      id={id}
      label={label}
      columns={columns(shows, remove)}
      rowKey={({ source, destination_type: type, destination, properties_key: key }) =>
        `${source} ${type} ${destination} ${key}`
      }
      load={async (query, signal) => localPage(await load(signal), query, textOf)}
      loadKey={loadKey}
      empty={empty}
      handle={(own) => {
        table.current = own
        handle?.(own)
      }}
    />
  )
}

const textOf = (binding: Binding): string => `${binding.source} ${binding.destination} ${binding.routing_key}`

function columns(
  shows: BindingTableProps['shows'],
  remove: (binding: Binding) => Promise<void>,
): readonly Column<Binding>[] {
  const t = texts.value
  const c = common.value
  return [
    {
      id: 'end',
      header: shows === 'source' ? t.from : t.to,
      sort: shows,
      cell: (binding) => <End binding={binding} shows={shows} />,
    },
    {
      id: 'key',
      header: t.key,
      sort: 'routing_key',
      cell: (row) => (
        <span class="mono">
          <Name of={row.routing_key} />
        </span>
      ),
    },
    { id: 'arguments', header: c.arguments, show: 'wide', cell: (row) => <ArgumentList of={row.arguments} /> },
    {
      id: 'actions',
      header: c.actions,
      align: 'end',
      // Nothing can unbind from the default exchange.
      cell: (binding) =>
        binding.source !== '' && (
          <Button size="small" onClick={() => remove(binding)}>
            {t.unbind}
          </Button>
        ),
    },
  ]
}

function End({ binding, shows }: { readonly binding: Binding; readonly shows: BindingTableProps['shows'] }) {
  const { vhost, source, destination, destination_type: type } = binding
  if (shows === 'source') return <ExchangeLink vhost={vhost} name={source} />
  return (
    <span class="row">
      {type === 'queue' ? (
        <QueueLink vhost={vhost} name={destination} />
      ) : (
        <ExchangeLink vhost={vhost} name={destination} />
      )}
      <Badge>{type === 'queue' ? common.value.queue : common.value.exchange}</Badge>
    </span>
  )
}
