import { collectGarbage } from './collect-garbage.ts'

/** What `process.memoryUsage()` gives, as far as it is looked at. */
export interface MemoryReading {
  readonly rss: number
  readonly heapTotal: number
  readonly arrayBuffers: number
}

/**
 * How much memory counts as used. Resident memory alone would not do: the C library keeps much of what buffers have freed, so
 * that after a flood the number stays where it was, although the room is there for new ones. So the resident memory beyond what
 * V8 manages is measured whenever the process is larger than ever before, since nothing lies idle then, and what V8 manages is
 * added to it. It is also the only part that holding publishers back can reduce: the limit counts as exceeded only while that
 * part takes a good share of the limit, lest publishers wait for ever for memory that nobody will give back.
 */
export class MemoryGauge {
  #limit: number
  readonly #base: number
  #peak = 0
  #native = 0

  constructor(limitBytes: number, first: MemoryReading) {
    this.#limit = limitBytes
    this.#base = first.rss - managed(first)
  }

  setLimit(bytes: number): void {
    this.#limit = bytes
  }

  exceeds(reading: MemoryReading): boolean {
    if (reading.rss > this.#peak) {
      this.#peak = reading.rss
      this.#native = reading.rss - managed(reading)
    }
    const used = Math.min(reading.rss, this.#native + managed(reading))
    return used > this.#limit && managed(reading) > (this.#limit - this.#base) / 2
  }
}

const managed = ({ heapTotal, arrayBuffers }: MemoryReading): number => heapTotal + arrayBuffers

const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 16_000

/**
 * Collects garbage while memory is low. V8 does so as it allocates, but a broker that holds its publishers hardly allocates: it
 * would not notice that its queues have been emptied. Pauses double for as long as there is nothing to be gained.
 */
export class Collector {
  readonly #collect: () => void
  #pause = FIRST_PAUSE_MS
  #dueAt = -1
  #before = 0

  constructor(collect: () => void = collectGarbage) {
    this.#collect = collect
  }

  /** Called time and again while memory is low. */
  onLow(now: number, reading: MemoryReading): void {
    if (this.#dueAt < 0) {
      this.#dueAt = now + this.#pause
      this.#before = managed(reading)
    }
    if (now < this.#dueAt) return
    const gained = managed(reading) < this.#before * 0.9
    this.#pause = gained ? FIRST_PAUSE_MS : Math.min(this.#pause * 2, LONGEST_PAUSE_MS)
    this.#dueAt = now + this.#pause
    this.#before = managed(reading)
    this.#collect()
  }

  onEnough(): void {
    this.#dueAt = -1
    this.#pause = FIRST_PAUSE_MS
  }
}
