import type { LoadedMessage, QueueLog } from '../../store/message-store.ts'
import type { Timer } from '../../util/clock.ts'
import { ENTRY_BYTES } from '../message-memory.ts'
import type { Entry } from './entry.ts'
import { HELD } from './entry.ts'
import { HeldInStore } from './held-in-store.ts'
import type { Wait } from './look.ts'
import type { QueueHost } from './queue-host.ts'
import type { Queue } from './queue.ts'

/** What is due so soon stays in memory. */
const SOON_MS = 1000
/** Until a message is tried again whose place is just being read from the store, or which is being written. */
const PLACE_RETRY_MS = 10

interface Held {
  readonly entry: Entry
  /** What becomes of it. */
  readonly next: (entry: Entry) => void
}

/** A message that waits. */
export interface HeldRow {
  readonly number: number
  /** Ms since the epoch. */
  readonly dueAt: number
  readonly wait: Wait
  /** Null for what is in the store only. */
  readonly entry: Entry | null
}

// Of a queue at which nothing waits, as at most: never written to.
const NO_TIMERS = new Map<Timer, Held>()
const NOTHING_RESTS = new Map<Entry, Timer>()

/**
 * The messages of a queue that wait: for their next try after a failure, or for a dead-letter target that takes them. Where memory is
 * short, what waits for its next try, and is on disk, leaves it.
 */
export class HeldMessages {
  readonly #queue: Queue
  readonly #host: QueueHost
  readonly #log: QueueLog
  readonly #release: (entry: Entry) => void
  #timers = NO_TIMERS
  /** Those that wait for their next try: they may leave memory. */
  #resting = NOTHING_RESTS
  #restingBytes = 0
  #bytes = 0
  readonly #stored: HeldInStore

  /** @param release takes an entry that is to be had again */
  constructor(queue: Queue, host: QueueHost, log: QueueLog, release: (entry: Entry) => void) {
    this.#queue = queue
    this.#host = host
    this.#log = log
    this.#release = release
    this.#stored = new HeldInStore(queue, host, log, release)
  }

  get count(): number {
    return this.#timers.size + this.#stored.count
  }

  /** Body bytes. */
  get bytes(): number {
    return this.#bytes + this.#stored.bytes
  }

  /** What of `count` and `bytes` is in the store only. */
  get inStore(): { readonly count: number; readonly bytes: number } {
    return this.#stored
  }

  /** Those that wait for a dead-letter target. Who waits for its place counts, too, for the moment that this takes. */
  get dying(): { readonly count: number; readonly bytes: number } {
    return { count: this.#timers.size - this.#resting.size, bytes: this.#bytes - this.#restingBytes }
  }

  /** Keeps an entry for so many ms, and hands it to `then`. */
  hold(entry: Entry, delayMs: number, then: (entry: Entry) => void): Timer {
    entry.state = HELD
    const { bodyLength } = entry.message
    this.#bytes += bodyLength
    const timer = this.#host.clock.schedule(delayMs, {
      onTimer: () => {
        this.#timers.delete(timer)
        this.#bytes -= bodyLength
        then(entry)
      },
    })
    if (this.#timers === NO_TIMERS) this.#timers = new Map()
    this.#timers.set(timer, { entry, next: then })
    return timer
  }

  /** Keeps an entry for so many ms, until it is to be had again. The log knows of it. */
  rest(entry: Entry, delayMs: number): void {
    const timer = this.hold(entry, delayMs, () => {
      this.#stopResting(entry)
      this.#release(entry)
    })
    if (this.#resting === NOTHING_RESTS) this.#resting = new Map()
    this.#resting.set(entry, timer)
    this.#restingBytes += entry.message.bodyLength
  }

  /** Keeps an entry that is back, until its place can be had. */
  waitForPlace(entry: Entry): void {
    this.hold(entry, PLACE_RETRY_MS, this.#release)
  }

  /** Hands over those that are back, and only wait for their places. @returns how many */
  endWaitForPlace(take: (entry: Entry) => void): number {
    let count = 0
    if (this.#timers.size === this.#resting.size) return count
    for (const [timer, { entry, next }] of this.#timers) {
      if (next !== this.#release) continue
      this.#stopHolding(timer, entry)
      take(entry)
      count++
    }
    return count
  }

  #stopHolding(timer: Timer, entry: Entry): void {
    timer.cancel()
    this.#timers.delete(timer)
    this.#bytes -= entry.message.bodyLength
  }

  #stopResting(entry: Entry): void {
    if (this.#resting.delete(entry)) this.#restingBytes -= entry.message.bodyLength
  }

  /**
   * Ends the wait of these messages: `take` gets those that waited for their next try, the others go on with what they waited for, or with
   * `drops` are handed to `take`, too.
   * @returns how many waited
   */
  async endWait(numbers: ReadonlySet<number>, drops: boolean, take: (entry: Entry) => void): Promise<number> {
    let count = 0
    for (const [timer, { entry, next }] of [...this.#timers]) {
      if (!numbers.has(entry.number)) continue
      this.#stopHolding(timer, entry)
      const rested = this.#resting.has(entry)
      this.#stopResting(entry)
      if (rested || drops) take(entry)
      else next(entry)
      count++
    }
    return count + (await this.#stored.take(numbers, take))
  }

  /** All of them, in no particular order. */
  rows(): HeldRow[] {
    const rows: HeldRow[] = []
    for (const [{ dueAt }, { entry }] of this.#timers) {
      const wait = this.#resting.has(entry) ? 'next attempt' : 'dead-letter target'
      rows.push({ number: entry.number, dueAt, wait, entry })
    }
    for (const { number, dueAt } of this.#stored.rows()) rows.push({ number, dueAt, wait: 'next attempt', entry: null })
    return rows
  }

  /** A message that was resting when the broker ended. @returns whether it can stay in the store */
  staysInStore({ number, dueAt, bodyLength }: LoadedMessage): boolean {
    const { clock, memory } = this.#host
    if (!memory.limited || dueAt - clock.now() < SOON_MS) return false
    this.#stored.add(number, dueAt, bodyLength)
    return true
  }

  /** Bytes of memory that could be had, about. */
  get excess(): number {
    return this.#resting.size * ENTRY_BYTES + this.#restingBytes
  }

  /** Lets go of entries. @returns how many left */
  evict(entriesMax: number): number {
    const soon = this.#host.clock.now() + SOON_MS
    let looks = Math.min(entriesMax, this.#resting.size)
    let left = 0
    for (const [entry, timer] of this.#resting) {
      if (looks-- === 0) break
      const { dueAt } = timer
      if (dueAt < soon || !this.#log.isStored(entry)) {
        // others have their turn next time
        this.#resting.delete(entry)
        this.#resting.set(entry, timer)
        continue
      }
      this.#stopHolding(timer, entry)
      this.#stopResting(entry)
      this.#stored.add(entry.number, dueAt, entry.message.bodyLength)
      this.#queue.heldLeftMemory(entry)
      left++
    }
    return left
  }

  /** Nobody waits any longer. */
  close(end: (entry: Entry) => void): void {
    const entries = [...this.#timers]
    this.#timers.clear()
    this.#resting.clear()
    this.#restingBytes = 0
    this.#bytes = 0
    this.#stored.close()
    for (const [timer, { entry }] of entries) {
      timer.cancel()
      end(entry)
    }
  }
}
