import { NOT_STORED, type QueueEntry } from '../store/message-store.ts'
import type { Message } from './message.ts'

/** A message of a side log while it is in memory. */
export class SideLogEntry implements QueueEntry {
  readonly message: Message
  /** Rises by one per message of the log. */
  readonly number: number
  /** ms since the epoch; -1: never. */
  readonly expiresAt: number
  readonly level = 0
  redelivered = false
  deliveryCount = 0
  acquiredCount = 0

  // the store's notes
  location: number = NOT_STORED
  recordBytes = 0
  page: object | null = null
  row = 0
  next: QueueEntry | null = null

  constructor(message: Message, number: number, expiresAt: number) {
    this.message = message
    this.number = number
    this.expiresAt = expiresAt
  }
}
