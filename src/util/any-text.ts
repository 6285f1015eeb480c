import { isUtf8 } from 'node:buffer'

/** Where bytes that are not text lie in a string: lone surrogates, which no text has. Byte 0x80 is U+DC80. */
const ESCAPED_FROM = 0xdc00

/** Any bytes as a string: each byte beyond ASCII becomes a lone surrogate, as Python's `surrogateescape` has it. */
export function anyTextOf(bytes: Uint8Array): string {
  const units = Array.from(bytes, (byte) => (byte < 0x80 ? byte : ESCAPED_FROM + byte))
  return String.fromCharCode(...units)
}

/** The bytes of a text that may come from `anyTextOf`. */
export function bytesOfAnyText(text: string): Buffer {
  const pieces = [...text].map((character) => {
    const code = character.codePointAt(0)! - ESCAPED_FROM
    return code >= 0x80 && code <= 0xff ? Buffer.of(code) : Buffer.from(character)
  })
  return Buffer.concat(pieces)
}

/** Bytes for who takes text alone: as they are where they are UTF-8, else in base64. */
export const textOrBase64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes).toString(isUtf8(bytes) ? 'utf8' : 'base64')
