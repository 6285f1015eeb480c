import type { ComponentChildren } from 'preact'
import type { Channel } from '../../api/channels.ts'
import { rateOf } from '../../api/types.ts'
import type { ListQuery, Page } from '../../api/lists.ts'
import { DataTable, type Column } from '../../components/data-table.tsx'
import { ChannelLink } from '../../components/links.tsx'
import { Badge } from '../../components/page.tsx'
import { StateBadge } from '../../components/state-badge.tsx'
import { count, rate } from '../../format.ts'
import { common } from '../../i18n/common.ts'
import { texts } from './texts.ts'
import { Name } from '../../components/name.tsx'

export interface ChannelTableProps {
  readonly id: string
  readonly load: (query: ListQuery, signal: AbortSignal) => Promise<Page<Channel>>
  readonly loadKey: string
  /** On the page of a connection, whose user and virtual host are the same for all. */
  readonly within?: boolean
  readonly empty: ComponentChildren
}

export function ChannelTable({ id, load, loadKey, within = false, empty }: ChannelTableProps) {
  const all = columns()
  return (
    <DataTable
      id={id}
      label={texts.value.title}
      columns={within ? all.filter((column) => column.id !== 'user' && column.id !== 'vhost') : all}
      rowKey={({ name }) => name}
      load={load}
      loadKey={loadKey}
      inAddress={!within}
      bare={within}
      empty={empty}
    />
  )
}

function columns(): readonly Column<Channel>[] {
  const t = texts.value
  const c = common.value
  return [
    { id: 'name', header: t.channel, sort: 'name', cell: ({ name }) => <ChannelLink name={name} /> },
    { id: 'vhost', header: c.vhost, sort: 'vhost', show: 'wide', cell: ({ vhost }) => <Name of={vhost} /> },
    { id: 'user', header: c.user, sort: 'user', show: 'wide', cell: ({ user }) => <Name of={user} /> },
    { id: 'mode', header: t.mode, show: 'widest', cell: (channel) => <Mode of={channel} /> },
    { id: 'state', header: c.state, sort: 'state', cell: ({ state }) => <StateBadge state={state} /> },
    {
      id: 'prefetch',
      header: t.prefetch,
      align: 'end',
      sort: 'prefetch_count',
      show: 'widest',
      cell: (row) => prefetchText(row.prefetch_count),
    },
    number('consumers', t.consumers, 'consumer_count', 'chosen'),
    number('unacked', t.unacked, 'messages_unacknowledged'),
    number('unconfirmed', t.unconfirmed, 'messages_unconfirmed', 'wider'),
    number('uncommitted', t.uncommitted, 'messages_uncommitted', 'chosen'),
    counter('publish', t.publish),
    counter('confirm', t.confirm, 'chosen'),
    counter('return_unroutable', t.unroutable, 'chosen'),
    counter('deliver_get', t.deliver),
    counter('ack', t.ack, 'wider'),
    counter('redeliver', t.redeliver, 'chosen'),
  ]
}

type NumberKey = 'consumer_count' | 'messages_unacknowledged' | 'messages_unconfirmed' | 'messages_uncommitted'
type Show = NonNullable<Column<Channel>['show']>

const number = (id: string, header: string, key: NumberKey, show: Show = 'always'): Column<Channel> => ({
  id,
  header,
  align: 'end',
  sort: key,
  show,
  cell: (row) => count(row[key]),
})

const counter = (name: Parameters<typeof rateOf>[1], header: string, show: Show = 'always'): Column<Channel> => ({
  id: name,
  header,
  align: 'end',
  sort: `message_stats.${name}_details.rate`,
  show,
  cell: (row) => rate(rateOf(row.message_stats, name)),
})

/** 0 is no limit. */
export const prefetchText = (limit: number | undefined): string => (limit === 0 ? texts.value.unlimited : count(limit))

export function Mode({ of: channel }: { readonly of: Channel }) {
  const t = texts.value
  return (
    <span class="row">
      {channel.confirm === true && <Badge>{t.confirms}</Badge>}
      {channel.transactional === true && <Badge>{t.transactional}</Badge>}
    </span>
  )
}
