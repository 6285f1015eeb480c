const ROWS_MIN = 64
/** Of the heap of a queue at which nothing ever waited: most. */
const NO_ROWS = new Float64Array(0)

/**
 * Numbers of messages by when they are due: those that are due together by number. Two floats each and nothing more, since there
 * may be millions.
 */
export class DueHeap {
  size = 0
  #dueAt = NO_ROWS
  #number = NO_ROWS

  /** When the first one is due, or Infinity. */
  get nextDueAt(): number {
    return this.size === 0 ? Infinity : this.#dueAt[0]!
  }

  push(dueAt: number, number: number): void {
    if (this.size === this.#dueAt.length) this.#resize(Math.max(ROWS_MIN, this.size * 2))
    let at = this.size++
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.#isAfter(parent, dueAt, number)) break
      this.#move(parent, at)
      at = parent
    }
    this.#dueAt[at] = dueAt
    this.#number[at] = number
  }

  /** @returns the number of the first one, which goes; there must be one */
  pop(): number {
    const first = this.#number[0]!
    const last = --this.size
    const dueAt = this.#dueAt[last]!
    const number = this.#number[last]!
    let at = 0
    for (let child = 1; child < last; child = 2 * at + 1) {
      if (child + 1 < last && this.#isAfter(child, this.#dueAt[child + 1]!, this.#number[child + 1]!)) child++
      if (this.#isAfter(child, dueAt, number)) break
      this.#move(child, at)
      at = child
    }
    this.#dueAt[at] = dueAt
    this.#number[at] = number
    if (this.#dueAt.length > ROWS_MIN && last < this.#dueAt.length / 4) this.#resize(this.#dueAt.length / 2)
    return first
  }

  /** All of them, in no particular order. */
  *rows(): Generator<{ readonly dueAt: number; readonly number: number }> {
    for (let at = 0; at < this.size; at++) yield { dueAt: this.#dueAt[at]!, number: this.#number[at]! }
  }

  /** Takes out those of these numbers that are there. @returns them, in order of due times */
  take(numbers: ReadonlySet<number>): number[] {
    const rows = [...this.rows()]
    const taken = rows.filter(({ number }) => numbers.has(number))
    if (taken.length === 0) return []
    this.clear()
    for (const { dueAt, number } of rows) if (!numbers.has(number)) this.push(dueAt, number)
    return taken.sort((a, b) => a.dueAt - b.dueAt || a.number - b.number).map(({ number }) => number)
  }

  clear(): void {
    this.size = 0
    this.#dueAt = NO_ROWS
    this.#number = NO_ROWS
  }

  #isAfter(at: number, dueAt: number, number: number): boolean {
    const own = this.#dueAt[at]!
    return own > dueAt || (own === dueAt && this.#number[at]! > number)
  }

  #move(from: number, to: number): void {
    this.#dueAt[to] = this.#dueAt[from]!
    this.#number[to] = this.#number[from]!
  }

  #resize(rows: number): void {
    const grown = (old: Float64Array): Float64Array<ArrayBuffer> => {
      const fresh = new Float64Array(rows)
      fresh.set(old.subarray(0, this.size))
      return fresh
    }
    this.#dueAt = grown(this.#dueAt)
    this.#number = grown(this.#number)
  }
}
