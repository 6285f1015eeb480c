import type { QueueDetails } from '../../api/queues.ts'
import { Breakdown } from '../../components/meter.tsx'
import { Card, Facts } from '../../components/page.tsx'
import { SimpleTable } from '../../components/simple-table.tsx'
import { bytes, count, NONE } from '../../format.ts'
import { queueTexts } from './queue-texts.ts'

/** How many messages are in which state, and where they are: in memory, on disk, or both. */
export function Residency({ queue }: { readonly queue: QueueDetails }) {
  const t = queueTexts.value
  const { messages = 0, messages_persistent: persistent = 0, message_bytes: size = 0 } = queue
  const persistentBytes = queue.message_bytes_persistent ?? 0
  const rows: readonly (readonly [string, number | undefined, number | undefined])[] = [
    [t.all, messages, size],
    [t.ready, queue.messages_ready, queue.message_bytes_ready],
    [t.unacked, queue.messages_unacknowledged, queue.message_bytes_unacknowledged],
    ...(queue.messages_delayed === undefined ? [] : [[t.delayed, queue.messages_delayed, undefined] as const]),
    [t.ram, queue.messages_ram, queue.message_bytes_ram],
    [t.persistent, persistent, persistentBytes],
    [t.transient, Math.max(0, messages - persistent), Math.max(0, size - persistentBytes)],
    [t.pagedOut, queue.messages_paged_out, queue.message_bytes_paged_out],
  ]
  return (
    <Card title={t.state} flush>
      <SimpleTable
        label={t.state}
        headers={['', t.messages, t.bytes]}
        numbersFrom={1}
        rows={rows.map(([label, number, inBytes]) => [
          label,
          count(number),
          inBytes === undefined ? NONE : bytes(inBytes),
        ])}
      />
      <Levels queue={queue} />
    </Card>
  )
}

const LEVELS = ['alpha', 'beta', 'gamma', 'delta'] as const

/** RabbitMQ's four states of residency, where the broker tells them. */
function Levels({ queue }: { readonly queue: QueueDetails }) {
  const t = queueTexts.value
  const counts = LEVELS.flatMap((level): [string, number][] => {
    const value = queue.residency?.[level]
    return value === undefined ? [] : [[t.residencies[level], value]]
  })
  if (counts.length === 0) return null
  return (
    <div class="card-part">
      <h3>{t.residency}</h3>
      <Breakdown parts={counts} rest="" format={count} />
      <Facts
        items={[
          [t.onDisk, bytes(queue.residency?.disk_bytes)],
          [t.index, bytes(queue.residency?.index_bytes)],
        ]}
      />
    </div>
  )
}
