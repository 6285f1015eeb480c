import { type Content, NOT_STORED, type QueueEntry } from '../../src/store/message-store.ts'

/** A queue's note of a message, as the store's tests keep it. */
export class StoreTestEntry<C extends Content> implements QueueEntry {
  readonly number: number
  readonly message: C
  level: number
  readonly expiresAt: number
  redelivered = false
  deliveryCount = 0
  acquiredCount = 0
  location = NOT_STORED
  recordBytes = 0
  page: object | null = null
  row = 0
  next: QueueEntry | null = null

  /** @param expiresAt ms since the epoch; -1: never */
  constructor(number: number, message: C, level = 0, expiresAt = -1) {
    this.number = number
    this.message = message
    this.level = level
    this.expiresAt = expiresAt
  }
}
