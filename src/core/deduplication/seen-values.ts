import type { Clock } from '../../util/clock.ts'
import type { NoteFormat } from './seen-block.ts'
import type { LoadedNote, SeenLog } from './seen-log.ts'
import { NO_ROW, ValueTable } from './value-table.ts'
import { Key } from './identity.ts'

const HAS_HOLDER = 1
const HAS_EXPIRY = 2

/** A value that was read back. */
export interface LoadedValue {
  readonly key: Key
  readonly holder: number
  readonly expiresAt: number
}

/** Says which of some messages of a queue, by number, are there. */
export type FindPresent = (numbers: readonly number[]) => Promise<ReadonlySet<number>>

/**
 * Values that were seen, at most so many; the oldest go. In the log: u8 flags, u8 length of the key and its bytes, then the number of the
 * message whose value it is (u48, flag 1) and when it ends (u48, ms since the epoch, flag 2), where they are.
 */
export class SeenValues implements NoteFormat<number, LoadedValue> {
  readonly #log: SeenLog<number, LoadedValue> | null
  readonly #clock: Clock
  #capacity: number
  #table = new ValueTable()

  /** @param openLog makes the log, or null where nothing survives the process */
  constructor(
    capacity: number,
    clock: Clock,
    openLog: (format: NoteFormat<number, LoadedValue>) => SeenLog<number, LoadedValue> | null,
  ) {
    this.#capacity = capacity
    this.#clock = clock
    this.#log = openLog(this)
  }

  get size(): number {
    return this.#table.size
  }

  set capacity(capacity: number) {
    this.#capacity = capacity
    this.#trim()
  }

  has(key: Key): boolean {
    const row = this.#table.find(key)
    return row !== NO_ROW && !this.#hasEnded(row)
  }

  #hasEnded(row: number): boolean {
    const expiresAt = this.#table.expiresAt[row]!
    return expiresAt >= 0 && expiresAt <= this.#clock.now()
  }

  /**
   * Remembers a value from now on, and for good when its message has been taken: see `keep`.
   * @param expiresAt ms since the epoch, or -1 @returns its row
   */
  add(key: Key, expiresAt: number): number {
    const before = this.#table.find(key)
    if (before !== NO_ROW) this.forget(before)
    return this.#table.add(key, expiresAt)
  }

  /** What tells a row from others that have its number before and after. */
  serialOf(row: number): number {
    return this.#table.serial[row]!
  }

  /** The value goes with the message of this number. */
  hold(row: number, holder: number): void {
    this.#table.holder[row] = holder
  }

  isHeld(row: number): boolean {
    return this.#table.holder[row]! > 0
  }

  /**
   * The message is there: so is its value from now on.
   * @param logged whether the message survives a restart @returns the position of the record, or 0
   */
  keep(row: number, logged: boolean): number {
    const table = this.#table
    const log = this.#log
    table.append(row)
    this.#expire()
    const evicted = this.#trim()
    if (log === null) return 0
    if (logged) {
      const block = log.record(row)
      if (block === null) return 0
      table.block[row] = block
      table.place[row] = block.lastPlace
      return block.position
    }
    if (evicted) log.recordEviction()
    return 0
  }

  forget(row: number): void {
    const table = this.#table
    const block = table.block[row]!
    const place = table.place[row]!
    table.remove(row)
    if (block !== null) this.#log!.forget(block, place)
    if (table.isSpent) this.#table = new ValueTable()
  }

  /** The message of this number is gone, and with it its value in this row, if it is (still) there. */
  releaseRow(row: number, holder: number): void {
    if (this.#table.holder[row] === holder) this.forget(row)
  }

  /** As `releaseRow`, by the key. */
  release(key: Key, holder: number): void {
    const row = this.#table.find(key)
    if (row !== NO_ROW) this.releaseRow(row, holder)
  }

  clear(): void {
    this.#table = new ValueTable()
    this.#log?.clear()
  }

  /** Forgets everything, for good. */
  delete(): void {
    this.#table = new ValueTable()
    this.#log?.delete()
  }

  /** @returns whether anything went that is on disk */
  #trim(): boolean {
    let evicted = false
    while (this.#table.size > this.#capacity && this.#table.oldest !== this.#table.newest) {
      const { oldest, block, place } = this.#table
      if (block[oldest] !== null) {
        evicted = true
        this.#log!.evicts(block[oldest]!, place[oldest]!)
      }
      this.forget(oldest)
    }
    return evicted
  }

  /** Values mostly end in the order in which they came. One that ends before an older one is found out when it is asked for. */
  #expire(): void {
    for (let { oldest } = this.#table; oldest !== NO_ROW && this.#hasEnded(oldest); oldest = this.#table.oldest) {
      this.forget(oldest)
    }
  }

  // ---- the log ----

  roomOf(row: number): number {
    return 2 + this.#table.keyBytes(row) + 12
  }

  write(row: number, out: Buffer, start: number): number {
    const table = this.#table
    const holder = table.holder[row]!
    const expiresAt = table.expiresAt[row]!
    out[start] = (holder > 0 ? HAS_HOLDER : 0) | (expiresAt >= 0 ? HAS_EXPIRY : 0)
    out[start + 1] = table.keyBytes(row)
    let at = table.writeKey(row, out, start + 2)
    if (holder > 0) at = out.writeUIntBE(holder, at, 6)
    return expiresAt < 0 ? at : out.writeUIntBE(expiresAt, at, 6)
  }

  read(bytes: Buffer, start: number): { readonly loaded: LoadedValue; readonly end: number } {
    const flags = bytes[start]!
    const keyEnd = start + 2 + bytes[start + 1]!
    const holderEnd = (flags & HAS_HOLDER) === 0 ? keyEnd : keyEnd + 6
    const end = (flags & HAS_EXPIRY) === 0 ? holderEnd : holderEnd + 6
    const key = new Key(Buffer.from(bytes.subarray(start + 2, keyEnd)), 0, keyEnd - start - 2)
    const holder = holderEnd > keyEnd ? bytes.readUIntBE(keyEnd, 6) : 0
    const expiresAt = end > holderEnd ? bytes.readUIntBE(holderEnd, 6) : -1
    return { loaded: { key, holder, expiresAt }, end }
  }

  /**
   * Reads back what was remembered before a restart.
   * @param findPresent asked which messages are still there, where values go with them; else null
   */
  async load(findPresent: FindPresent | null): Promise<void> {
    const log = this.#log
    if (log === null) return
    await log.load(async (notes) => {
      const holders = notes.map(({ loaded }) => loaded.holder)
      const present = findPresent === null ? null : await findPresent(holders)
      for (const note of notes) {
        if (present?.has(note.loaded.holder) === false) log.forget(note.block, note.place)
        else this.#restore(note)
      }
    })
    for (let { oldest } = this.#table; oldest !== NO_ROW; oldest = this.#table.oldest) {
      const { block, place } = this.#table
      if (!log.isEvicted(block[oldest]!, place[oldest]!)) break
      this.forget(oldest)
    }
    this.#trim()
  }

  #restore({ loaded: { key, holder, expiresAt }, block, place }: LoadedNote<number, LoadedValue>): void {
    const row = this.add(key, expiresAt)
    this.#table.holder[row] = holder
    this.#table.block[row] = block
    this.#table.place[row] = place
    this.#table.append(row)
    if (this.#hasEnded(row)) this.forget(row)
  }
}
