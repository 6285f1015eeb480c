import type { Table } from '../../../core/fields.ts'
import { bytesOfAnyText } from '../../../util/any-text.ts'
import { writeTable } from './table.ts'
import type { TextBuffer } from './text.ts'

const TWO_32 = 0x1_0000_0000
const SHORTSTR_MAX = 255
const ELLIPSIS = '...'

/**
 * Appends big-endian values to a buffer that grows. Values out of range are errors of ours, not of a peer: RangeError.
 * `buffer` is the backing store, replaced when it grows; the first `length` bytes of it are what was written. `length`
 * may be set back to an earlier value to drop what came after.
 */
export class Writer {
  buffer: Buffer
  length = 0

  constructor(initialBytes = 256) {
    this.buffer = Buffer.allocUnsafeSlow(initialBytes)
  }

  reset(): void {
    this.length = 0
  }

  /** A copy of what was written. */
  finish(): Buffer {
    return Buffer.from(this.buffer.subarray(0, this.length))
  }

  u8(value: number): void {
    if ((value & 0xff) !== value) throw outOfRange('u8', value)
    const at = this.#reserve(1)
    this.buffer[at] = value
  }

  u16(value: number): void {
    if ((value & 0xffff) !== value) throw outOfRange('u16', value)
    const at = this.#reserve(2)
    this.buffer[at] = value >>> 8
    this.buffer[at + 1] = value
  }

  u32(value: number): void {
    if (value >>> 0 !== value) throw outOfRange('u32', value)
    this.#putU32(this.#reserve(4), value)
  }

  /** 0 to 2^53 - 1 as a number, 0 to 2^64 - 1 as a bigint. */
  u64(value: number | bigint): void {
    if (typeof value === 'bigint') {
      if (BigInt.asUintN(64, value) !== value) throw outOfRange('u64', value)
      this.#put64(value)
      return
    }
    if (!Number.isSafeInteger(value) || value < 0) throw outOfRange('u64', value)
    const at = this.#reserve(8)
    this.#putU32(at, Math.floor(value / TWO_32))
    this.#putU32(at + 4, value >>> 0)
  }

  i8(value: number): void {
    if ((value << 24) >> 24 !== value) throw outOfRange('i8', value)
    this.u8(value & 0xff)
  }

  i16(value: number): void {
    if ((value << 16) >> 16 !== value) throw outOfRange('i16', value)
    this.u16(value & 0xffff)
  }

  i32(value: number): void {
    if ((value | 0) !== value) throw outOfRange('i32', value)
    this.u32(value >>> 0)
  }

  /** A safe integer, or a bigint of at most 64 bits with the sign. */
  i64(value: number | bigint): void {
    if (typeof value === 'bigint') {
      if (BigInt.asIntN(64, value) !== value) throw outOfRange('i64', value)
      this.#put64(value)
      return
    }
    if (!Number.isSafeInteger(value)) throw outOfRange('i64', value)
    const at = this.#reserve(8)
    this.#putU32(at, Math.floor(value / TWO_32))
    this.#putU32(at + 4, value >>> 0)
  }

  f32(value: number): void {
    const at = this.#reserve(4)
    this.buffer.writeFloatBE(value, at)
  }

  f64(value: number): void {
    const at = this.#reserve(8)
    this.buffer.writeDoubleBE(value, at)
  }

  /** Throws RangeError when the text takes more than 255 bytes of UTF-8 (see `truncateShortstr`), or is none at all. */
  shortstr(text: string): void {
    const units = text.length
    if (!(units <= SHORTSTR_MAX)) throw new RangeError(`shortstr of ${units} characters`)
    const start = this.#reserve(1 + units)
    const { buffer } = this
    buffer[start] = units
    for (let i = 0; i < units; i++) {
      const unit = text.charCodeAt(i)
      if (unit > 0x7f) return this.#wideShortstr(text, start)
      buffer[start + 1 + i] = unit
    }
  }

  longstr(value: string | Uint8Array): void {
    if (typeof value === 'string') {
      const bytes = Buffer.byteLength(value)
      this.u32(bytes)
      const at = this.#reserve(bytes)
      ;(this.buffer as TextBuffer).utf8Write(value, at)
    } else {
      this.u32(value.length)
      this.bytes(value)
    }
  }

  table(table: Table): void {
    writeTable(this, table)
  }

  /** The bytes as they are, without a length. */
  bytes(value: Uint8Array): void {
    const at = this.#reserve(value.length)
    this.buffer.set(value, at)
  }

  /** Overwrites the four bytes at `at`, which must have been written: for lengths that are known afterwards. */
  patchU32(at: number, value: number): void {
    if (at < 0 || at + 4 > this.length) throw new RangeError(`patch at ${at} of ${this.length}`)
    if (value >>> 0 !== value) throw outOfRange('u32', value)
    this.#putU32(at, value)
  }

  #wideShortstr(text: string, start: number): void {
    if (!text.isWellFormed()) return this.#rawShortstr(text, start)
    const bytes = Buffer.byteLength(text)
    this.length = start
    if (bytes > SHORTSTR_MAX) throw new RangeError(`shortstr of ${bytes} bytes`)
    this.#reserve(1 + bytes)
    this.buffer[start] = bytes
    ;(this.buffer as TextBuffer).utf8Write(text, start + 1)
  }

  /** What came in as bytes that are no text goes out the same. */
  #rawShortstr(text: string, start: number): void {
    const raw = bytesOfAnyText(text)
    this.length = start
    if (raw.length > SHORTSTR_MAX) throw new RangeError(`shortstr of ${raw.length} bytes`)
    this.u8(raw.length)
    this.bytes(raw)
  }

  #putU32(at: number, value: number): void {
    const { buffer } = this
    buffer[at] = value >>> 24
    buffer[at + 1] = value >>> 16
    buffer[at + 2] = value >>> 8
    buffer[at + 3] = value
  }

  #put64(value: bigint): void {
    const at = this.#reserve(8)
    this.buffer.writeBigUInt64BE(BigInt.asUintN(64, value), at)
  }

  /** Makes room for `bytes` more, counts them as written, and returns where they start. */
  #reserve(bytes: number): number {
    const at = this.length
    const needed = at + bytes
    if (needed > this.buffer.length) this.#grow(needed)
    this.length = needed
    return at
  }

  #grow(needed: number): void {
    const bigger = Buffer.allocUnsafeSlow(Math.max(needed, this.buffer.length * 2))
    this.buffer.copy(bigger, 0, 0, this.length)
    this.buffer = bigger
  }
}

/** The text itself if it fits a shortstr, else as many whole characters as leave room for `...` in 255 bytes. */
export function truncateShortstr(text: string): string {
  // A character takes at least a byte, so what lies beyond 256 units cannot matter: a huge text is not encoded whole.
  const bytes = Buffer.from(text.slice(0, SHORTSTR_MAX + 1))
  if (bytes.length <= SHORTSTR_MAX) return text
  let cut = SHORTSTR_MAX - ELLIPSIS.length
  while ((bytes[cut]! & 0xc0) === 0x80) cut--
  return bytes.toString('utf8', 0, cut) + ELLIPSIS
}

const outOfRange = (type: string, value: number | bigint): RangeError =>
  new RangeError(`${value} is out of range for ${type}`)
