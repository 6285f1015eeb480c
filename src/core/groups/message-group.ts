import { BinaryHeap } from '../../util/binary-heap.ts'
import { RingDeque } from '../../util/ring-deque.ts'
import { type Entry, READY } from '../queues/entry.ts'
import type { MessageGroups } from './message-groups.ts'
import { StoredBacklog } from './stored-backlog.ts'

/** It is nobody's turn: the group is busy, or is just being looked at. */
export const UNLISTED = 0
/** Among those whose next message is in memory. */
export const RUNNABLE = 1
/** Among those whose next message has to be read. */
export const WANTING = 2
/** Its next message is being read. */
export const LOADING = 3
type Listing = typeof UNLISTED | typeof RUNNABLE | typeof WANTING | typeof LOADING

/** Dead entries that a group may carry, on top of as many as there are live ones. */
const SWEEP_SLACK = 32
/** Few groups have more than a few waiting. */
const RING_CAPACITY = 4

const byNumber = (a: Entry, b: Entry): number => a.number - b.number

/**
 * One group of a queue: the message that is out, and those that wait behind it (parked), in order of number.
 *
 *     current │ front │ being read │ stored (in the store only) │ tail
 *
 * It exists while it has any of these.
 */
export class MessageGroup {
  readonly key: string
  /** The message that is out, or was and is the next of the group: nobody else's turn. */
  current: Entry | null = null
  /** Its number, while it rests in the store only; else 0. */
  away = 0
  /** Parked messages, those in the store included. */
  size = 0
  /** Null while all that is parked is in `front`. */
  stored: StoredBacklog | null = null
  /** Messages between `front` and `stored` that are being read, and the number of the first. */
  loading = 0
  loadingFrom = 0
  listing: Listing = UNLISTED
  /** In its queue's list of groups by age. */
  aged = false
  readonly #groups: MessageGroups
  #front: RingDeque<Entry> | null = null
  #tail: RingDeque<Entry> | null = null
  /**
   * Parked after messages that are younger: what was out before its queue had groups, or had another priority. They stay in memory, each
   * to be taken in its place.
   */
  #late: BinaryHeap<Entry> | null = null
  /** Highest number that was parked. */
  #last = 0
  #dead = 0

  constructor(groups: MessageGroups, key: string) {
    this.#groups = groups
    this.key = key
  }

  /** Whether a message of the group is out, or is back and next. */
  get isBusy(): boolean {
    return this.current !== null || this.away > 0
  }

  /** Parked messages in memory. */
  get inMemory(): number {
    return this.size - this.loading - (this.stored?.count ?? 0)
  }

  /** Whether messages are in the store only, so that what is parked goes behind them. */
  get isPaged(): boolean {
    return this.loading > 0 || this.stored !== null
  }

  /** Number of the first parked message. Call while `size` is not 0. */
  get firstNumber(): number {
    return this.peek()?.number ?? (this.loading > 0 ? this.loadingFrom : this.stored!.first)
  }

  /** The queue is done with a message of the group: whose turn is it now? */
  left(entry: Entry): void {
    entry.group = null
    if (this.current === entry) this.#groups.finished(this)
  }

  /** Its current message rests, and leaves memory. */
  leftMemory(entry: Entry): void {
    entry.group = null
    if (this.current !== entry) return
    this.current = null
    this.#groups.rests(this, entry.number)
  }

  // ---- parked messages; their states and the counts of the queue are the caller's ----

