import { BinaryHeap } from '../../util/binary-heap.ts'
import { RingDeque } from '../../util/ring-deque.ts'
import { type Entry, READY } from './entry.ts'

/** Dead entries that a ring may carry before it is swept, on top of as many as there are live ones. */
const SWEEP_SLACK = 1024

const byNumber = (a: Entry, b: Entry): number => a.number - b.number

/** The messages of one priority: fresh ones in order of arrival, and those that came back, each in its old place. */
class Lane {
  readonly fresh = new RingDeque<Entry>()
  /** Delivered once already, so all of them are older than what is fresh. */
  readonly returned = new BinaryHeap<Entry>(byNumber)
  live = 0
}

/**
 * The deliverable messages of a queue, by priority. An entry leaves by `shift`, or from anywhere by `remove`, which only marks it: rings
 * and heaps skip what is not READY and are swept when most of them is not.
 */
export class ReadyMessages {
  count = 0
  bytes = 0
  readonly #lanes: (Lane | undefined)[]
  readonly #first: Lane
  /** Highest lane that may hold something. */
  #top = 0
  /** Returned entries in the order they came back, delivered before all others; null where they go back to their place. */
  readonly #returnedFirst: RingDeque<Entry> | null
  #dead = 0

  constructor(levels: number, returnsFirst: boolean) {
    this.#first = new Lane()
    this.#lanes = new Array<Lane | undefined>(levels).fill(undefined)
    this.#lanes[0] = this.#first
    this.#returnedFirst = returnsFirst ? new RingDeque<Entry>() : null
  }

  get levels(): number {
    return this.#lanes.length
  }

  push(entry: Entry, level: number): void {
    const lane = level === 0 ? this.#first : this.#lane(level)
    lane.fresh.push(entry)
    this.#added(entry, lane, level)
  }

  /** Takes back what was handed out. The caller gives them in the order of their delivery. */
  putBack(entry: Entry, level: number): void {
    if (this.#returnedFirst !== null) {
      this.#returnedFirst.push(entry)
      entry.returned = true
      entry.state = READY
      this.count++
      this.bytes += entry.message.bodyLength
      return
    }
    const lane = level === 0 ? this.#first : this.#lane(level)
    lane.returned.push(entry)
    this.#added(entry, lane, level)
  }

  /** The next to be delivered; it stays. */
  peek(): Entry | null {
    if (this.count === 0) return null
    const returned = this.#returnedFirst
    if (returned !== null) {
      for (let entry = returned.peek(); entry !== undefined; entry = returned.peek()) {
        if (entry.state === READY) return entry
        this.#forget()
        returned.shift()
      }
    }
    for (let level = this.#top; level >= 0; level--) {
      const lane = this.#lanes[level]
      if (lane === undefined || lane.live === 0) continue
      this.#top = level
      return this.#headOf(lane)
    }
    return null
  }

  /** Takes the next to be delivered; the caller sets its new state. */
  shift(): Entry | null {
    const entry = this.peek()
    if (entry === null) return null
    this.count--
    this.bytes -= entry.message.bodyLength
    const returned = this.#returnedFirst
    if (returned !== null && returned.peek() === entry) {
      returned.shift()
      entry.returned = false
      return entry
    }
    const lane = this.#lanes[this.#top]!
    lane.live--
    if (lane.returned.size > 0) lane.returned.pop()
    else lane.fresh.shift()
    return entry
  }

  /** All of it in the order of delivery, unchanged: for looking, since what came back is sorted each time. */
  *browse(): Generator<Entry> {
    const isReady = (entry: Entry): boolean => entry.state === READY
    if (this.#returnedFirst !== null) yield* [...this.#returnedFirst.values()].filter(isReady)
    for (const lane of this.#lanes.toReversed()) {
      if (lane === undefined) continue
      yield* [...lane.returned.values()].filter(isReady).sort(byNumber)
      for (const entry of lane.fresh.values()) if (isReady(entry)) yield entry
    }
  }

  /** Takes an entry out from wherever it is. The caller sets its new state before the next call. */
  remove(entry: Entry, level: number): void {
    this.count--
    this.bytes -= entry.message.bodyLength
    if (!entry.returned) this.#lanes[level]!.live--
    this.#dead++
  }

  /** Drops dead entries when they outnumber the live ones. Call after a run of removals, with their states set. */
  sweep(): void {
    if (this.#dead <= this.count + SWEEP_SLACK) return
    this.#dead = 0
    const isReady = (entry: Entry): boolean => entry.state === READY
    this.#returnedFirst?.filter(isReady)
    for (const lane of this.#lanes) {
      if (lane === undefined) continue
      lane.fresh.filter(isReady)
      lane.returned.retain(isReady)
    }
  }

  #headOf(lane: Lane): Entry {
    for (let entry = lane.returned.peek(); entry !== undefined; entry = lane.returned.peek()) {
      if (entry.state === READY) return entry
      lane.returned.pop()
      this.#forget()
    }
    for (;;) {
      const entry = lane.fresh.peek()!
      if (entry.state === READY) return entry
      lane.fresh.shift()
      this.#forget()
    }
  }

  #forget(): void {
    if (this.#dead > 0) this.#dead--
  }

  #added(entry: Entry, lane: Lane, level: number): void {
    entry.state = READY
    lane.live++
    this.count++
    this.bytes += entry.message.bodyLength
    if (level > this.#top) this.#top = level
  }

  #lane(level: number): Lane {
    return (this.#lanes[level] ??= new Lane())
  }
}
