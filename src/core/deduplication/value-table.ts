import { randomBytes } from 'node:crypto'
import type { SeenBlock } from './seen-block.ts'

/** Bytes of a key at most. */
export const KEY_BYTES_MAX = 64
export const NO_ROW = -1
/** `#next` of a row that is not in the order yet. */
const APART = -2
const ROWS_MIN = 64
/** Keys of 1024 rows are in one buffer. */
const PAGE_SHIFT = 10
const PAGE_ROWS = 1 << PAGE_SHIFT
/** An empty table with no more rows is not worth replacing. */
const ROWS_KEPT = 4096
/** Differs from process to process, so that nobody can make up keys that all meet in one slot. */
const SEED = randomBytes(4).readInt32LE()
/** Of all tables: a row's number may be taken for one in a table that has been replaced. */
let lastSerial = 0

/** The hash of a key's bytes: an int32 that is not 0. */
export function hashOf(bytes: Uint8Array, offset: number, length: number): number {
  let hash = SEED
  for (let at = offset; at < offset + length; at++) {
    hash = Math.imul(hash ^ bytes[at]!, 0x5bd1e995)
    hash ^= hash >>> 15
  }
  hash = Math.imul(hash ^ (hash >>> 13), 0x2c1b3c6d)
  hash ^= hash >>> 16
  return hash === 0 ? 1 : hash
}

/** Bytes, and their `hashOf`. */
export interface HashedBytes {
  readonly bytes: Uint8Array
  readonly offset: number
  readonly length: number
  readonly hash: number
}

/**
 * Values that are remembered, in rows of numbers: a value lives too long for V8's young generation and not long enough for the old one, so
 * that an object for each costs more than all else that is done with it. Rows are found by their keys in a hash table with linear probing,
 * where what is not there is mostly found out by looking at one number.
 */
export class ValueTable {
  /** Rows that are taken. */
  size = 0
  /** When it ends (ms since the epoch), or -1. */
  expiresAt = new Float64Array(ROWS_MIN)
  /** Number of the message in its queue whose value it is, where values go with their messages; else 0. */
  holder = new Float64Array(ROWS_MIN)
  /** Tells who has a row's number whether it still means the same value; 0 where the row is free. */
  serial = new Uint32Array(ROWS_MIN)
  /** Its record, or null where it is in memory only; and its place there. */
  block: (SeenBlock<number> | null)[] = new Array<SeenBlock<number> | null>(ROWS_MIN).fill(null)
  place = new Uint8Array(ROWS_MIN)
  #hash = new Int32Array(ROWS_MIN)
  #length = new Uint8Array(ROWS_MIN)
  /** The order in which values were kept; of a free row, the next free one. */
  #next = new Int32Array(ROWS_MIN)
  #before = new Int32Array(ROWS_MIN)
  #pages: Buffer[] = []
  /** Slots of two numbers each: the hash, or 0 where it is empty, and the row. */
  #slots = new Int32Array(4 * ROWS_MIN)

  /** The row that was kept first, and the one that was kept last. */
  oldest = NO_ROW
  newest = NO_ROW
  #firstFree = NO_ROW
  /** Rows from here on were never taken. */
  #fresh = 0

