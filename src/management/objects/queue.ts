import { tableToJson } from '../../core/fields-json.ts'
import type { Queue } from '../../core/queues/queue.ts'
import type { Residency } from '../../core/queues/residency.ts'
import type { VHost } from '../../core/vhost.ts'
import { type Past, rateOf } from '../statistics/details.ts'
import type { Ranges } from '../statistics/ranges.ts'
import { QUEUES, QUEUES_SHOWN } from '../statistics/series.ts'
import type { Statistics } from '../statistics/statistics.ts'
import { DELIVER_GROUP, messageStatsOf, statsOf, type StatsSource } from '../statistics/stats.ts'
import { LENGTHS } from '../statistics/vhost-stats.ts'
import { connectionDetails } from './channel-details.ts'
import { collectorFacts } from './collector-facts.ts'
import { memoryOfQueue } from './queue-memory.ts'
import { timeText } from './time-text.ts'

export type Row = Record<string, unknown>

/** A queue, and where it is: lists are made of these. */
export interface QueueRow {
  readonly vhost: VHost
  readonly queue: Queue
}

/** What is configured of a queue: all there is with `disable_stats`. */
export function renderQueueConfig({ vhost, queue }: QueueRow): Row {
  return {
    name: queue.name,
    vhost: vhost.name,
    type: queue.type,
    durable: queue.durable,
    auto_delete: queue.autoDelete,
    exclusive: queue.owner !== null,
    arguments: tableToJson(queue.arguments),
    node: vhost.broker.options.nodeName,
    state: stateOf(queue),
    paused: queue.paused,
    ...policyFacts(queue),
    ...membership({ vhost, queue }),
  }
}

/** On one node every queue has one member. */
function membership({ vhost, queue }: QueueRow): Row {
  if (queue.type === 'classic') return {}
  const node = vhost.broker.options.nodeName
  return { leader: node, members: [node], online: [node] }
}

/** How many messages it has, for `enable_queue_totals`. */
export const queueTotals = (queue: Queue): Row => ({
  messages: messageCount(queue),
  messages_ready: queue.readyCount,
  messages_unacknowledged: queue.unackedCount,
})

/** What waits for a retry, or for its dead letter to be taken, is neither ready nor unacknowledged, and the queue's all the same. */
export const messageCount = ({ readyCount, unackedCount, heldCount }: Queue): number =>
  readyCount + unackedCount + heldCount

/** Messages that wait for a time: for their next attempt, or until they are due. */
export const delayedCount = ({ heldCount, delays }: Queue): number => heldCount + (delays?.count ?? 0)

export const stateOf = ({ deleted }: Queue): string => (deleted ? 'terminated' : 'running')

/** All that is known of a queue. */
export function renderQueue(row: QueueRow, statistics: Statistics, ranges: Ranges): Row {
  const { queue } = row
  const values: number[] = []
  QUEUES.read(queue, values)
  const past = statistics.samples ? statistics.ofQueue(queue) : null
  const source = (range: StatsSource['range']): StatsSource => ({ values, shown: QUEUES_SHOWN, past, range })
  const messageStats = messageStatsOf([['publish'], DELIVER_GROUP], source(ranges.msg_rates))
  const capacity = statistics.consumerCapacity(queue)
  const idleSince = statistics.idleSince(queue.counters, queue.createdAt)
  const residency = queue.residency()
  const { owner } = queue
  return {
    ...renderQueueConfig(row),
    ...statsOf(LENGTHS, source(ranges.lengths)),
    ...statsOf(['reductions'], source(ranges.msg_rates)),
    ...(messageStats === undefined ? {} : { message_stats: messageStats }),
    ...sizes(queue, residency),
    ...backing(queue, residency, past),
    consumers: queue.consumerCount,
    consumer_capacity: capacity,
    consumer_utilisation: capacity,
    exclusive_consumer_tag: queue.exclusiveConsumer?.tag ?? null,
    single_active_consumer_tag: queue.dispatcher.active?.tag ?? null,
    head_message_timestamp: headTimestamp(queue),
    garbage_collection: collectorFacts(),
    ...(idleSince === null ? {} : { idle_since: timeText(idleSince) }),
    ...(owner === null ? {} : { owner_pid_details: connectionDetails(owner) }),
    ...typeFacts(row),
  }
}

