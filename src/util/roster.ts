/** Keeps a place in the table, and lets go of who had it. */
interface Seat<T> {
  member: T | null
}

/**
 * What comes and goes by the thousand, by a number of its own and in the order in which it came. It may change while it is gone through, as
 * a Map may.
 *
 * Not a Map of the members themselves: V8 gives a Map a new table now and then, and links the old one to it. A table that has got to the old
 * generation, as one does in a quiet moment, keeps all that follow it alive through each young collection, and with each whoever was in it at
 * its end: thousands of ended connections a second are copied twice, and fill the old generation until it is collected. Here such a table has
 * nothing but empty seats.
 */
export class Roster<T> implements Iterable<T> {
  readonly #seats = new Map<number, Seat<T>>()

  get size(): number {
    return this.#seats.size
  }

  has(id: number): boolean {
    return this.#seats.has(id)
  }

  add(id: number, member: T): void {
    this.#seats.set(id, { member })
  }

  /** Returns whether there was a member of this number. */
  delete(id: number): boolean {
    const seat = this.#seats.get(id)
    if (seat === undefined) return false
    seat.member = null
    return this.#seats.delete(id)
  }

  *values(): Generator<T, undefined> {
    for (const { member } of this.#seats.values()) yield member!
  }

  [Symbol.iterator](): Generator<T, undefined> {
    return this.values()
  }
}
