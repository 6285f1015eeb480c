import { BinaryHeap } from '../../../util/binary-heap.ts'
import type { Clock, Timer, TimerTarget } from '../../../util/clock.ts'

/** Rows of the heap that need not be swept, however few of them are wanted. */
const SWEEP_MIN = 1024

interface Expiring<Shelf> {
  readonly shelf: Shelf
  readonly topic: string
  readonly number: number
  /** ms since the epoch */
  readonly expiresAt: number
}

/** Has retained messages go when their time is up, with one timer for all. */
export class RetainedExpiry<Shelf> implements TimerTarget {
  readonly #clock: Clock
  readonly #isThere: (shelf: Shelf, topic: string, number: number) => boolean
  readonly #expire: (shelf: Shelf, topic: string) => void
  readonly #heap = new BinaryHeap<Expiring<Shelf>>((a, b) => a.expiresAt - b.expiresAt)
  #sweepAt = SWEEP_MIN
  #timer: Timer | null = null

  /** @param isThere whether it is still the message of its topic */
  constructor(
    clock: Clock,
    isThere: (shelf: Shelf, topic: string, number: number) => boolean,
    expire: (shelf: Shelf, topic: string) => void,
  ) {
    this.#clock = clock
    this.#isThere = isThere
    this.#expire = expire
  }

  add(row: Expiring<Shelf>): void {
    this.#heap.push(row)
    // messages that went otherwise stay in the heap until their time: not more of them than of the others
    if (this.#heap.size >= this.#sweepAt) this.#sweep()
    this.#arm()
  }

  #sweep(): void {
    this.#heap.retain(({ shelf, topic, number }) => this.#isThere(shelf, topic, number))
    this.#sweepAt = Math.max(SWEEP_MIN, this.#heap.size * 2)
  }

  /** A virtual host is gone. */
  forget(shelf: Shelf): void {
    this.#heap.retain((row) => row.shelf !== shelf)
    this.#arm()
  }

  #arm(): void {
    const next = this.#heap.peek()
    if (this.#timer !== null && next !== undefined && this.#timer.dueAt <= next.expiresAt) return
    this.#timer?.cancel()
    this.#timer = null
    if (next !== undefined) this.#timer = this.#clock.schedule(next.expiresAt - this.#clock.now(), this)
  }

  onTimer(now: number): void {
    this.#timer = null
    for (let row = this.#heap.peek(); row !== undefined && row.expiresAt <= now; row = this.#heap.peek()) {
      this.#heap.pop()
      if (this.#isThere(row.shelf, row.topic, row.number)) this.#expire(row.shelf, row.topic)
    }
    this.#arm()
  }

  close(): void {
    this.#timer?.cancel()
    this.#heap.clear()
  }
}
