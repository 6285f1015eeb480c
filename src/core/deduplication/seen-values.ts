import { SeenEntry, type SeenLog } from './seen-log.ts'

/**
 * Values that were seen, at most so many; the oldest go. In the log: the number of the message in its queue (0 where the value outlives
 * the message), a space, the key.
 */
export class SeenValues {
  readonly #log: SeenLog | null
  #capacity: number
  readonly #entries = new Map<string, SeenEntry>()
  /**
   * Goes over the entries once, from the oldest on, and takes along what is added meanwhile. A new iterator each time would have to skip
   * the places of all that was forgotten since the map was last tidied up.
   */
  #order: MapIterator<SeenEntry>
  /** What `#order` came to last, if it has not been dealt with. */
  #oldest: SeenEntry | null = null

  /** @param log null where nothing survives the process */
  constructor(capacity: number, log: SeenLog | null) {
    this.#capacity = capacity
    this.#log = log
    this.#order = this.#entries.values()
  }

  get size(): number {
    return this.#entries.size
  }

  set capacity(capacity: number) {
    this.#capacity = capacity
    this.#trim()
  }

  /** Whether the value is remembered at `now` (ms since the epoch). */
  has(key: string, now: number): boolean {
    const found = this.#entries.get(key)
    return found !== undefined && (found.expiresAt < 0 || found.expiresAt > now)
  }

  /** Remembers a value, in memory for the time being. @param expiresAt ms since the epoch, or -1 */
  add(key: string, holder: number, expiresAt: number): SeenEntry {
    const entry = new SeenEntry(key, holder, expiresAt)
    const before = this.#entries.get(key)
    if (before !== undefined) this.forget(before)
    this.#know(entry)
    return entry
  }

  #know(entry: SeenEntry): void {
    entry.isKnown = true
    this.#entries.set(entry.key, entry)
  }

  /**
   * The message is there: so is its value from now on.
   * @param logged whether the message survives a restart @returns the position of the record, or 0
   */
  keep(entry: SeenEntry, logged: boolean, now: number): number {
    // a message that went as it came has taken its value along
    if (!entry.isKnown) return 0
    const position = logged && this.#log !== null ? this.#log.record(entry, `${entry.holder} ${entry.key}`) : 0
    this.#expire(now)
    this.#trim()
    return position
  }

  forget(entry: SeenEntry): void {
    if (!entry.isKnown) return
    entry.isKnown = false
    this.#entries.delete(entry.key)
    this.#log?.forget(entry)
  }

  /** The message of this number is gone, and with it its value, if that is not another message's by now. */
  release(key: string, holder: number): void {
    const found = this.#entries.get(key)
    if (found !== undefined && found.holder === holder) this.forget(found)
  }

  clear(): void {
    this.#forgetAll()
    this.#log?.clear()
  }

  #forgetAll(): void {
    for (const entry of this.#entries.values()) entry.isKnown = false
    this.#entries.clear()
    this.#oldest = null
    this.#order = this.#entries.values()
  }

  async load(): Promise<void> {
    const replaced: SeenEntry[] = []
    await this.#log?.load((text, expiresAt, expired) => {
      const space = text.indexOf(' ')
      const entry = new SeenEntry(text.slice(space + 1), Number(text.slice(0, space)), expiresAt)
      if (expired) return entry
      const before = this.#entries.get(entry.key)
      if (before !== undefined) {
        before.isKnown = false
        this.#entries.delete(entry.key)
        replaced.push(before)
      }
      this.#know(entry)
      return entry
    })
    for (const entry of replaced) this.#log!.forget(entry)
    this.#trim()
  }

  /** Forgets everything, for good. */
  delete(): void {
    this.#forgetAll()
    this.#log?.delete()
  }

  #trim(): void {
    while (this.#entries.size > this.#capacity) this.forget(this.#peekOldest()!)
  }

  /** Values mostly end in the order in which they came. One that ends before an older one is found out when it is asked for. */
  #expire(now: number): void {
    for (let oldest = this.#peekOldest(); oldest !== null; oldest = this.#peekOldest()) {
      if (oldest.expiresAt < 0 || oldest.expiresAt > now) return
      this.forget(oldest)
    }
  }

  #peekOldest(): SeenEntry | null {
    const oldest = this.#oldest
    if (oldest?.isKnown === true) return oldest
    let next = this.#order.next()
    if (next.done === true) {
      // at its end, an iterator stays there
      this.#order = this.#entries.values()
      next = this.#order.next()
    }
    return (this.#oldest = next.done === true ? null : next.value)
  }
}
