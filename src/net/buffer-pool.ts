/** Size of the chunks that outgoing frames are gathered in. */
export const CHUNK_BYTES = 64 * 1024
const SPARE_MAX = 64

/** Chunks for outgoing bytes, shared by all connections of a server, so that an idle connection holds none. */
export class BufferPool {
  readonly #spare: Buffer[] = []

  take(): Buffer {
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES)
  }

  give(chunk: Buffer): void {
    if (this.#spare.length < SPARE_MAX) this.#spare.push(chunk)
  }
}
