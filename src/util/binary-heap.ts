/**
 * A priority queue: `push` and `pop` in O(log n). It keeps no index from item to place, so an item cannot be taken
 * out of the middle: mark it as dead, skip it when it surfaces, and `retain` the living once the dead outnumber them.
 */
export class BinaryHeap<T> {
  #items: T[] = []
  readonly #compare: (a: T, b: T) => number

  /**
   * `compare` is negative when `a` is to come out before `b`. Items that compare as 0 come out in no particular
   * order.
   */
  constructor(compare: (a: T, b: T) => number) {
    this.#compare = compare
  }

  get size(): number {
    return this.#items.length
  }

  push(item: T): void {
    const items = this.#items
    items.push(item)
    let at = items.length - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = items[parent]!
      if (this.#compare(item, above) >= 0) break
      items[at] = above
      at = parent
    }
    items[at] = item
  }

  /** In no particular order. */
  values(): ArrayIterator<T> {
    return this.#items.values()
  }

  peek(): T | undefined {
    return this.#items[0]
  }

  pop(): T | undefined {
    const items = this.#items
    const first = items[0]
    const last = items.pop()
    if (last !== undefined && items.length > 0) this.#sink(0, last)
    return first
  }

  /** Drops every item for which `keep` says false, in O(n). */
  retain(keep: (item: T) => boolean): void {
    this.#items = this.#items.filter(keep)
    for (let at = (this.#items.length >> 1) - 1; at >= 0; at--) this.#sink(at, this.#items[at]!)
  }

  clear(): void {
    this.#items = []
  }

  /** Puts `item` at place `at` or below, wherever the order wants it. */
  #sink(at: number, item: T): void {
    const items = this.#items
    const half = items.length >> 1
    while (at < half) {
      let child = 2 * at + 1
      if (child + 1 < items.length && this.#compare(items[child + 1]!, items[child]!) < 0) child++
      const below = items[child]!
      if (this.#compare(item, below) <= 0) break
      items[at] = below
      at = child
    }
    items[at] = item
  }
}
