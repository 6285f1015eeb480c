/**
 * Short strings that come as bytes again and again (exchange names, routing keys): the same string object for the same bytes, without
 * decoding them each time. Direct-mapped: a newcomer takes the slot, so memory is bounded and nothing is ever looked for twice.
 */
export class Interner {
  readonly #bytes: (Buffer | null)[]
  readonly #strings: string[]
  readonly #mask: number

  constructor(slots = 2048) {
    this.#bytes = new Array<Buffer | null>(slots).fill(null)
    this.#strings = new Array<string>(slots).fill('')
    this.#mask = slots - 1
  }

  /** The known string for these bytes, or null; then decode and `remember` it. */
  find(buffer: Buffer, offset: number, length: number): string | null {
    const slot = hash(buffer, offset, length) & this.#mask
    const bytes = this.#bytes[slot]!
    if (bytes === null || bytes.length !== length) return null
    for (let i = 0; i < length; i++) if (bytes[i] !== buffer[offset + i]) return null
    return this.#strings[slot]!
  }

  remember(buffer: Buffer, offset: number, length: number, text: string): void {
    const slot = hash(buffer, offset, length) & this.#mask
    this.#bytes[slot] = Buffer.from(buffer.subarray(offset, offset + length))
    this.#strings[slot] = text
  }
}

/** FNV-1a. */
function hash(buffer: Buffer, offset: number, length: number): number {
  let h = 0x811c9dc5
  for (let i = 0; i < length; i++) h = Math.imul(h ^ buffer[offset + i]!, 0x01000193)
  return h ^ (h >>> 15)
}
