import type { ChannelBook } from './channel-book.ts'
import type { QueueBook } from './ledger.ts'

/** What was published, apart from the bytes. */
export interface MessageFacts {
  readonly id: string
  /** The channel that published it; its messages have rising numbers, or -1 where their order is not known. */
  readonly publisher: string
  readonly number: number
  readonly persistent: boolean
  /** Null without the property. */
  readonly priority: number | null
}

/** Not settled by any client. */
export const OPEN = 0
/** A client has settled it, and nothing says that this is on disk. */
export const SENT = 1
/** Settled for good, or known not to be there. */
export const SURE = 2
export type Settled = typeof OPEN | typeof SENT | typeof SURE

const HISTORY_MAX = 30

export type Presence = 'sure' | 'maybe' | 'gone'

/** One message in one queue, as far as clients can know about it. */
export class Copy {
  readonly queue: QueueBook
  readonly message: MessageFacts
  /** The life of the broker in which it was put there. */
  readonly incarnation: number
  /** The broker has said that it is safe, or it was there after a restart. */
  arrived = false
  settled: Settled = OPEN
  /** The connection that settled it has ended since, so that the settlement may not have happened at all. */
  doubtful = false
  /** A client saw it delivered. */
  seen = false
  /** It may have been delivered without a client noticing. */
  maybeSeen = false
  holder: ChannelBook | null = null
  /** Returns that are on disk, and that there may have been: all of them, and those that count as failures. */
  returnsSure = 0
  returnsMost = 0
  failuresSure = 0
  failuresMost = 0
  /** Some client may have given it back, so that in a quorum queue it may come before its turn. */
  maybeReturned = false
  /** Its place when the whole queue was looked at last, or -1. */
  rank = -1
  /** A transaction whose commit was not answered published it, or settled it. */
  publishedIn: Transaction | null = null
  settledIn: Transaction | null = null
  /** Its rejection, here in the source, and here in the dead-letter queue. */
  transfer: Transfer | null = null
  origin: Transfer | null = null

  /** What happened to it, for whoever has to find a mistake. */
  readonly #history: string[] = []

  constructor(queue: QueueBook, message: MessageFacts, incarnation: number) {
    this.queue = queue
    this.message = message
    this.incarnation = incarnation
  }

  get presence(): Presence {
    if (this.settled === SURE) return 'gone'
    return this.settled === OPEN && this.arrived ? 'sure' : 'maybe'
  }

  /** Whether a restart keeps it. */
  get persistent(): boolean {
    const { facts } = this.queue
    return facts.durable && (this.message.persistent || facts.type === 'quorum')
  }

  /** By the end of so many connections, not by a client's asking. */
  mayHaveReturned(times = 1): void {
    if (times > 0) this.maybeReturned = true
    this.returnsMost += times
    this.failuresMost += times
  }

  /** Counted as a return, but back in its old place. */
  mayHaveCounted(): void {
    this.returnsMost++
    this.failuresMost++
  }

  note(event: string): void {
    if (this.#history.length < HISTORY_MAX) this.#history.push(event)
  }

  get history(): string {
    return `published in life ${this.incarnation}${this.#history.map((event) => `, ${event}`).join('')}`
  }

  /** Gone for good: whoever sees it again has seen a mistake. */
  end(): void {
    this.settled = SURE
    this.holder = null
    this.publishedIn = null
    this.settledIn = null
  }

  get title(): string {
    return `message ${this.message.id} in queue ${this.queue.facts.name}`
  }
}

/** What happens at once: publishes and settlements of one tx.commit. */
export class Transaction {
  readonly incarnation: number
  readonly published: Copy[] = []
  readonly settled: Copy[] = []
  commitSent = false
  #applied: string | null = null
  #missing: string | null = null

  constructor(incarnation: number) {
    this.incarnation = incarnation
  }

  /** A restart shows a part of it. @returns what is wrong, once two parts disagree */
  evidence(happened: boolean, what: string): string | null {
    if (happened) this.#applied ??= what
    else this.#missing ??= what
    if (this.#applied === null || this.#missing === null) return null
    return `torn transaction: ${this.#applied}, but ${this.#missing}`
  }
}

/** A rejected message on its way to the dead-letter queue. What is not known yet is null. */
export class Transfer {
  readonly source: Copy
  readonly target: Copy
  readonly atLeastOnce: boolean
  readonly incarnation: number
  sourceThere: boolean | null = null
  targetThere: boolean | null = null

  constructor(source: Copy, target: Copy, atLeastOnce: boolean, incarnation: number) {
    this.source = source
    this.target = target
    this.atLeastOnce = atLeastOnce
    this.incarnation = incarnation
  }
}
