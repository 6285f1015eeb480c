import type { Entry } from './queues/entry.ts'

const RING_MIN = 64
/** When a full ring holds fewer live entries than this share of it, the oldest are moved aside instead of doubling it. */
const STRAGGLER_SHARE = 8

/**
 * A session's deliveries that await settlement, by delivery tag. Tags rise by one, so a tag's slot is its low bits (exact up to
 * 2^53). A delivery that is never settled must not stretch the ring: when few slots are live, growing moves the oldest open tags
 * to a small side map.
 */
export class Unacked {
  #slots: (Entry | null)[] = new Array<Entry | null>(RING_MIN).fill(null)
  readonly #aside = new Map<number, Entry>()
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
      const entry = this.#aside.get(tag) ?? null
      if (entry !== null) {
        this.#aside.delete(tag)
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
    if (tag < this.#first) return this.#aside.get(tag) ?? null
    return tag < this.#next ? this.#slots[tag & (this.#slots.length - 1)]! : null
  }

  has(tag: number): boolean {
    if (tag < this.#first) return this.#aside.has(tag)
    return tag < this.#next && this.#slots[tag & (this.#slots.length - 1)] !== null
  }

  /** Takes every open delivery up to and including `tag`, oldest first. */
  takeUpTo(tag: number, visit: (tag: number, entry: Entry) => void): void {
    const last = Math.min(tag, this.#next - 1)
    if (this.#aside.size > 0) this.#takeAside(last, visit)
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
    if (this.#aside.size > 0) this.#takeAside(last, visit)
  }

  #takeAside(last: number, visit: (tag: number, entry: Entry) => void): void {
    for (const tag of [...this.#aside.keys()].sort((a, b) => a - b)) {
      if (tag > last) break
      const entry = this.#aside.get(tag)
      if (entry === undefined) continue
      this.#aside.delete(tag)
      this.#size--
      visit(tag, entry)
    }
  }

  /** Gives back taken deliveries under their old tags (a transaction that was rolled back). */
  restore(tag: number, entry: Entry): void {
    this.#size++
    if (tag < this.#first) this.#aside.set(tag, entry)
    else this.#slots[tag & (this.#slots.length - 1)] = entry
  }

  /** The open deliveries, oldest first. */
  *entries(): Generator<[tag: number, entry: Entry]> {
    for (const tag of [...this.#aside.keys()].sort((a, b) => a - b)) yield [tag, this.#aside.get(tag)!]
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
    if ((this.#size - this.#aside.size) * STRAGGLER_SHARE <= capacity) {
      for (; this.#first < this.#next; this.#first++) {
        const at = this.#first & (capacity - 1)
        const entry = this.#slots[at]!
        if (entry !== null) this.#aside.set(this.#first, entry)
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
