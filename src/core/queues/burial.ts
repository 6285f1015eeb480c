import { STATE_DYING } from '../../store/message-store.ts'
import type { DeathReason, Message } from '../message.ts'
import type { Target } from '../router.ts'
import type { Entries } from './entries.ts'
import { type Entry, GONE } from './entry.ts'
import type { HeldMessages } from './held-messages.ts'
import type { QueueHost } from './queue-host.ts'
import type { Queue } from './queue.ts'
import { markOf } from './recovered-load.ts'
import { retryFactsOf } from './retries.ts'

/** How long a message that could not be dead-lettered safely waits for the next try. */
const RETRY_MS = 5_000

/** Where the messages of a queue end that nobody acknowledged: dead-lettered, if the queue does so, or dropped. */
export class Burial {
  readonly #queue: Queue
  readonly #host: QueueHost
  readonly #entries: Entries
  readonly #held: HeldMessages
  readonly #forget: (entry: Entry) => void

  /** @param forget lets go of an entry that is GONE */
  constructor(queue: Queue, host: QueueHost, entries: Entries, held: HeldMessages, forget: (entry: Entry) => void) {
    this.#queue = queue
    this.#host = host
    this.#entries = entries
    this.#held = held
    this.#forget = forget
  }

  /** The entry is out of all lists: dead-letters it, if the queue does so, and lets go of it. */
  discard(entry: Entry, reason: DeathReason): void {
    const { settings } = this.#queue
    this.#host.observer?.died(this.#queue, entry.message, reason, settings.deadLetterExchange !== null)
    if (settings.deadLetterExchange !== null && settings.deadLetterStrategy === 'at-least-once') {
      this.#durably(entry, reason, null)
      return
    }
    entry.state = GONE
    const { store } = this.#host
    const moves = settings.deadLetterExchange !== null
    // or a crash between the two would leave the message in both queues
    if (moves) store.begin()
    this.bury(entry.message, reason, entry)
    this.#forget(entry)
    if (moves) store.end()
  }

  /** For a queue that keeps nothing, and could not deliver it at once. @returns `outcome` */
  drop(message: Message, outcome: number): number {
    this.#host.observer?.died(this.#queue, message, 'maxlen', false)
    this.#queue.counters.droppedFor.maxlen++
    return outcome
  }

  /** Goes on with an entry that waited for a target. @param takenBy the targets that have it */
  again(entry: Entry, reason: DeathReason, takenBy = new Set<Target>()): void {
    if (this.#queue.settings.deadLetterStrategy === 'at-least-once') this.#durably(entry, reason, takenBy)
    else this.discard(entry, reason)
  }

  /** At most once, for a message that the queue does not have (any more). @param entry what it was there, or null if it never was */
  bury(message: Message, reason: DeathReason, entry: Entry | null): void {
    const { settings, counters } = this.#queue
    if (settings.deadLetterExchange === null) {
      counters.droppedFor[reason]++
      return
    }
    counters.deadLettered++
    this.#host.deadLetter(this.#queue, message, reason, null, entry === null ? null : retryFactsOf(entry))
  }

  /**
   * At least once: the message stays with its queue until all targets have taken it, or a policy says otherwise.
   * @param before the targets that took it in earlier tries; null for the first
   */
  #durably(entry: Entry, reason: DeathReason, before: Set<Target> | null): void {
    const { store } = this.#host
    const takenBy = before ?? new Set<Target>()
    store.begin()
    const isTaken = this.#host.deadLetter(this.#queue, entry.message, reason, takenBy, retryFactsOf(entry))
    if (isTaken) {
      this.#queue.counters.deadLettered++
      entry.state = GONE
      this.#forget(entry)
    }
    store.end()
    if (isTaken) return
    // it will not be delivered any more, so the next of its group need not wait for its target
    entry.group?.left(entry)
    if (before === null) this.#entries.record(entry, STATE_DYING, 0, markOf(reason))
    this.#held.hold(entry, RETRY_MS, (held) => this.again(held, reason, takenBy))
  }
}
