import type { StoredCounts } from '../../store/message-store.ts'
import type { Queue } from './queue.ts'
import type { ReadyMessages } from './ready-messages.ts'

/**
 * Where a queue's messages are, in the words that RabbitMQ has for it. `alpha`, `beta`, `gamma` and `delta` are counts and make up
 * all messages of the queue: ready, unacknowledged and held. Bytes are bytes of bodies, unless they say otherwise.
 */
export interface Residency {
  /** Body and index entry in memory, also if they are on disk besides. */
  readonly alpha: number
  /** Body on disk, index entry in memory. */
  readonly beta: number
  /** Body and index entry on disk. */
  readonly gamma: number
  /** As gamma, with a record that several queues share. */
  readonly delta: number
  /** Messages that are on disk, whether or not in memory. */
  readonly stored: number
  /** Of the messages in memory (RabbitMQ: message_bytes_ram). */
  readonly bytesInMemory: number
  /** Of the messages that are not (RabbitMQ: message_bytes_paged_out). */
  readonly bytesPagedOut: number
  /** Of the messages that are on disk, whether or not in memory (RabbitMQ: message_bytes_persistent, where all are persistent). */
  readonly bytesStored: number
  /** Bytes that the queue takes on disk: records and index. */
  readonly diskBytes: number
  /** Bytes of memory that the index takes for what is not in memory itself. */
  readonly indexBytes: number
  /** Messages written to disk and read back, since the broker was started. */
  readonly diskWrites: number
  readonly diskReads: number
}

/** @param stored what the store says of the queue */
export function residencyOf(queue: Queue, ready: ReadyMessages, stored: StoredCounts): Residency {
  const { unackedCount, unackedBytes, heldCount, heldBytes, heldInStore } = queue
  // the store counts index entries, core messages: one that is on its way must not make a count negative
  const onDisk = Math.min(stored.pagedOut, ready.pagedCount)
  const delta = Math.min(stored.pagedOutShared, onDisk)
  return {
    alpha: ready.count - ready.pagedCount + unackedCount + heldCount - heldInStore.count,
    // the index of what is held stays in memory
    beta: ready.pagedCount - onDisk + heldInStore.count,
    gamma: onDisk - delta,
    delta,
    stored: stored.messages,
    bytesInMemory: ready.bytes - ready.pagedBytes + unackedBytes + heldBytes - heldInStore.bytes,
    bytesPagedOut: ready.pagedBytes + heldInStore.bytes,
    bytesStored: stored.bodyBytes,
    diskBytes: stored.diskBytes,
    indexBytes: stored.indexBytes,
    diskWrites: stored.writes,
    diskReads: stored.reads,
  }
}
