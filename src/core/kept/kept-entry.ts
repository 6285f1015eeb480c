import { NOT_STORED, type QueueEntry } from '../../store/message-store.ts'
import type { Message } from '../message.ts'

/** A kept message while it is in memory. */
export class KeptEntry implements QueueEntry {
  readonly message: Message
  readonly number: number
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
