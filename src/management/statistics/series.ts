import type { ClientConnection } from '../../core/client-connection.ts'
import type { Consumer } from '../../core/consumer.ts'
import type { Exchange } from '../../core/exchange.ts'
import type { MessageCounters, PublishCounters, SourceCounters } from '../../core/message-counters.ts'
import type { Queue } from '../../core/queues/queue.ts'
import type { SeriesKind } from './history.ts'

/** What is sampled of one kind of object. */
export interface Series<T> {
  /** By RabbitMQ's names, in the order in which `read` gives the values. */
  readonly keys: readonly string[]
  readonly kinds: readonly SeriesKind[]
  read(object: T, out: number[]): void
}

/** A key that is shown, and the series whose sum it is. */
export type Shown = Readonly<Record<string, readonly number[]>>

/** @param sums keys that are sums of others */
function shown(keys: readonly string[], sums: Readonly<Record<string, readonly string[]>> = {}): Shown {
  const own = keys.map((key, i) => [key, [i]] as const)
  const derived = Object.entries(sums).map(([key, parts]) => [key, parts.map((part) => keys.indexOf(part))] as const)
  return Object.fromEntries([...own, ...derived])
}

const all = (kind: SeriesKind, keys: readonly string[]): SeriesKind[] => keys.map(() => kind)

const DELIVERED = ['deliver', 'deliver_no_ack', 'get', 'get_no_ack'] as const
const DELIVERY_KEYS = [...DELIVERED, 'get_empty', 'redeliver', 'ack'] as const
const PUBLISH_KEYS = ['publish', 'confirm', 'return_unroutable', 'drop_unroutable'] as const
const LENGTH_KEYS = ['messages_ready', 'messages_unacknowledged', 'messages_held'] as const

// ---- channels, and what is the sum of channels ----

const MESSAGE_KEYS = [...PUBLISH_KEYS, ...DELIVERY_KEYS] as const

export function readMessages(counters: MessageCounters, out: number[]): void {
  out[0] = counters.published
  out[1] = counters.confirmed
  out[2] = counters.returned
  out[3] = counters.unroutable
  out[4] = counters.delivered
  out[5] = counters.deliveredNoAck
  out[6] = counters.got
  out[7] = counters.gotNoAck
  out[8] = counters.getEmpty
  out[9] = counters.redelivered
  out[10] = counters.acknowledged
}

export const MESSAGES: Series<MessageCounters> = {
  keys: MESSAGE_KEYS,
  kinds: all('counter', MESSAGE_KEYS),
  read: readMessages,
}
export const MESSAGES_SHOWN = shown(MESSAGE_KEYS, { deliver_get: DELIVERED, reductions: MESSAGE_KEYS })

// ---- queues ----

const QUEUE_COUNTERS = ['publish', ...DELIVERY_KEYS] as const
const QUEUE_KEYS = [...QUEUE_COUNTERS, ...LENGTH_KEYS] as const

export const QUEUES: Series<Queue> = {
  keys: QUEUE_KEYS,
  kinds: [...all('counter', QUEUE_COUNTERS), ...all('gauge', LENGTH_KEYS)],
  read(queue, out) {
    const { counters } = queue
    out[0] = counters.published
    out[1] = counters.delivered
    out[2] = counters.deliveredNoAck
    out[3] = counters.got
    out[4] = counters.gotNoAck
    out[5] = counters.getEmpty
    out[6] = counters.redelivered
    out[7] = counters.acknowledged
    out[8] = queue.readyCount
    out[9] = queue.unackedCount
    out[10] = queue.heldCount
  },
}
export const QUEUES_SHOWN = shown(QUEUE_KEYS, {
  deliver_get: DELIVERED,
  messages: LENGTH_KEYS,
  reductions: QUEUE_COUNTERS,
})

// ---- exchanges ----

const EXCHANGE_KEYS = ['publish_in', 'publish_out'] as const

export const EXCHANGES: Series<Exchange> = {
  keys: EXCHANGE_KEYS,
  kinds: all('counter', EXCHANGE_KEYS),
  read(exchange, out) {
    out[0] = exchange.publishedIn
    out[1] = exchange.publishedOut
  },
}
export const EXCHANGES_SHOWN = shown(EXCHANGE_KEYS)

