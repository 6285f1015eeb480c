import { isUtf8 } from 'node:buffer'

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

/** Where bytes that are not text lie in a string: lone surrogates, which no text has. Byte 0x80 is U+DC80. */
const ESCAPED_FROM = 0xdc00

/**
 * The text in [start, end), whatever its bytes: some publishers put raw bytes into properties (a binary UUID as correlation id), and get
 * them back as they were. Where it is not UTF-8, each byte beyond ASCII becomes a lone surrogate, as Python's `surrogateescape` has it.
 */
export function readAnyText(buffer: Buffer, start: number, end: number): string {
  const text = readUtf8(buffer, start, end)
  if (text !== null) return text
  const units = Array.from(buffer.subarray(start, end), (byte) => (byte < 0x80 ? byte : ESCAPED_FROM + byte))
  return String.fromCharCode(...units)
}

/** The bytes of a text that may come from `readAnyText`. */
export function bytesOfAnyText(text: string): Buffer {
  const pieces = [...text].map((character) => {
    const code = character.codePointAt(0)! - ESCAPED_FROM
    return code >= 0x80 && code <= 0xff ? Buffer.of(code) : Buffer.from(character)
  })
  return Buffer.concat(pieces)
}
