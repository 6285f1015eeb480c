import type { SourceCounters } from '../../../core/message-counters.ts'
import { QueueCounters } from '../../../core/queues/queue-host.ts'
import type { Queue } from '../../../core/queues/queue.ts'
import type { Residency } from '../../../core/queues/residency.ts'
import type { VHost } from '../../../core/vhost.ts'
import type { ManagementHost } from '../../management-host.ts'
import { memoryOfQueue } from '../../objects/queue-memory.ts'
import { headTimestamp, messageCount, type QueueRow } from '../../objects/queue.ts'
import { label, labelsOf } from '../exposition.ts'
import { counter, type Family, gauge, type Metric } from '../metric.ts'

/** The virtual hosts whose objects are shown. */
export type VhostFilter = (vhost: VHost) => boolean

export function* queuesOf({ broker }: ManagementHost, filter: VhostFilter): Generator<QueueRow> {
  for (const vhost of broker.vhosts.values()) {
    if (!filter(vhost)) continue
    for (const queue of vhost.queues.values()) yield { vhost, queue }
  }
}

const labels = ({ vhost, queue }: QueueRow): string => `${label('vhost', vhost.name)},${label('queue', queue.name)}`

/** What queues have counted, those that are gone included. */
export function allQueueCounters({ broker }: ManagementHost): QueueCounters {
  const sum = new QueueCounters()
  for (const past of broker.counters.pastQueues.values()) sum.add(past)
  for (const { queues } of broker.vhosts.values()) for (const queue of queues.values()) sum.add(queue.counters)
  return sum
}

/** Asked for at most once. */
function once<T>(compute: () => T): () => T {
  let known: { readonly value: T } | null = null
  return () => (known ??= { value: compute() }).value
}

const workOf = ({ counters }: { readonly counters: QueueCounters }): number =>
  counters.published +
  counters.delivered +
  counters.deliveredNoAck +
  counters.got +
  counters.gotNoAck +
  counters.getEmpty +
  counters.redelivered +
  counters.acknowledged

export function queueCoarseMetrics(host: ManagementHost, filter: VhostFilter): Family<QueueRow> {
  return {
    rows: () => queuesOf(host, filter),
    labels,
    metrics: [
      gauge('queue_messages_ready', 'Messages ready to be delivered to consumers', ({ queue }) => queue.readyCount),
      gauge(
        'queue_messages_unacked',
        'Messages delivered to consumers but not yet acknowledged',
        ({ queue }) => queue.unackedCount,
      ),
      gauge('queue_messages', 'Sum of ready and unacknowledged messages - total queue depth', ({ queue }) =>
        messageCount(queue),
      ),
      counter(
        'queue_process_reductions_total',
        'Total number of queue process reductions',
        ({ queue }) => workOf(queue),
        () => workOf({ counters: allQueueCounters(host) }),
      ),
    ],
  }
}

export function queueConsumerCount(host: ManagementHost, filter: VhostFilter): Family<QueueRow> {
  const metrics = [gauge<QueueRow>('queue_consumers', 'Consumers on a queue', ({ queue }) => queue.consumerCount)]
  return { rows: () => queuesOf(host, filter), labels, metrics }
}

export function queueMetrics(host: ManagementHost, filter: VhostFilter): Family<QueueRow> {
  const { statistics, broker } = host
  const capacity = ({ queue }: QueueRow): number => statistics.consumerCapacity(queue)
  const io = broker.store.counters
  return {
    rows: () => queuesOf(host, filter),
    labels,
    metrics: [
      ...queueConsumerCount(host, filter).metrics,
      gauge('queue_consumer_capacity', 'Consumer capacity', capacity),
      gauge('queue_consumer_utilisation', 'Same as consumer capacity', capacity),
      residing('queue_process_memory_bytes', 'Memory in bytes used by the Erlang queue process', (residency, queue) =>
        memoryOfQueue(queue, residency),
      ),
      ...MESSAGES_BY_PLACE,
      ...MESSAGE_BYTES,
      gauge('queue_head_message_timestamp', 'Timestamp of the first message in the queue, if any', ({ queue }) =>
        headTimestamp(queue),
      ),
      counter(
        'queue_disk_reads_total',
        'Total number of times queue read messages from disk',
        ({ queue }) => queue.residency().diskReads,
        () => io.messagesRead,
      ),
      counter(
        'queue_disk_writes_total',
        'Total number of times queue wrote messages to disk',
        ({ queue }) => queue.residency().diskWrites,
        () => io.messagesWritten,
      ),
    ],
  }
}

const residing = (
  name: string,
  help: string,
  value: (residency: Residency, queue: Queue) => number,
): Metric<QueueRow> => gauge(name, help, ({ queue }) => value(queue.residency(), queue))

const MESSAGES_BY_PLACE: readonly Metric<QueueRow>[] = [
  residing('queue_messages_ram', 'Ready and unacknowledged messages stored in memory', ({ alpha }) => alpha),
  gauge('queue_messages_ready_ram', 'Ready messages stored in memory', ({ queue }) => queue.readyInMemory),
  gauge('queue_messages_unacked_ram', 'Unacknowledged messages stored in memory', ({ queue }) => queue.unackedCount),
  residing('queue_messages_persistent', 'Persistent messages', ({ stored }) => stored),
  residing('queue_messages_paged_out', 'Messages paged out to disk', ({ beta, gamma, delta }) => beta + gamma + delta),
]

