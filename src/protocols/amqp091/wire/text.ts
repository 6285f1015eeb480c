import { isUtf8 } from 'node:buffer'
import { anyTextOf } from '../../../util/any-text.ts'

/**
 * Node's own per-encoding methods: `toString` ends in them after looking its encoding up by name, which for the short
 * strings of this protocol costs about as much as the copy.
 */
export type TextBuffer = Buffer & {
  latin1Slice(start: number, end: number): string
  utf8Slice(start: number, end: number): string
  utf8Write(text: string, offset: number): number
}

/** Above this, the native check is faster than a loop of ours, and the view it needs is small beside the text. */
const LOOP_MAX = 255

/** Whether all bytes of [start, end) are below 0x80. The bounds are the caller's to check. */
function isAsciiRange(buffer: Buffer, start: number, end: number): boolean {
  let seen = 0
  for (let i = start; i < end; i++) seen |= buffer[i]!
  return seen < 0x80
}

/** Whether [start, end) is UTF-8. Allocates only for long or non-ASCII ranges. */
export function isUtf8Range(buffer: Buffer, start: number, end: number): boolean {
  if (end - start <= LOOP_MAX && isAsciiRange(buffer, start, end)) return true
  return isUtf8(buffer.subarray(start, end))
}

/** The text in [start, end), or null when it is not UTF-8. */
export function readUtf8(buffer: Buffer, start: number, end: number): string | null {
  if (start === end) return ''
  if (end - start <= LOOP_MAX && isAsciiRange(buffer, start, end)) return (buffer as TextBuffer).latin1Slice(start, end)
  return isUtf8(buffer.subarray(start, end)) ? (buffer as TextBuffer).utf8Slice(start, end) : null
}

/**
 * The text in [start, end), whatever its bytes: some publishers put raw bytes into properties (a binary UUID as correlation id), and get
 * them back as they were (`anyTextOf`).
 */
export const readAnyText = (buffer: Buffer, start: number, end: number): string =>
  readUtf8(buffer, start, end) ?? anyTextOf(buffer.subarray(start, end))
