import { ReadBuffer } from './read-buffer.ts'

/** Size of the chunks that outgoing frames are gathered in. */
export const CHUNK_BYTES = 64 * 1024
const SPARE_MAX = 64

/** Size of the chunks for peers that get little. */
const SMALL_BYTES = 512
const SMALL_SPARE_MAX = 4096

/**
 * The buffer that sockets are read into, and chunks for outgoing bytes: shared by all connections of a server, so that an idle connection
 * holds none. Thousands may be answered in one turn, each with a few bytes: for them there are small chunks.
 */
export class BufferPool {
  readonly reads = new ReadBuffer()
  readonly #spare: Buffer[] = []
  readonly #smallSpare: Buffer[] = []

  /** @returns a chunk with room for `bytes`, which are at most CHUNK_BYTES */
  take(bytes: number): Buffer {
    if (bytes <= SMALL_BYTES) return this.#smallSpare.pop() ?? Buffer.allocUnsafeSlow(SMALL_BYTES)
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES)
  }

  give(chunk: Buffer): void {
    if (chunk.length === SMALL_BYTES) {
      if (this.#smallSpare.length < SMALL_SPARE_MAX) this.#smallSpare.push(chunk)
    } else if (this.#spare.length < SPARE_MAX) this.#spare.push(chunk)
  }
}
