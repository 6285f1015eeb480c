import { NOT_STORED, type QueueEntry } from '../../store/message-store.ts'
import type { Message } from '../message.ts'

/** A message that is not due yet, while it is in memory. To the store it is one that expires when it is due. */
export class DelayedEntry implements QueueEntry {
  readonly message: Message
  /** Rises by one per message of the line. */
  readonly number: number
  /** When it is due, ms since the epoch. */
  readonly expiresAt: number
  readonly level = 0
  /** It is in the heap of what is due soon. */
  isNear = false
  redelivered = false
  deliveryCount = 0
  acquiredCount = 0

  // the store's notes
  location: number = NOT_STORED
  recordBytes = 0
  page: object | null = null
  row = 0
  next: QueueEntry | null = null

  constructor(message: Message, number: number, dueAt: number) {
    this.message = message
    this.number = number
    this.expiresAt = dueAt
  }
}