  /** @returns a row, or NO_ROW */
  find(key: HashedBytes): number {
    const slots = this.#slots
    const mask = slots.length - 1
    const { hash } = key
    for (let slot = (hash << 1) & mask; slots[slot] !== 0; slot = (slot + 2) & mask) {
      if (slots[slot] === hash && this.#hasKey(slots[slot + 1]!, key)) return slots[slot + 1]!
    }
    return NO_ROW
  }

  #hasKey(row: number, { bytes, offset, length }: HashedBytes): boolean {
    if (this.#length[row] !== length) return false
    const own = this.#pages[row >>> PAGE_SHIFT]!
    const at = (row & (PAGE_ROWS - 1)) * KEY_BYTES_MAX
    for (let i = 0; i < length; i++) if (own[at + i] !== bytes[offset + i]) return false
    return true
  }

  /** @param key that is not there @returns its row, which is in no order yet */
  add({ bytes, offset, length, hash }: HashedBytes, expiresAt: number): number {
    const row = this.#takeRow()
    this.expiresAt[row] = expiresAt
    this.holder[row] = 0
    this.serial[row] = lastSerial = (lastSerial % 0xffff_ffff) + 1
    this.#hash[row] = hash
    this.#length[row] = length
    this.#next[row] = APART
    const own = this.#pages[row >>> PAGE_SHIFT]!
    const at = (row & (PAGE_ROWS - 1)) * KEY_BYTES_MAX
    for (let i = 0; i < length; i++) own[at + i] = bytes[offset + i]!
    // at most half of the slots are taken
    if (++this.size * 4 > this.#slots.length) this.#resizeSlots(this.#slots.length * 2)
    this.#put(hash, row)
    return row
  }

  #takeRow(): number {
    const free = this.#firstFree
    if (free !== NO_ROW) {
      this.#firstFree = this.#next[free]!
      return free
    }
    const row = this.#fresh++
    if (row === this.#hash.length) this.#growRows()
    if ((row & (PAGE_ROWS - 1)) === 0) this.#pages.push(Buffer.allocUnsafeSlow(PAGE_ROWS * KEY_BYTES_MAX))
    return row
  }

  #growRows(): void {
    const rows = this.#hash.length * 2
    this.expiresAt = grown(this.expiresAt, new Float64Array(rows))
    this.holder = grown(this.holder, new Float64Array(rows))
    this.serial = grown(this.serial, new Uint32Array(rows))
    this.place = grown(this.place, new Uint8Array(rows))
    this.#hash = grown(this.#hash, new Int32Array(rows))
    this.#length = grown(this.#length, new Uint8Array(rows))
    this.#next = grown(this.#next, new Int32Array(rows))
    this.#before = grown(this.#before, new Int32Array(rows))
    while (this.block.length < rows) this.block.push(null)
  }

  /** The row becomes the newest. */
  append(row: number): void {
    this.#before[row] = this.newest
    this.#next[row] = NO_ROW
    if (this.newest === NO_ROW) this.oldest = row
    else this.#next[this.newest] = row
    this.newest = row
  }

  /** Bytes of a row's key. */
  keyBytes(row: number): number {
    return this.#length[row]!
  }

  /** @returns where it ends */
  writeKey(row: number, out: Buffer, at: number): number {
    const bytes = this.#pages[row >>> PAGE_SHIFT]!
    const from = (row & (PAGE_ROWS - 1)) * KEY_BYTES_MAX
    const length = this.#length[row]!
    for (let i = 0; i < length; i++) out[at + i] = bytes[from + i]!
    return at + length
  }

  remove(row: number): void {
    this.#unlink(row)
    this.#vacate(row)
    this.serial[row] = 0
    this.holder[row] = 0
    this.block[row] = null
    this.#next[row] = this.#firstFree
    this.#firstFree = row
    this.size--
  }

  /** Whether a new table would take less room. */
  get isSpent(): boolean {
    return this.size === 0 && this.#hash.length > ROWS_KEPT
  }

  #unlink(row: number): void {
    const next = this.#next[row]!
    if (next === APART) return
    const before = this.#before[row]!
    if (before === NO_ROW) this.oldest = next
    else this.#next[before] = next
    if (next === NO_ROW) this.newest = before
    else this.#before[next] = before
  }

  #put(hash: number, row: number): void {
    const slots = this.#slots
    const mask = slots.length - 1
    let slot = (hash << 1) & mask
    while (slots[slot] !== 0) slot = (slot + 2) & mask
    slots[slot] = hash
    slots[slot + 1] = row
  }

  #vacate(row: number): void {
    const slots = this.#slots
    const mask = slots.length - 1
    const hash = this.#hash[row]!
    let hole = (hash << 1) & mask
    while (slots[hole] !== hash || slots[hole + 1] !== row) hole = (hole + 2) & mask
    // what would not be found behind a hole moves into it
    for (let slot = (hole + 2) & mask; slots[slot] !== 0; slot = (slot + 2) & mask) {
      const home = (slots[slot]! << 1) & mask
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue
      slots[hole] = slots[slot]!
      slots[hole + 1] = slots[slot + 1]!
      hole = slot
    }
    slots[hole] = 0
  }

  #resizeSlots(length: number): void {
    const slots = this.#slots
    this.#slots = new Int32Array(length)
    for (let slot = 0; slot < slots.length; slot += 2) if (slots[slot] !== 0) this.#put(slots[slot]!, slots[slot + 1]!)
  }
}

function grown<T extends Float64Array | Int32Array | Uint32Array | Uint8Array>(old: T, fresh: T): T {
  fresh.set(old)
  return fresh
}
