import { getHeapCodeStatistics, getHeapStatistics } from 'node:v8'
import type { Broker } from '../../core/broker.ts'
import { ENTRY_BYTES } from '../../core/message-memory.ts'
import { readMemory } from '../../telemetry/memory-reading.ts'
import type { Statistics } from '../statistics/statistics.ts'
import { CONSUMER_BYTES, QUEUE_BYTES } from './queue-memory.ts'

/** Estimates of what objects take on the heap, in bytes: measured over many. */
const READER_BYTES = 2000
const WRITER_BYTES = 2000
const SESSION_BYTES = 4000
const CONNECTION_BYTES = 6000
const BINDING_BYTES = 600
const EXCHANGE_BYTES = 1200
const USER_BYTES = 600

/** Memory by kind, in RabbitMQ's words; bytes. The kinds together are the resident memory, as far as that can be told apart. */
export interface MemoryByKind {
  readonly kinds: Readonly<Record<string, number>>
  readonly total: { readonly erlang: number; readonly rss: number; readonly allocated: number }
  /** WarrenMQ's own view. */
  readonly own: Readonly<Record<string, number>>
}

export function memoryByKind(broker: Broker, statistics: Statistics): MemoryByKind {
  const { rss, heapTotal, heapUsed, external, arrayBuffers } = readMemory()
  const { malloced_memory: malloced, heap_size_limit: heapLimit } = getHeapStatistics()
  const onHeap = { ...connectionKinds(broker), ...queueKinds(broker), ...metadataKinds(broker), code: codeBytes() }
  const index = broker.store.diskStats().indexBytes
  const histories = statistics.memoryBytes
  const known = Object.values(onHeap).reduce((sum, bytes) => sum + bytes, 0)
  const kinds = {
    ...onHeap,
    ...NOT_HERE,
    other_proc: Math.max(0, heapUsed - known),
    mgmt_db: histories,
    msg_index: index,
    binary: Math.max(0, arrayBuffers - index - histories),
    other_system: Math.max(0, external - arrayBuffers) + malloced,
    allocated_unused: Math.max(0, heapTotal - heapUsed),
    reserved_unallocated: Math.max(0, rss - heapTotal - external - malloced),
  }
  const { contentBytes, memoryBytes } = broker.store.stats()
  return {
    kinds,
    total: { erlang: heapUsed + external, rss, allocated: heapTotal + external },
    own: {
      heap_used: heapUsed,
      heap_total: heapTotal,
      heap_limit: heapLimit,
      external,
      array_buffers: arrayBuffers,
      message_contents: contentBytes,
      message_slabs: memoryBytes,
      message_entries: broker.memory.entries * ENTRY_BYTES,
      message_index: index,
      statistics: histories,
    },
  }
}

/** Of that, what is outside of the heap, by the words that RabbitMQ has for it. */
export function binaryByKind({ kinds }: MemoryByKind): Readonly<Record<string, number>> {
  return {
    connection_readers: 0,
    connection_writers: 0,
    connection_channels: 0,
    connection_other: 0,
    queue_procs: 0,
    queue_slave_procs: 0,
    quorum_queue_procs: 0,
    quorum_queue_dlx_procs: 0,
    stream_queue_procs: 0,
    stream_queue_replica_reader_procs: 0,
    stream_queue_coordinator_procs: 0,
    plugins: 0,
    mgmt_db: kinds['mgmt_db']!,
    msg_index: kinds['msg_index']!,
    other: kinds['binary']!,
  }
}

/** What there is in RabbitMQ, and not here. */
const NOT_HERE = {
  queue_slave_procs: 0,
  quorum_queue_dlx_procs: 0,
  stream_queue_procs: 0,
  stream_queue_replica_reader_procs: 0,
  stream_queue_coordinator_procs: 0,
  plugins: 0,
  metrics: 0,
  mnesia: 0,
  quorum_ets: 0,
  metadata_store_ets: 0,
  other_ets: 0,
  atom: 0,
}

function connectionKinds({ connections }: Broker): Record<string, number> {
  let sessions = 0
  let pending = 0
  for (const connection of connections) {
    sessions += connection.sessions.size
    pending += connection.traffic().pendingBytes
  }
  return {
    connection_readers: connections.size * READER_BYTES,
    connection_writers: connections.size * WRITER_BYTES + pending,
    connection_channels: sessions * SESSION_BYTES,
    connection_other: connections.size * CONNECTION_BYTES,
  }
}

function queueKinds({ vhosts }: Broker): Record<string, number> {
  const kinds = { queue_procs: 0, quorum_queue_procs: 0 }
  for (const { queues } of vhosts.values()) {
    for (const { type, consumerCount, readyInMemory, unackedCount, heldCount, heldInStore } of queues.values()) {
      const entries = readyInMemory + unackedCount + heldCount - heldInStore.count
      const bytes = QUEUE_BYTES + consumerCount * CONSUMER_BYTES + entries * ENTRY_BYTES
      if (type === 'quorum') kinds.quorum_queue_procs += bytes
      else kinds.queue_procs += bytes
    }
  }
  return kinds
}

function metadataKinds({ vhosts, users }: Broker): Record<string, number> {
  let bytes = users.list().length * USER_BYTES
  for (const { exchanges } of vhosts.values()) {
    for (const { bindings } of exchanges.values()) bytes += EXCHANGE_BYTES + bindings.size * BINDING_BYTES
  }
  return { metadata_store: bytes }
}

function codeBytes(): number {
  const code = getHeapCodeStatistics()
  return code.code_and_metadata_size + code.bytecode_and_metadata_size
}
