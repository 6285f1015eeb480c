import { NOT_STORED, type QueueEntry } from '../../store/message-store.ts'
import type { Consumer } from '../consumer.ts'
import { NO_ROW } from '../deduplication/value-table.ts'
import type { MessageGroup } from '../groups/message-group.ts'
import type { Message } from '../message.ts'
import type { Queue } from './queue.ts'
import type { Retries } from './retries.ts'

export const READY = 0
export const UNACKED = 1
/** Waits for its retry delay or for its dead-letter target: in the queue, not to be had. */
export const HELD = 2
/** Left the queue, or left memory for the store. The entry may still sit in a ring or heap, which skips it. */
export const GONE = 3

/** One message in one queue: what the queue knows of it apart from the shared content. */
export class Entry implements QueueEntry {
  readonly queue: Queue
  message: Message
  /** Rises by one per message of the queue; the order of delivery, and the name of the message in the log. */
  readonly number: number
  /** When it expires (ms since the epoch), or -1. */
  readonly expiresAt: number
  /** Priority lane: 0 is the lowest. */
  level: number
  state = READY
  /** Sits among the entries that came back, not in its priority's lane. */
  returned = false
  /** Handed out before. */
  redelivered = false
  /** Returns that count towards the delivery limit. */
  deliveryCount = 0
  /** All returns. */
  acquiredCount = 0
  /** What is known of its retries; null for most. */
  retries: Retries | null = null
  /** The consumer that holds it, or null (also for what a single get took). */
  consumer: Consumer | null = null
  /** The group that it is the current message of, or is parked with; null where messages are not grouped. */
  group: MessageGroup | null = null
  /** Where its queue has the value that goes with it (a row of `ValueTable`); NO_ROW for none, and for what has been read back. */
  value = NO_ROW
  /** When it was handed out last, in ms since the broker was started: a small number, which costs no allocation. */
  deliveredAt = 0

  // the store's notes; core only asks whether `location` is NOT_STORED
  location: number = NOT_STORED
  recordBytes = 0
  page: object | null = null
  row = 0
  next: QueueEntry | null = null

  constructor(queue: Queue, message: Message, number: number, expiresAt: number, level: number) {
    this.queue = queue
    this.message = message
    this.number = number
    this.expiresAt = expiresAt
    this.level = level
  }
}