// ---- connections ----

const CONNECTION_KEYS = ['recv_oct', 'send_oct', 'reductions'] as const

/** Reads and writes stand for what RabbitMQ calls reductions: the work that a connection makes. */
export const CONNECTIONS: Series<ClientConnection> = {
  keys: CONNECTION_KEYS,
  kinds: ['real', 'real', 'counter'],
  read(connection, out) {
    const { receivedBytes, sentBytes, receivedPackets, sentPackets } = connection.traffic()
    out[0] = receivedBytes
    out[1] = sentBytes
    out[2] = receivedPackets + sentPackets
  },
}
export const CONNECTIONS_SHOWN = shown(CONNECTION_KEYS)

// ---- virtual hosts and the node: what the sampler sums up ----

export const VHOST_KEYS = [...MESSAGE_KEYS, ...LENGTH_KEYS, 'recv_oct', 'send_oct'] as const
export const VHOST_KINDS: readonly SeriesKind[] = all('real', VHOST_KEYS)
export const VHOSTS_SHOWN = shown(VHOST_KEYS, { deliver_get: DELIVERED, messages: LENGTH_KEYS })

export const CHURN_KEYS = [
  'connection_created',
  'connection_closed',
  'channel_created',
  'channel_closed',
  'queue_declared',
  'queue_created',
  'queue_deleted',
] as const

/** What is counted of the disk, beside the times of operations. */
const DISK_KEYS = [
  'io_read_count',
  'io_read_bytes',
  'io_read_time',
  'io_write_count',
  'io_write_bytes',
  'io_write_time',
  'io_sync_count',
  'io_sync_time',
  'msg_store_read_count',
  'msg_store_write_count',
  'queue_index_read_count',
  'queue_index_write_count',
  'mnesia_ram_tx_count',
  'mnesia_disk_tx_count',
] as const

const PROCESS_KEYS = [
  'mem_used',
  'fd_used',
  'sockets_used',
  'proc_used',
  'disk_free',
  'gc_num',
  'gc_bytes_reclaimed',
  'context_switches',
] as const

export const NODE_KEYS = [...VHOST_KEYS, ...CHURN_KEYS, ...DISK_KEYS, ...PROCESS_KEYS] as const
export const NODE_KINDS: readonly SeriesKind[] = all('real', NODE_KEYS)
export const NODE_SHOWN = shown(NODE_KEYS, {
  deliver_get: DELIVERED,
  messages: LENGTH_KEYS,
  disk_reads: ['msg_store_read_count'],
  disk_writes: ['msg_store_write_count'],
})
export type NodeKey = (typeof NODE_KEYS)[number]

// ---- what goes from where to where ----

const SOURCE_KEYS = ['publish'] as const

export const SOURCES: Series<SourceCounters> = {
  keys: SOURCE_KEYS,
  kinds: all('counter', SOURCE_KEYS),
  read(source, out) {
    out[0] = source.published
  },
}
export const SOURCES_SHOWN = shown(SOURCE_KEYS)

const PUBLISHED_KEYS = ['publish', 'return_unroutable', 'drop_unroutable'] as const

export const PUBLISHED: Series<PublishCounters> = {
  keys: PUBLISHED_KEYS,
  kinds: all('counter', PUBLISHED_KEYS),
  read(counters, out) {
    out[0] = counters.published
    out[1] = counters.returned
    out[2] = counters.unroutable
  },
}
export const PUBLISHED_SHOWN = shown(PUBLISHED_KEYS)

const CONSUMER_KEYS = ['deliver', 'redeliver', 'ack'] as const

/** Deliveries of a consumer: with or without acknowledgement, which is the consumer's to say. */
export const CONSUMERS: Series<Consumer> = {
  keys: CONSUMER_KEYS,
  kinds: all('counter', CONSUMER_KEYS),
  read(consumer, out) {
    out[0] = consumer.delivered
    out[1] = consumer.redelivered
    out[2] = consumer.acknowledged
  },
}
export const CONSUMERS_SHOWN = shown(CONSUMER_KEYS)
