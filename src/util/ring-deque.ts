/** A double-ended queue on a power-of-two ring: constant time at both ends, no shifting, shrinks when mostly empty. */
export class RingDeque<T> {
  #slots: (T | undefined)[]
  #head = 0
  #size = 0

  constructor(capacity = 16) {
    this.#slots = new Array<T | undefined>(capacity).fill(undefined)
  }

  get size(): number {
    return this.#size
  }

  push(item: T): void {
    if (this.#size === this.#slots.length) this.#resize(this.#size * 2)
    this.#slots[(this.#head + this.#size) & (this.#slots.length - 1)] = item
    this.#size++
  }

  unshift(item: T): void {
    if (this.#size === this.#slots.length) this.#resize(this.#size * 2)
    this.#head = (this.#head - 1) & (this.#slots.length - 1)
    this.#slots[this.#head] = item
    this.#size++
  }

  shift(): T | undefined {
    if (this.#size === 0) return undefined
    const item = this.#slots[this.#head]
    this.#slots[this.#head] = undefined
    this.#head = (this.#head + 1) & (this.#slots.length - 1)
    this.#size--
    if (this.#slots.length > 1024 && this.#size < this.#slots.length >> 3) this.#resize(this.#slots.length >> 1)
    return item
  }

  /** Takes the last one. */
  pop(): T | undefined {
    if (this.#size === 0) return undefined
    this.#size--
    const at = (this.#head + this.#size) & (this.#slots.length - 1)
    const item = this.#slots[at]
    this.#slots[at] = undefined
    if (this.#slots.length > 1024 && this.#size < this.#slots.length >> 3) this.#resize(this.#slots.length >> 1)
    return item
  }

  peek(): T | undefined {
    return this.#size === 0 ? undefined : this.#slots[this.#head]
  }

  peekLast(): T | undefined {
    return this.#size === 0 ? undefined : this.#slots[(this.#head + this.#size - 1) & (this.#slots.length - 1)]
  }

  /** The item at a distance from the head. */
  at(index: number): T | undefined {
    return index < this.#size ? this.#slots[(this.#head + index) & (this.#slots.length - 1)] : undefined
  }

  /** From the head on. */
  *values(): Generator<T> {
    for (let i = 0; i < this.#size; i++) yield this.at(i)!
  }

  /** Keeps the items for which `keep` says so, in their order. */
  filter(keep: (item: T) => boolean): void {
    const kept: T[] = []
    for (let i = 0; i < this.#size; i++) {
      const item = this.at(i)!
      if (keep(item)) kept.push(item)
    }
    this.clear()
    for (const item of kept) this.push(item)
  }

  clear(): void {
    this.#slots = new Array<T | undefined>(16).fill(undefined)
    this.#head = 0
    this.#size = 0
  }

  #resize(capacity: number): void {
    const slots = new Array<T | undefined>(capacity).fill(undefined)
    for (let i = 0; i < this.#size; i++) slots[i] = this.#slots[(this.#head + i) & (this.#slots.length - 1)]
    this.#slots = slots
    this.#head = 0
  }
}
