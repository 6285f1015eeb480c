import type { Message } from '../message.ts'
import type { Entry } from '../queues/entry.ts'
import { ACCEPTED, type Queue, REJECTED } from '../queues/queue.ts'
import type { DeduplicationHost } from './deduplication-host.ts'
import type { Identity } from './identity.ts'
import type { SeenEntry } from './seen-log.ts'
import { SeenMessages } from './seen-messages.ts'
import type { DeduplicationSettings } from './settings.ts'

/** A message that its queue is just taking. */
interface Admission {
  readonly message: Message
  /** The number that the message gets, if it stays. */
  readonly number: number
  readonly identity: Identity | null
  readonly entry: SeenEntry | null
}

/** Keeps duplicates out of a queue. */
export class QueueDeduplication {
  readonly seen: SeenMessages
  readonly #host: DeduplicationHost
  readonly #queue: Queue
  #admission: Admission | null = null

  constructor(host: DeduplicationHost, queue: Queue, settings: DeduplicationSettings) {
    const { name, durable } = queue
    this.#host = host
    this.#queue = queue
    this.seen = new SeenMessages(host, { kind: 'queue', name, durable }, settings)
  }

  /** Whether a message has to come by here before its queue takes it: false while it does. */
  intercepts(message: Message): boolean {
    return this.#admission?.message !== message
  }

  /** Has the queue take a message, or leaves it out. @returns ACCEPTED or REJECTED */
  publish(message: Message): number {
    return this.#take(message, this.seen.identify(message))
  }

  /**
   * As `publish`, for a message that the queue kept until it was due. It was looked at when it came; only where what counts is what is in
   * the queue, it comes into it now.
   */
  publishDue(message: Message): number {
    const identity = this.seen.goesWithMessages ? this.seen.identify(message) : null
    return this.#take(message, identity === null || identity.key === null ? null : { ...identity, publisher: null })
  }

  #take(message: Message, identity: Identity | null): number {
    const outer = this.#admission
    if (outer !== null) this.#overtake(outer)
    if (identity !== null && this.#knows(message, identity)) {
      this.#queue.counters.deduplicated++
      message.position = Math.max(message.position, this.seen.lastPosition)
      return ACCEPTED
    }
    const number = this.#queue.nextNumber
    const entry = identity === null ? null : this.seen.begin(identity, number)
    this.#admission = { message, number, identity, entry }
    const { store } = this.#host
    store.begin()
    try {
      const outcome = this.#queue.publish(message)
      this.#admitted(this.#admission, outcome)
      return outcome
    } finally {
      store.end()
      this.#admission = outer
    }
  }

  /** Another message comes while one is given to who waits for it, or is refused: that one has no place in the queue, nor gets one. */
  #overtake({ identity, number }: Admission): void {
    if (number === this.#queue.nextNumber && identity !== null) this.#release(identity, number)
  }

  #admitted({ message, identity, number, entry }: Admission, outcome: number): void {
    if (identity === null) return
    if (outcome === REJECTED) {
      this.seen.refuse(identity, entry)
      return
    }
    if (number === this.#queue.nextNumber) this.#release(identity, number)
    this.seen.accept(message, identity, entry, this.#queue.logs(message))
  }

  /** Whether a message would be left out now. */
  isDuplicate(message: Message): boolean {
    const identity = this.seen.identify(message)
    return identity !== null && this.#knows(message, identity)
  }

  #knows({ deaths }: Message, identity: Identity): boolean {
    // one that died here comes back as itself, whatever way it came
    if (deaths !== null && deaths.some(({ queue }) => queue === this.#queue.name)) return false
    if (!this.seen.isDuplicate(identity)) return false
    const { readyCount, unackedCount, heldCount } = this.#queue
    if (!this.seen.goesWithMessages || readyCount + unackedCount + heldCount > 0) return true
    // messages were lost to damage, and their values were not
    this.seen.clearValues()
    return this.seen.isDuplicate(identity)
  }

  /** A message has left the queue for good, and its bytes are still there. */
  ended(entry: Entry): void {
    if (!this.seen.goesWithMessages) return
    const identity = this.seen.identify(entry.message)
    if (identity !== null) this.#release(identity, entry.number)
  }

  #release({ key }: Identity, number: number): void {
    if (key !== null) this.seen.release(key, number)
  }

  /** All that was ready is about to go. */
  purged(): void {
    this.seen.clearValues()
  }
}
