import { BinaryHeap } from '../../util/binary-heap.ts'
import type { Clock, Timer, TimerTarget } from '../../util/clock.ts'
import { RingDeque } from '../../util/ring-deque.ts'
import { type Entry, GONE } from './entry.ts'

/** Entries expired in one go; more of them wait for the next turn, so that a mass expiry stalls nobody. */
const BATCH_MAX = 1000
const SWEEP_SLACK = 1024

/**
 * The entries of one queue by the time they expire, wherever in the queue they are. Queues mostly give all messages the same time to
 * live, so entries mostly come in the order of their expiry and a ring does; the others go to a heap.
 */
export class Expiry implements TimerTarget {
  readonly #clock: Clock
  readonly #expire: (entry: Entry) => void
  readonly #inOrder = new RingDeque<Entry>()
  readonly #outOfOrder = new BinaryHeap<Entry>((a, b) => a.expiresAt - b.expiresAt)
  #sweepAt = SWEEP_SLACK
  #timer: Timer | null = null

  constructor(clock: Clock, expire: (entry: Entry) => void) {
    this.#clock = clock
    this.#expire = expire
  }

  add(entry: Entry): void {
    const last = this.#inOrder.peekLast()
    if (last === undefined || last.expiresAt <= entry.expiresAt) this.#inOrder.push(entry)
    else this.#outOfOrder.push(entry)
    if (this.#inOrder.size + this.#outOfOrder.size > this.#sweepAt) this.#sweep()
    if (this.#timer === null || this.#timer.dueAt > entry.expiresAt) this.#arm(entry.expiresAt)
  }

  onTimer(now: number): void {
    this.#timer = null
    for (let i = 0; i < BATCH_MAX; i++) {
      const entry = this.#first()
      if (entry === undefined || entry.expiresAt > now) break
      this.#take(entry)
      if (entry.state !== GONE) this.#expire(entry)
    }
    const next = this.#first()
    if (next !== undefined) this.#arm(next.expiresAt)
  }

  close(): void {
    this.#timer?.cancel()
    this.#timer = null
    this.#inOrder.clear()
    this.#outOfOrder.clear()
  }

  #arm(dueAt: number): void {
    this.#timer?.cancel()
    this.#timer = this.#clock.schedule(Math.max(0, dueAt - this.#clock.now()), this)
  }

  #first(): Entry | undefined {
    const ordered = this.#inOrder.peek()
    const other = this.#outOfOrder.peek()
    if (ordered === undefined || other === undefined) return ordered ?? other
    return ordered.expiresAt <= other.expiresAt ? ordered : other
  }

  #take(entry: Entry): void {
    if (this.#inOrder.peek() === entry) this.#inOrder.shift()
    else this.#outOfOrder.pop()
  }

  /** Entries that were consumed before their time stay here until then, unless they become the majority. */
  #sweep(): void {
    const isThere = (entry: Entry): boolean => entry.state !== GONE
    this.#inOrder.filter(isThere)
    this.#outOfOrder.retain(isThere)
    this.#sweepAt = 2 * (this.#inOrder.size + this.#outOfOrder.size) + SWEEP_SLACK
  }
}
