import { BinaryHeap } from './binary-heap.ts'
import type { Timer, TimerTarget } from './clock.ts'

const COMPACT_FROM = 64

/**
 * What both clocks share: scheduled targets in the order in which they fall due; equal due times in the order of
 * scheduling.
 */
export class TimerQueue {
  #heap = new BinaryHeap<Entry>((a, b) => a.fireAt - b.fireAt || a.sequence - b.sequence)
  #sequence = 0
  #cancelled = 0

  /** Timers that are still to fire. */
  get size(): number {
    return this.#heap.size - this.#cancelled
  }

  /**
   * @param dueAt what the timer reports, ms since the epoch
   * @param fireAt what it is sorted by, ms on the owner's own time line
   */
  add(dueAt: number, fireAt: number, target: TimerTarget): Timer {
    const entry = new Entry(this, dueAt, fireAt, this.#sequence++, target)
    this.#heap.push(entry)
    return entry
  }

  /** The earliest `fireAt`, or Infinity when nothing is scheduled. */
  next(): number {
    return this.#first()?.fireAt ?? Infinity
  }

  /** Rises with each timer: what is scheduled from here on is not `takeDue(time, mark)`. */
  get mark(): number {
    return this.#sequence
  }

  /**
   * Takes the earliest target that is due at `time` and was scheduled before `mark`, or null when the earliest is not
   * such.
   */
  takeDue(time: number, mark: number = Infinity): TimerTarget | null {
    const first = this.#first()
    if (first === undefined || first.fireAt > time || first.sequence >= mark) return null
    this.#heap.pop()
    const target = first.target
    first.target = null
    return target
  }

  clear(): void {
    this.#heap.retain((entry) => {
      entry.target = null
      return false
    })
    this.#cancelled = 0
  }

  /** A cancelled timer stays in the heap until it surfaces, or until more than half of the heap is such. */
  onCancelled(): void {
    this.#cancelled++
    if (this.#heap.size < COMPACT_FROM || this.#cancelled * 2 <= this.#heap.size) return
    this.#heap.retain((entry) => entry.target !== null)
    this.#cancelled = 0
  }

  #first(): Entry | undefined {
    for (;;) {
      const first = this.#heap.peek()
      if (first === undefined || first.target !== null) return first
      this.#heap.pop()
      this.#cancelled--
    }
  }
}

class Entry implements Timer {
  readonly dueAt: number
  readonly fireAt: number
  readonly sequence: number
  /** Null once fired or cancelled. */
  target: TimerTarget | null
  readonly #queue: TimerQueue

  constructor(queue: TimerQueue, dueAt: number, fireAt: number, sequence: number, target: TimerTarget) {
    this.#queue = queue
    this.dueAt = dueAt
    this.fireAt = fireAt
    this.sequence = sequence
    this.target = target
  }

  cancel(): void {
    if (this.target === null) return
    this.target = null
    this.#queue.onCancelled()
  }
}

/** What `schedule` gives out on a closed clock. */
export const deadTimer = (dueAt: number): Timer => ({ dueAt, cancel() {} })
