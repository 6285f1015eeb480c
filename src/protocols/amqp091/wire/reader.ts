import type { Table } from '../../../core/fields.ts'
import { MalformedTextError, MalformedValueError } from './errors.ts'
import { readTable } from './table.ts'
import { joinU64 } from '../../../util/uint64.ts'
import { readUtf8 } from './text.ts'

const EMPTY = Buffer.alloc(0)
const TWO_32 = 0x1_0000_0000
const HIGH_MAX = 0x1f_ffff // high word of 2^53 - 1

/**
 * A cursor over the big-endian values of one frame's payload. Every verb checks the bounds first and throws
 * `MalformedValueError` when the value would reach past `end`; after a throw the reader is of no use until `reset`.
 */
export class Reader {
  buffer: Buffer = EMPTY
  offset = 0
  end = 0

  /** Reads [offset, end) of `buffer` from now on. `end` must not lie past the buffer. */
  reset(buffer: Buffer, offset: number, end: number): void {
    this.buffer = buffer
    this.offset = offset
    this.end = end
  }

  /** Moves past `bytes` bytes and returns where they start. */
  skip(bytes: number): number {
    const at = this.offset
    if (bytes > this.end - at) throw new MalformedValueError('value reaches past the end of its frame', at)
    this.offset = at + bytes
    return at
  }

  /** Moves past a shortstr without looking at its text. */
  skipShortstr(): void {
    this.skip(this.u8())
  }

  /** Narrows the reader to the next `bytes` bytes and returns the old `end`, for `leave`. */
  enter(bytes: number): number {
    const outer = this.end
    if (bytes > outer - this.offset) {
      throw new MalformedValueError('length reaches past the end of its container', this.offset)
    }
    this.end = this.offset + bytes
    return outer
  }

  /** Widens the reader back to `outer`. The inner bytes must have been read completely. */
  leave(outer: number): void {
    this.expectEnd()
    this.end = outer
  }

  /** Throws MalformedValueError when bytes are left. */
  expectEnd(): void {
    if (this.offset !== this.end) throw new MalformedValueError('bytes are left after the last value', this.offset)
  }

  u8(): number {
    return this.buffer[this.skip(1)]!
  }

  u16(): number {
    const at = this.skip(2)
    return (this.buffer[at]! << 8) | this.buffer[at + 1]!
  }

  u32(): number {
    const at = this.skip(4)
    const { buffer } = this
    return ((buffer[at]! << 24) | (buffer[at + 1]! << 16) | (buffer[at + 2]! << 8) | buffer[at + 3]!) >>> 0
  }

  /** Throws MalformedValueError beyond 2^53 - 1: what counts in 64 bits here (tags, body sizes) never gets there. */
  u64(): number {
    const at = this.offset
    const high = this.u32()
    const low = this.u32()
    if (high > HIGH_MAX) throw new MalformedValueError('64-bit value is beyond 2^53 - 1', at)
    return joinU64(high, low)
  }

  /** The whole range: a bigint beyond 2^53 - 1. */
  u64Exact(): number | bigint {
    const high = this.u32()
    const low = this.u32()
    return high <= HIGH_MAX ? joinU64(high, low) : (BigInt(high) << 32n) | BigInt(low)
  }

  i8(): number {
    return (this.u8() << 24) >> 24
  }

  i16(): number {
    return (this.u16() << 16) >> 16
  }

  i32(): number {
    return this.u32() | 0
  }

  /** A bigint where the magnitude is beyond 2^53 - 1. */
  i64(): number | bigint {
    const high = this.u32() | 0
    const low = this.u32()
    const value = high * TWO_32 + low
    return Number.isSafeInteger(value) ? value : (BigInt(high) << 32n) | BigInt(low)
  }

  f32(): number {
    return this.buffer.readFloatBE(this.skip(4))
  }

  f64(): number {
    return this.buffer.readDoubleBE(this.skip(8))
  }

  /** Up to 255 bytes of text. Throws MalformedValueError when they are not UTF-8. */
  shortstr(): string {
    const length = this.u8()
    const at = this.skip(length)
    const text = readUtf8(this.buffer, at, at + length)
    if (text === null) throw new MalformedTextError('Malformed UTF-8 in shortstr', at)
    return text
  }

  /** Bytes with a 32-bit length: a view of the buffer, valid as long as that is. */
  longstr(): Buffer {
    const length = this.u32()
    const at = this.skip(length)
    return this.buffer.subarray(at, at + length)
  }

  /** Text with a 32-bit length. Throws MalformedValueError when it is not UTF-8. */
  longstrText(): string {
    const length = this.u32()
    const at = this.skip(length)
    const text = readUtf8(this.buffer, at, at + length)
    if (text === null) throw new MalformedTextError('Malformed UTF-8 in longstr', at)
    return text
  }

  table(): Table {
    return readTable(this)
  }
}