const MESSAGE_BYTES: readonly Metric<QueueRow>[] = [
  residing(
    'queue_messages_ram_bytes',
    'Size of ready and unacknowledged messages stored in memory',
    ({ bytesInMemory }) => bytesInMemory,
  ),
  residing('queue_messages_persistent_bytes', 'Size in bytes of persistent messages', ({ bytesStored }) => bytesStored),
  gauge(
    'queue_messages_bytes',
    'Size in bytes of ready and unacknowledged messages',
    ({ queue }) => queue.readyBytes + queue.unackedBytes + queue.heldBytes,
  ),
  gauge('queue_messages_ready_bytes', 'Size in bytes of ready messages', ({ queue }) => queue.readyBytes),
  gauge(
    'queue_messages_unacked_bytes',
    'Size in bytes of all unacknowledged messages',
    ({ queue }) => queue.unackedBytes,
  ),
  residing(
    'queue_messages_paged_out_bytes',
    'Size in bytes of messages paged out to disk',
    ({ bytesPagedOut }) => bytesPagedOut,
  ),
]

/** What is delivered and fetched. */
export function queueDeliveryMetrics(host: ManagementHost, filter: VhostFilter): Family<QueueRow> {
  const sums = once(() => allQueueCounters(host))
  const counting = (name: string, help: string, value: (counters: QueueCounters) => number): Metric<QueueRow> =>
    counter(
      name,
      help,
      ({ queue }) => value(queue.counters),
      () => value(sums()),
    )
  return {
    rows: () => queuesOf(host, filter),
    labels,
    metrics: [
      counting(
        'queue_get_ack_total',
        'Total number of messages fetched from a queue with basic.get in manual acknowledgement mode',
        ({ got }) => got,
      ),
      counting(
        'queue_get_total',
        'Total number of messages fetched from a queue with basic.get in automatic acknowledgement mode',
        ({ gotNoAck }) => gotNoAck,
      ),
      counting(
        'queue_messages_delivered_ack_total',
        'Total number of messages delivered from a queue to consumers in manual acknowledgement mode',
        ({ delivered }) => delivered,
      ),
      counting(
        'queue_messages_delivered_total',
        'Total number of messages delivered from a queue to consumers in automatic acknowledgement mode',
        ({ deliveredNoAck }) => deliveredNoAck,
      ),
      counting(
        'queue_messages_redelivered_total',
        'Total number of messages redelivered from a queue to consumers',
        ({ redelivered }) => redelivered,
      ),
      counting(
        'queue_messages_acked_total',
        'Total number of messages acknowledged by consumers on a queue',
        ({ acknowledged }) => acknowledged,
      ),
      counting(
        'queue_get_empty_total',
        'Total number of times basic.get operations fetched no message on a queue',
        ({ getEmpty }) => getEmpty,
      ),
    ],
  }
}

interface SourceRow extends QueueRow {
  readonly exchange: string
  readonly source: SourceCounters
}

function* sourcesOf(host: ManagementHost, filter: VhostFilter): Generator<SourceRow> {
  for (const row of queuesOf(host, filter)) {
    for (const [exchange, source] of row.queue.incoming.bySource) yield { ...row, exchange, source }
  }
}

/** What comes to queues, by exchange. */
export function queueExchangeMetrics(host: ManagementHost, filter: VhostFilter): Family<SourceRow> {
  return {
    rows: () => sourcesOf(host, filter),
    labels: ({ vhost, queue, exchange }) => labelsOf({ vhost: vhost.name, exchange, queue: queue.name }),
    metrics: [
      counter(
        'queue_exchange_messages_published_total',
        'Total number of messages published into a queue through an exchange',
        ({ source }) => source.published,
        () => allQueueCounters(host).published,
      ),
    ],
  }
}

/** RabbitMQ has these by channel as well; here they are counted where they arrive. */
export function channelQueueExchangeMetrics(host: ManagementHost, filter: VhostFilter): Family<SourceRow> {
  return {
    rows: () => sourcesOf(host, filter),
    labels: ({ vhost: { name }, queue, exchange }) =>
      labelsOf({ queue_vhost: name, queue: queue.name, exchange_vhost: name, exchange }),
    metrics: [
      counter(
        'queue_messages_published_total',
        'Total number of messages published into a queue through an exchange on a channel',
        ({ source }) => source.published,
        () => allQueueCounters(host).published,
      ),
    ],
  }
}

/** One line for each queue that says what it is. */
export function queueInfo(host: ManagementHost, filter: VhostFilter): Family<QueueRow> {
  const help = "A metric with a constant '1' value and labels that provide some queue details"
  return {
    rows: () => queuesOf(host, filter),
    labels: (row) => `${labels(row)},${labelsOf({ queue_type: row.queue.rules.moduleName, membership: 'leader' })}`,
    metrics: [gauge('queue_info', help, () => 1)],
  }
}
