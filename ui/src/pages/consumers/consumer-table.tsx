import type { ComponentChildren } from 'preact'
import type { Consumer } from '../../api/consumers.ts'
import { localPage, type ListQuery, type Page } from '../../api/lists.ts'
import { DataTable, type Column } from '../../components/data-table.tsx'
import { ChannelLink, QueueLink } from '../../components/links.tsx'
import { Badge, type Tone } from '../../components/page.tsx'
import { ArgumentList } from '../../components/properties.tsx'
import { count, NONE } from '../../format.ts'
import { common } from '../../i18n/common.ts'
import { texts } from './texts.ts'
import { Name } from '../../components/name.tsx'

export interface ConsumerTableProps {
  readonly id: string
  /** On whose page it stands: that column is left out. */
  readonly within?: 'channel' | 'queue'
  /** What there is, or how it is asked for. */
  readonly rows?: readonly Consumer[]
  readonly load?: (query: ListQuery, signal: AbortSignal) => Promise<Page<Consumer>>
  readonly loadKey?: string
  readonly empty: ComponentChildren
}

export function ConsumerTable({ id, within, rows = [], load, loadKey = '', empty }: ConsumerTableProps) {
  return (
    <DataTable
      id={id}
      label={texts.value.title}
      columns={columns(within === undefined).filter((column) => column.id !== within)}
      rowKey={consumerKey}
      load={load ?? (async (query) => localPage(rows, query, consumerText))}
      // What is given changes with each look at the broker; the table has to take it up then.
      loadKey={load === undefined ? rows.map(consumerKey).join('\n') : loadKey}
      inAddress={within === undefined}
      bare={within !== undefined}
      empty={empty}
    />
  )
}

const consumerKey = ({ channel_details: channel, consumer_tag: tag, queue }: Consumer): string =>
  `${channel.name ?? ''} ${tag} ${queue.vhost} ${queue.name}`

/** What the filter looks at. */
export const consumerText = ({ channel_details: channel, consumer_tag: tag, queue }: Consumer): string =>
  `${tag} ${queue.name} ${channel.name ?? ''} ${channel.user ?? ''}`

/** @param isForAll virtual hosts, as far as they are not narrowed down */
function columns(isForAll: boolean): readonly Column<Consumer>[] {
  const t = texts.value
  const c = common.value
  return [
    {
      id: 'tag',
      header: t.tag,
      sort: 'consumer_tag',
      cell: (row) => (
        <span class="mono">
          <Name of={row.consumer_tag} />
        </span>
      ),
    },
    { id: 'queue', header: c.queue, sort: 'queue.name', cell: ({ queue }) => <QueueLink {...queue} /> },
    {
      id: 'vhost',
      header: c.vhost,
      sort: 'queue.vhost',
      show: isForAll ? 'wide' : 'chosen',
      cell: ({ queue }) => <Name of={queue.vhost} />,
    },
    {
      id: 'channel',
      header: t.channel,
      sort: 'channel_details.name',
      show: 'wide',
      cell: ({ channel_details: { name } }) => (name === undefined ? NONE : <ChannelLink name={name} />),
    },
    { id: 'status', header: t.status, sort: 'activity_status', cell: (row) => <Status of={row} /> },
    {
      id: 'ack',
      header: t.ack,
      sort: 'ack_required',
      show: 'wider',
      cell: ({ ack_required: required }) => (required ? t.manual : t.auto),
    },
    {
      id: 'exclusive',
      header: t.exclusive,
      sort: 'exclusive',
      show: 'chosen',
      cell: ({ exclusive }) => (exclusive ? c.yes : c.no),
    },
    {
      id: 'prefetch',
      header: t.prefetch,
      align: 'end',
      sort: 'prefetch_count',
      cell: ({ prefetch_count: limit }) => (limit === 0 ? t.unlimited : count(limit)),
    },
    { id: 'arguments', header: c.arguments, show: 'wider', cell: (row) => <ArgumentList of={row.arguments} /> },
  ]
}

const TONES: Readonly<Record<string, Tone>> = { up: 'ok', single_active: 'ok', waiting: 'neutral' }

function Status({ of: consumer }: { readonly of: Consumer }) {
  const t = texts.value
  const status = consumer.activity_status
  if (status === undefined) return <Badge>{consumer.active === false ? t.inactive : t.statuses.up}</Badge>
  const label = (t.statuses as Readonly<Record<string, string>>)[status] ?? status
  return <Badge tone={TONES[status] ?? 'warn'}>{label}</Badge>
}
