import { rateOf } from '../statistics/details.ts'
import { QUEUES_SHOWN } from '../statistics/series.ts'
import type { Statistics } from '../statistics/statistics.ts'
import { memoryOfQueue } from './queue-memory.ts'
import { delayedCount, messageCount, type QueueRow } from './queue.ts'

type Key = string | number | boolean | null

/** What queues are sorted by, without rendering them: columns of RabbitMQ's console first of all. */
const KEYS: Readonly<Record<string, (row: QueueRow, statistics: Statistics) => Key>> = {
  name: ({ queue }) => queue.name,
  vhost: ({ vhost }) => vhost.name,
  type: ({ queue }) => queue.type,
  durable: ({ queue }) => queue.durable,
  auto_delete: ({ queue }) => queue.autoDelete,
  exclusive: ({ queue }) => queue.owner !== null,
  node: () => '',
  state: ({ queue }) => (queue.deleted ? 'terminated' : 'running'),
  policy: ({ queue }) => queue.policy?.name ?? null,
  operator_policy: ({ queue }) => queue.policy?.operatorName ?? null,
  messages: ({ queue }) => messageCount(queue),
  messages_ready: ({ queue }) => queue.readyCount,
  messages_unacknowledged: ({ queue }) => queue.unackedCount,
  messages_delayed: ({ queue }) => delayedCount(queue),
  messages_ready_ram: ({ queue }) => queue.readyInMemory,
  messages_ram: ({ queue }) => queue.residency().alpha,
  messages_persistent: ({ queue }) => queue.residency().stored,
  message_bytes: ({ queue }) => queue.readyBytes + queue.unackedBytes + queue.heldBytes,
  message_bytes_ready: ({ queue }) => queue.readyBytes,
  message_bytes_unacknowledged: ({ queue }) => queue.unackedBytes,
  message_bytes_ram: ({ queue }) => queue.residency().bytesInMemory,
  message_bytes_persistent: ({ queue }) => queue.residency().bytesStored,
  message_bytes_paged_out: ({ queue }) => queue.residency().bytesPagedOut,
  consumers: ({ queue }) => queue.consumerCount,
  consumer_capacity: ({ queue }, statistics) => statistics.consumerCapacity(queue),
  consumer_utilisation: ({ queue }, statistics) => statistics.consumerCapacity(queue),
  memory: ({ queue }) => memoryOfQueue(queue, queue.residency()),
  idle_since: ({ queue }, statistics) => statistics.idleSince(queue.counters, queue.createdAt),
}

const RATE = /^(?:message_stats\.)?(\w+)_details\.rate$/

/** @returns undefined where the queue has to be rendered to know; null where it has no such thing */
export function queueKey(row: QueueRow, path: string, statistics: Statistics): Key | undefined {
  if (Object.hasOwn(KEYS, path)) return KEYS[path]!(row, statistics)
  const rated = RATE.exec(path)?.[1]
  const series = rated !== undefined && Object.hasOwn(QUEUES_SHOWN, rated) ? QUEUES_SHOWN[rated] : undefined
  return series === undefined ? undefined : rateOf(statistics.ofQueue(row.queue), series)
}