function policyFacts({ policy, settings }: Queue): Row {
  return {
    policy: policy?.name ?? null,
    operator_policy: policy?.operatorName ?? null,
    effective_policy_definition: Object.fromEntries(policy?.definition ?? []),
    ...(settings.deliveryLimit >= 0 ? { delivery_limit: settings.deliveryLimit } : {}),
  }
}

function sizes(queue: Queue, residency: Residency): Row {
  const { readyInMemory, readyBytes, unackedCount, unackedBytes, heldBytes } = queue
  const { alpha, beta, gamma, delta } = residency
  return {
    memory: memoryOfQueue(queue, residency),
    message_bytes: readyBytes + unackedBytes + heldBytes,
    message_bytes_ready: readyBytes,
    message_bytes_unacknowledged: unackedBytes,
    message_bytes_ram: residency.bytesInMemory,
    message_bytes_persistent: residency.bytesStored,
    message_bytes_paged_out: residency.bytesPagedOut,
    messages_ram: alpha,
    messages_ready_ram: readyInMemory,
    messages_unacknowledged_ram: unackedCount,
    messages_persistent: residency.stored,
    messages_paged_out: beta + gamma + delta,
    messages_delayed: delayedCount(queue),
    message_groups: queue.groupCount,
    ...(queue.deduplication === null ? {} : { deduplicated: queue.counters.deduplicated }),
    residency: residencyFacts(residency),
  }
}

const residencyFacts = ({ alpha, beta, gamma, delta, diskBytes, indexBytes }: Residency): Row => ({
  alpha,
  beta,
  gamma,
  delta,
  disk_bytes: diskBytes,
  index_bytes: indexBytes,
})

/** What RabbitMQ says of the inside of a classic queue, as far as it is the same here. */
function backing(queue: Queue, residency: Residency, past: Past | null): Row {
  const { type, nextNumber, readyCount, settings } = queue
  if (type !== 'classic') return {}
  const { beta, gamma, delta } = residency
  const rate = (key: string): number => (past === null ? 0 : rateOf(past, QUEUES_SHOWN[key]!))
  const paged = gamma + delta
  return {
    backing_queue_status: {
      mode: settings.lazy ? 'lazy' : 'default',
      version: 2,
      q1: 0,
      q2: 0,
      delta: ['delta', 'undefined', paged, 0, 'undefined'],
      q3: beta,
      q4: readyCount - beta - paged,
      len: readyCount,
      target_ram_count: 'infinity',
      next_seq_id: nextNumber,
      next_deliver_seq_id: nextNumber - readyCount,
      avg_ingress_rate: rate('publish'),
      avg_egress_rate: rate('deliver_get'),
      avg_ack_ingress_rate: rate('deliver_get'),
      avg_ack_egress_rate: rate('ack'),
      residency: residencyFacts(residency),
    },
  }
}

/** In seconds, as the publisher gave it; null where it did not, or where that is not known without reading the store. */
export function headTimestamp({ head }: Queue): number | null {
  const timestamp = head?.message.properties().timestamp ?? null
  return timestamp === null ? null : Number(timestamp)
}

function typeFacts({ vhost, queue }: QueueRow): Row {
  if (queue.type === 'classic') return { recoverable_slaves: null, storage_version: 2 }
  const node = vhost.broker.options.nodeName
  const { dying } = queue.parts().held
  return {
    open_files: { [node]: 0 },
    messages_dlx: dying.count,
    message_bytes_dlx: dying.bytes,
    single_active_consumer_ctag: queue.dispatcher.active?.tag ?? null,
  }
}
