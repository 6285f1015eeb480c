import type { Entry } from './queues/entry.ts'

/** Of a session that never consumes, and most sessions with a prefetch need no more. */
const RING_MIN = 8
/** Smaller rings are doubled in any case. */
const STRAGGLERS_FROM = 64
/** When a full ring holds fewer live entries than this share of it, the oldest are moved aside instead of doubling it. */
const STRAGGLER_SHARE = 8

/**
 * A session's deliveries that await settlement, by delivery tag. Tags rise by one, so a tag's slot is its low bits (exact up to
 * 2^53). A delivery that is never settled must not stretch the ring: when few slots are live, growing moves the oldest open tags
 * to a small side map.
 */
export class Unacked {
  #slots: (Entry | null)[] = new Array<Entry | null>(RING_MIN).fill(null)
  /** Null where there have never been any. */
  #aside: Map<number, Entry> | null = null
  /** Lowest tag that may be open in the ring. */
  #first = 1
  /** Tag that the next delivery will get. */
  #next = 1
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Uses up a tag for a delivery that is not to be settled. */
  skip(): number {
    if (this.#first === this.#next) this.#first++
    else if (this.#next - this.#first === this.#slots.length) this.#makeRoom()
    return this.#next++
  }

  add(entry: Entry): number {
    if (this.#next - this.#first === this.#slots.length) this.#makeRoom()
    const tag = this.#next++
    this.#slots[tag & (this.#slots.length - 1)] = entry
    this.#size++
    return tag
  }

  /** Null when the tag was never issued or is settled already. */
  take(tag: number): Entry | null {
    if (tag < this.#first) {
      const entry = this.#aside?.get(tag) ?? null
      if (entry !== null) {
        this.#aside!.delete(tag)
        this.#size--
      }
      return entry
    }
    if (tag >= this.#next) return null
    const at = tag & (this.#slots.length - 1)
    const entry = this.#slots[at]!
    if (entry === null) return null
    this.#slots[at] = null
    this.#size--
    if (tag === this.#first) this.#advance()
    return entry
  }

  /** The open delivery with this tag, which stays; null when there is none. */
  get(tag: number): Entry | null {
    if (tag < this.#first) return this.#aside?.get(tag) ?? null
    return tag < this.#next ? this.#slots[tag & (this.#slots.length - 1)]! : null
  }

  has(tag: number): boolean {
    if (tag < this.#first) return this.#aside?.has(tag) ?? false
    return tag < this.#next && this.#slots[tag & (this.#slots.length - 1)] !== null
  }

  /** Takes every open delivery up to and including `tag`, oldest first. */
  takeUpTo(tag: number, visit: (tag: number, entry: Entry) => void): void {
    const last = Math.min(tag, this.#next - 1)
    if (this.#aside !== null) this.#takeAside(this.#aside, last, visit)
    while (this.#first <= last) {
      const at = this.#first++ & (this.#slots.length - 1)
      const entry = this.#slots[at]!
      if (entry === null) continue
      this.#slots[at] = null
      this.#size--
      visit(this.#first - 1, entry)
    }
    this.#advance()
    // a visit may cause deliveries, for which the rest was moved aside
    if (this.#aside !== null) this.#takeAside(this.#aside, last, visit)
  }

  #takeAside(aside: Map<number, Entry>, last: number, visit: (tag: number, entry: Entry) => void): void {
    if (aside.size === 0) return
    for (const tag of [...aside.keys()].sort((a, b) => a - b)) {
      if (tag > last) break
      const entry = aside.get(tag)
      if (entry === undefined) continue
      aside.delete(tag)
      this.#size--
      visit(tag, entry)
    }
  }

  /** Gives back taken deliveries under their old tags (a transaction that was rolled back). */
  restore(tag: number, entry: Entry): void {
    this.#size++
    if (tag < this.#first) (this.#aside ??= new Map<number, Entry>()).set(tag, entry)
    else this.#slots[tag & (this.#slots.length - 1)] = entry
  }

  /** The open deliveries, oldest first. */
  *entries(): Generator<[tag: number, entry: Entry]> {
    if (this.#aside !== null) yield* [...this.#aside].sort(([a], [b]) => a - b)
    for (let tag = this.#first; tag < this.#next; tag++) {
      const entry = this.#slots[tag & (this.#slots.length - 1)]!
      if (entry !== null) yield [tag, entry]
    }
  }

  #advance(): void {
    const mask = this.#slots.length - 1
    while (this.#first < this.#next && this.#slots[this.#first & mask] === null) this.#first++
  }

  #makeRoom(): void {
    const capacity = this.#slots.length
    const live = this.#size - (this.#aside?.size ?? 0)
    if (capacity >= STRAGGLERS_FROM && live * STRAGGLER_SHARE <= capacity) {
      const aside = (this.#aside ??= new Map<number, Entry>())
      for (; this.#first < this.#next; this.#first++) {
        const at = this.#first & (capacity - 1)
        const entry = this.#slots[at]!
        if (entry !== null) aside.set(this.#first, entry)
        this.#slots[at] = null
      }
      return
    }
    const slots = new Array<Entry | null>(capacity * 2).fill(null)
    for (let tag = this.#first; tag < this.#next; tag++) {
      slots[tag & (slots.length - 1)] = this.#slots[tag & (capacity - 1)]!
    }
    this.#slots = slots
  }
}