  park(entry: Entry): void {
    this.size++
    entry.group = this
    if (entry.number < this.#last) {
      this.#late ??= new BinaryHeap(byNumber)
      this.#late.push(entry)
      return
    }
    this.#last = entry.number
    if (this.isPaged) (this.#tail ??= new RingDeque(RING_CAPACITY)).push(entry)
    else this.#frontRing.push(entry)
  }

  /** A message that was read: it follows those at the front. It is counted already. */
  loaded(entry: Entry): void {
    entry.group = this
    this.#frontRing.push(entry)
  }

  /** The first parked message, if it is in memory. */
  peek(): Entry | undefined {
    const first = this.#firstOf(this.#front)
    if (this.#late === null) return first
    const late = this.#firstLate()
    if (late === undefined) return first
    if (first !== undefined) return first.number < late.number ? first : late
    const next = this.loading > 0 ? this.loadingFrom : (this.stored?.first ?? Infinity)
    return late.number < next ? late : undefined
  }

  /** Takes what `peek` has just given. */
  shift(entry: Entry): void {
    this.size--
    entry.group = null
    if (this.#front !== null && this.#front.peek() === entry) this.#front.shift()
    else this.#late!.pop()
  }

  /** Takes a message from the middle. The caller sets its new state. */
  remove(entry: Entry): void {
    this.size--
    this.#dead++
    entry.group = null
    this.#firstOf(this.#front)
    this.#firstOf(this.#tail)
    if (this.#dead <= this.inMemory + SWEEP_SLACK) return
    this.#dead = 0
    const isHere = (other: Entry): boolean => this.#isHere(other)
    this.#front?.filter(isHere)
    this.#tail?.filter(isHere)
    this.#late?.retain(isHere)
  }

  /** Those in memory. */
  *values(): Generator<Entry> {
    for (const list of [this.#late, this.#front, this.#tail]) {
      if (list !== null) for (const entry of list.values()) if (this.#isHere(entry)) yield entry
    }
  }

  // ---- leaving memory and coming back ----

  /**
   * Makes a tail of what may leave memory: all, or all but the first where that is about to go out. What was read back already stays.
   */
  openTail(keepsFirst: boolean): void {
    if (this.isPaged || this.#front === null) return
    const first = keepsFirst ? this.#firstOf(this.#front) : undefined
    if (first !== undefined) this.#front.shift()
    this.#tail = this.#front
    this.#front = null
    if (first !== undefined) this.#frontRing.push(first)
  }

  /** The first that may leave memory: with `keepsFirst` the second, where none has left yet. */
  firstToLeave(keepsFirst: boolean): Entry | undefined {
    if (this.isPaged) return this.#firstOf(this.#tail)
    const first = this.#firstOf(this.#front)
    if (!keepsFirst || first === undefined) return first
    for (let i = 1; i < this.#front!.size; i++) {
      const entry = this.#front!.at(i)!
      if (this.#isHere(entry)) return entry
    }
    return undefined
  }

  /** Those that may leave memory, in order, and perhaps the first that may not. */
  *leavers(): Generator<Entry> {
    const ring = this.isPaged ? this.#tail : this.#front
    if (ring !== null) for (const entry of ring.values()) if (this.#isHere(entry)) yield entry
  }

  /** The first of the tail, which is in the store, leaves memory. @returns the next one */
  pageFirstOfTail(): Entry | undefined {
    const entry = this.#firstOf(this.#tail)!
    const { number, message, expiresAt } = entry
    this.#tail!.shift()
    entry.group = null
    this.stored ??= new StoredBacklog()
    this.stored.push(number, message.bodyLength, expiresAt)
    return this.#firstOf(this.#tail)
  }

  /** Where nothing is in the store any more, the tail is the front. */
  closeTail(): void {
    if (this.stored !== null && this.stored.count === 0) this.stored = null
    if (this.isPaged || this.#tail === null) return
    const tail = this.#tail
    this.#tail = null
    if (this.#front === null || this.#front.size === 0) this.#front = tail
    else for (const entry of tail.values()) this.#front.push(entry)
  }

  /** Nothing is parked any more. @returns what was in memory */
  clear(): Entry[] {
    const entries = [...this.values()]
    for (const entry of entries) entry.group = null
    this.size = 0
    this.stored = null
    this.loading = 0
    this.#dead = 0
    this.#last = 0
    this.#front = null
    this.#tail = null
    this.#late = null
    return entries
  }

  get #frontRing(): RingDeque<Entry> {
    return (this.#front ??= new RingDeque(RING_CAPACITY))
  }

  #isHere(entry: Entry): boolean {
    return entry.group === this && entry.state === READY && entry !== this.current
  }

  #firstOf(ring: RingDeque<Entry> | null): Entry | undefined {
    if (ring === null) return undefined
    for (let entry = ring.peek(); entry !== undefined; entry = ring.peek()) {
      if (this.#isHere(entry)) return entry
      ring.shift()
      if (this.#dead > 0) this.#dead--
    }
    return undefined
  }

  #firstLate(): Entry | undefined {
    const late = this.#late!
    for (let entry = late.peek(); entry !== undefined; entry = late.peek()) {
      if (this.#isHere(entry)) return entry
      late.pop()
      if (this.#dead > 0) this.#dead--
    }
    return undefined
  }
}
