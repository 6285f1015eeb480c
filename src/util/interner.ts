import { assert } from './assert.ts'

/** Room for any short string. */
const SLOT_BYTES = 256

/**
 * Short strings that come as bytes again and again (exchange names, routing keys): the same string object for the same bytes, without
 * decoding them each time. Direct-mapped: a newcomer takes the slot, so memory is bounded and nothing is ever looked for twice.
 */
export class Interner {
  /**
   * The bytes of each slot, in one piece: small buffers of their own would each keep the whole slab alive that Node.js cut them from.
   */
  readonly #bytes: Buffer
  /** Bytes in the slot and one; 0 while it is empty. */
  readonly #taken: Uint16Array
  readonly #strings: string[]
  readonly #mask: number

  constructor(slots = 2048) {
    this.#bytes = Buffer.alloc(slots * SLOT_BYTES)
    this.#taken = new Uint16Array(slots)
    this.#strings = new Array<string>(slots).fill('')
    this.#mask = slots - 1
  }

  /** The known string for these bytes, or null; then decode and `remember` it. */
  find(buffer: Buffer, offset: number, length: number): string | null {
    const slot = hash(buffer, offset, length) & this.#mask
    if (this.#taken[slot] !== length + 1) return null
    const bytes = this.#bytes
    const from = slot * SLOT_BYTES
    for (let i = 0; i < length; i++) if (bytes[from + i] !== buffer[offset + i]) return null
    return this.#strings[slot]!
  }

  /** Takes up to 256 bytes. */
  remember(buffer: Buffer, offset: number, length: number, text: string): void {
    assert(length <= SLOT_BYTES, 'short strings only')
    const slot = hash(buffer, offset, length) & this.#mask
    buffer.copy(this.#bytes, slot * SLOT_BYTES, offset, offset + length)
    this.#taken[slot] = length + 1
    this.#strings[slot] = text
  }
}

/** FNV-1a. */
function hash(buffer: Buffer, offset: number, length: number): number {
  let h = 0x811c9dc5
  for (let i = 0; i < length; i++) h = Math.imul(h ^ buffer[offset + i]!, 0x01000193)
  return h ^ (h >>> 15)
}
