const RING_MIN = 64
/** When a full ring holds fewer than this share of open numbers, the oldest are moved aside instead of doubling it. */
const STRAGGLER_SHARE = 8

/**
 * What is published and not confirmed yet, with whatever belongs to each message. Numbers rise by one, as `Channel.publish` gives them, so a
 * number's slot is its low bits; a confirm that stays out must not stretch the ring, so stragglers are put aside.
 */
export class Unconfirmed<T> {
  #slots: (T | undefined)[] = new Array<T | undefined>(RING_MIN).fill(undefined)
  readonly #aside = new Map<number, T>()
  /** Lowest number that may be open in the ring. */
  #first = 1
  /** Number that the next message has. */
  #next = 1
  #size = 0

  get size(): number {
    return this.#size
  }

  /** @param tag one more than the last one */
  add(tag: number, item: T): void {
    if (tag !== this.#next) throw new RangeError(`${tag} does not follow ${this.#next - 1}`)
    if (this.#next - this.#first === this.#slots.length) this.#makeRoom()
    this.#slots[tag & (this.#slots.length - 1)] = item
    this.#next++
    this.#size++
  }

  /** As `ChannelHandlers.onConfirmed` says; `visit` gets each message that this settles, oldest first. */
  settle(tag: number, multiple: boolean, visit: (item: T, tag: number) => void): void {
    if (!multiple) {
      this.#take(tag, visit)
      return
    }
    if (this.#aside.size > 0) for (const each of [...this.#aside.keys()]) if (each <= tag) this.#take(each, visit)
    while (this.#first <= tag && this.#first < this.#next) this.#take(this.#first, visit)
  }

  /** The open ones, oldest first. */
  *values(): Generator<T> {
    yield* this.#aside.values()
    for (let tag = this.#first; tag < this.#next; tag++) {
      const item = this.#slots[tag & (this.#slots.length - 1)]
      if (item !== undefined) yield item
    }
  }

  #take(tag: number, visit: (item: T, tag: number) => void): void {
    let item: T | undefined
    if (tag < this.#first) {
      item = this.#aside.get(tag)
      this.#aside.delete(tag)
    } else if (tag < this.#next) {
      const at = tag & (this.#slots.length - 1)
      item = this.#slots[at]
      this.#slots[at] = undefined
      if (tag === this.#first) this.#advance()
    }
    if (item === undefined) return
    this.#size--
    visit(item, tag)
  }

  #advance(): void {
    const mask = this.#slots.length - 1
    do this.#first++
    while (this.#first < this.#next && this.#slots[this.#first & mask] === undefined)
  }

  #makeRoom(): void {
    const capacity = this.#slots.length
    if ((this.#size - this.#aside.size) * STRAGGLER_SHARE <= capacity) {
      for (; this.#first < this.#next; this.#first++) {
        const at = this.#first & (capacity - 1)
        const item = this.#slots[at]
        if (item !== undefined) this.#aside.set(this.#first, item)
        this.#slots[at] = undefined
      }
      return
    }
    const slots = new Array<T | undefined>(capacity * 2).fill(undefined)
    for (let tag = this.#first; tag < this.#next; tag++) {
      slots[tag & (slots.length - 1)] = this.#slots[tag & (capacity - 1)]
    }
    this.#slots = slots
  }
}
