import type { Message } from '../message.ts'
import type { Consumer } from '../consumer.ts'
import type { Queue } from './queue.ts'

export const READY = 0
export const UNACKED = 1
/** Waits for its retry delay or for its dead-letter target: in the queue, not to be had. */
export const HELD = 2
/** Left the queue. The entry may still sit in a ring or heap, which skips it. */
export const GONE = 3

/** One message in one queue: what the queue knows of it apart from the shared content. */
export class Entry {
  readonly queue: Queue
  message: Message
  /** Rises by one per message of the queue; the order of delivery, and the name of the message in the log. */
  readonly number: number
  /** When it expires (ms since the epoch), or -1. */
  readonly expiresAt: number
  state = READY
  /** Sits among the entries that came back, not in its priority's lane. */
  returned = false
  /** Handed out before. */
  redelivered = false
  /** Returns that count towards the delivery limit. */
  deliveryCount = 0
  /** All returns. */
  acquiredCount = 0
  /** The consumer that holds it, or null (also for what a single get took). */
  consumer: Consumer | null = null
  /** When it was handed out, if its queue limits the time to acknowledge; else 0. */
  deliveredAt = 0

  constructor(queue: Queue, message: Message, number: number, expiresAt: number) {
    this.queue = queue
    this.message = message
    this.number = number
    this.expiresAt = expiresAt
  }
}
