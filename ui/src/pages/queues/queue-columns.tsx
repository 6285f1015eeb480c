import type { Queue } from '../../api/queues.ts'
import { rateOf } from '../../api/types.ts'
import type { Column } from '../../components/data-table.tsx'
import { QueueLink } from '../../components/links.tsx'
import { Features } from '../../components/properties.tsx'
import { StateBadge } from '../../components/state-badge.tsx'
import { bytes, count, dateTimeOf, NONE, percent, rate } from '../../format.ts'
import { common } from '../../i18n/common.ts'
import { texts } from './texts.ts'
import { Name } from '../../components/name.tsx'

type Show = NonNullable<Column<Queue>['show']>

/** A paused queue runs on for publishers; what matters to who looks at a list is that it does not deliver. */
export const shownState = ({ state, paused }: Queue): string | undefined => (paused === true ? 'paused' : state)

export function queueColumns(): readonly Column<Queue>[] {
  const t = texts.value
  const c = common.value
  return [
    { id: 'name', header: c.name, sort: 'name', cell: (queue) => <QueueLink {...queue} /> },
    { id: 'vhost', header: c.vhost, sort: 'vhost', show: 'wide', cell: ({ vhost }) => <Name of={vhost} /> },
    { id: 'type', header: c.type, sort: 'type', show: 'widest', cell: ({ type }) => type ?? NONE },
    { id: 'features', header: c.features, show: 'widest', cell: (queue) => <QueueFeatures of={queue} /> },
    { id: 'state', header: c.state, sort: 'state', cell: (queue) => <StateBadge state={shownState(queue)} /> },
    { id: 'ready', header: t.ready, align: 'end', sort: 'messages_ready', cell: (row) => count(row.messages_ready) },
    {
      id: 'unacked',
      header: t.unacked,
      align: 'end',
      sort: 'messages_unacknowledged',
      show: 'wider',
      cell: (row) => count(row.messages_unacknowledged),
    },
    {
      id: 'delayed',
      header: t.delayed,
      align: 'end',
      sort: 'messages_delayed',
      show: 'chosen',
      cell: (row) => count(row.messages_delayed),
    },
    { id: 'total', header: t.total, align: 'end', sort: 'messages', show: 'wider', cell: (row) => count(row.messages) },
    {
      id: 'consumers',
      header: t.consumers,
      align: 'end',
      sort: 'consumers',
      show: 'chosen',
      cell: (row) => count(row.consumers),
    },
    counter('publish', t.incoming, 'wide'),
    counter('deliver_get', t.deliver, 'wide'),
    counter('ack', t.ack, 'chosen'),
    counter('redeliver', t.redeliver, 'chosen'),
    {
      id: 'bytes',
      header: t.bytes,
      align: 'end',
      sort: 'message_bytes',
      show: 'chosen',
      cell: (row) => bytes(row.message_bytes),
    },
    { id: 'memory', header: t.memory, align: 'end', sort: 'memory', show: 'chosen', cell: (row) => bytes(row.memory) },
    {
      id: 'capacity',
      header: t.capacity,
      align: 'end',
      sort: 'consumer_capacity',
      show: 'chosen',
      cell: ({ consumer_capacity: share }) => (share === undefined ? NONE : percent(share)),
    },
    { id: 'policy', header: c.policy, sort: 'policy', show: 'chosen', cell: ({ policy }) => policy ?? '' },
    { id: 'node', header: c.node, sort: 'node', show: 'chosen', cell: ({ node }) => node },
    {
      id: 'idle',
      header: t.idleSince,
      sort: 'idle_since',
      show: 'chosen',
      cell: (row) => <span class="nowrap">{dateTimeOf(row.idle_since)}</span>,
    },
  ]
}

const counter = (name: Parameters<typeof rateOf>[1], header: string, show: Show): Column<Queue> => ({
  id: name,
  header,
  align: 'end',
  sort: `message_stats.${name}_details.rate`,
  show,
  cell: (row) => rate(rateOf(row.message_stats, name)),
})

export function QueueFeatures({ of: queue }: { readonly of: Queue }) {
  return (
    <Features
      durable={queue.durable}
      autoDelete={queue.auto_delete}
      exclusive={queue.exclusive}
      arguments={queue.arguments}
      policy={queue.policy}
    />
  )
}
