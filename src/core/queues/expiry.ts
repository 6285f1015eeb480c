import { BinaryHeap } from '../../util/binary-heap.ts'
import type { Clock, Timer, TimerTarget } from '../../util/clock.ts'
import { RingDeque } from '../../util/ring-deque.ts'
import { type Entry, GONE } from './entry.ts'

/** Entries expired in one go; more of them wait for the next turn, so that a mass expiry stalls nobody. */
const BATCH_MAX = 1000
/** Entries without a future that may be kept, on top of as many as there are others. */
const SWEEP_SLACK = 1024

export interface ExpiryHost {
  /** Whether nothing may expire for the moment. */
  expiryWaits(): boolean
  onExpired(entry: Entry): void
}

/**
 * The entries of one queue by the time they expire, wherever in the queue they are. Queues mostly give all messages the same time to
 * live, so entries mostly come in the order of their expiry and a ring does; the others go to a heap.
 */
export class Expiry implements TimerTarget {
  readonly #clock: Clock
  readonly #host: ExpiryHost
  readonly #inOrder = new RingDeque<Entry>()
  readonly #outOfOrder = new BinaryHeap<Entry>((a, b) => a.expiresAt - b.expiresAt)
  /** Entries in here that left the queue before their time; a few more when some had been taken out by then. */
  #gone = 0
  #firing = false
  #timer: Timer | null = null

  constructor(clock: Clock, host: ExpiryHost) {
    this.#clock = clock
    this.#host = host
  }

  /** Entries kept here, dead ones included. */
  get size(): number {
    return this.#inOrder.size + this.#outOfOrder.size
  }

  add(entry: Entry): void {
    const last = this.#inOrder.peekLast()
    if (last === undefined || last.expiresAt <= entry.expiresAt) this.#inOrder.push(entry)
    else this.#outOfOrder.push(entry)
    if (this.#timer === null || this.#timer.dueAt > entry.expiresAt) this.#arm(entry.expiresAt)
  }

  /** An entry that was added has left the queue. Those that no longer have a future are dropped once they are the majority. */
  left(): void {
    if (this.#firing) return
    this.#gone++
    if (this.#gone > SWEEP_SLACK && this.#gone * 2 > this.size) this.#sweep()
  }

  onTimer(now: number): void {
    this.#timer = null
    if (this.#host.expiryWaits()) {
      this.#arm(now + 1)
      return
    }
    this.#firing = true
    for (let i = 0; i < BATCH_MAX; i++) {
      const entry = this.#first()
      if (entry === undefined || entry.expiresAt > now) break
      this.#take(entry)
      if (entry.state !== GONE) this.#host.onExpired(entry)
      else if (this.#gone > 0) this.#gone--
    }
    this.#firing = false
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

  #sweep(): void {
    const isThere = (entry: Entry): boolean => entry.state !== GONE
    this.#inOrder.filter(isThere)
    this.#outOfOrder.retain(isThere)
    this.#gone = 0
    if (this.size === 0) {
      this.#timer?.cancel()
      this.#timer = null
    }
  }
}
