import { ENTRY_BYTES } from '../../core/message-memory.ts'
import type { Queue } from '../../core/queues/queue.ts'
import type { Residency } from '../../core/queues/residency.ts'

/** A queue without messages and consumers: measured over many. */
export const QUEUE_BYTES = 3000
export const CONSUMER_BYTES = 600

/** Memory that a queue takes, an estimate in bytes: itself, its messages in memory, and the index of those that are not. */
export function memoryOfQueue({ consumerCount }: Queue, { alpha, bytesInMemory, indexBytes }: Residency): number {
  return QUEUE_BYTES + consumerCount * CONSUMER_BYTES + alpha * ENTRY_BYTES + bytesInMemory + indexBytes
}
