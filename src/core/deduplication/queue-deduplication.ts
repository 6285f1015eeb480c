import type { Message } from '../message.ts'
import type { Entry } from '../queues/entry.ts'
import { ACCEPTED, type Queue, REJECTED } from '../queues/queue.ts'
import type { DeduplicationHost } from './deduplication-host.ts'
import { Identity } from './identity.ts'
import { SeenMessages } from './seen-messages.ts'
import type { DeduplicationSettings } from './settings.ts'

/** Keeps duplicates out of a queue. */
export class QueueDeduplication {
  readonly seen: SeenMessages
  readonly #host: DeduplicationHost
  readonly #queue: Queue
  /** Where values go with messages: what the queue is just taking, until it has its place there; else null. */
  #placing: Identity | null = null
  /** Whose that is. */
  #message: Message | null = null

  constructor(host: DeduplicationHost, queue: Queue, settings: DeduplicationSettings) {
    const { name, durable } = queue
    this.#host = host
    this.#queue = queue
    const owner = { kind: 'queue', name, durable } as const
    this.seen = new SeenMessages(host, owner, settings, (numbers) => queue.findLogged(numbers))
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
    const key = identity?.key ?? null
    return this.#take(message, key === null ? null : new Identity(key, null, -1))
  }

  #take(message: Message, identity: Identity | null): number {
    if (identity === null) return this.#queue.admit(message)
    // another one is given to who waits for it, or is refused, and this one comes meanwhile: that one has no place, nor gets one
    if (this.#placing !== null) this.seen.forget(this.#placing)
    if (this.#knows(message, identity)) {
      this.#queue.counters.deduplicated++
      message.position = Math.max(message.position, this.seen.lastPosition)
      return ACCEPTED
    }
    this.seen.begin(message, identity)
    const { store } = this.#host
    store.begin()
    try {
      const outcome = this.seen.goesWithMessages ? this.#place(message, identity) : this.#queue.admit(message)
      if (outcome === REJECTED) this.seen.refuse(identity)
      else this.seen.accept(message, identity, this.#queue.logs(message))
      return outcome
    } finally {
      store.end()
    }
  }

  /** Has the queue take a message whose value goes with it. */
  #place(message: Message, identity: Identity): number {
    const outer = this.#message
    this.#placing = identity
    this.#message = message
    try {
      return this.#queue.admit(message)
    } finally {
      // it went as it came
      if (this.#placing === identity) this.seen.forget(identity)
      this.#placing = null
      this.#message = outer
    }
  }

  /** The queue has made an entry for a message that it takes. */
  placed(entry: Entry): void {
    if (entry.message !== this.#message || this.#placing === null) return
    entry.value = this.seen.hold(this.#placing, entry.number)
    this.#placing = null
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
  ended({ message, number, value }: Entry): void {
    this.seen.release(message, number, value)
  }

  /** All that was ready is about to go. */
  purged(): void {
    this.seen.clearValues()
  }
}
