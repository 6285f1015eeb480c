import type { Duplex } from 'node:stream'

/** What one read of a socket takes at most. */
export const READ_BYTES = 128 * 1024

/** Reads up to this many bytes share a slab. */
const SMALL_BYTES = 2048
/** A view that is kept keeps its slab, so that one that a silent peer has sent must not cost much. */
const SLAB_BYTES = 8192

/** Who has the bytes of a socket. */
export interface SocketReader {
  /**
   * @param chunk bytes that stay as they are
   * @returns whether they were taken; otherwise the stream keeps them, and they come by its event `data`
   */
  offer(chunk: Buffer): boolean
}

/** What a socket has from Node.js, as far as it is needed here. */
interface Handle {
  useUserBuffer(buffer: Uint8Array): void
  /** Called for each read, by which `bytesRead` has grown unless it is the end or an error. */
  onread: (this: Handle, arrayBuffer: unknown) => unknown
  readonly bytesRead: number
  reading: boolean
  readStop(): void
}

/**
 * What all sockets of a server are read into. Node.js makes a buffer of 64 KiB for each read and cuts it to what came, which costs more
 * than a small read itself, and counts as memory until it is collected; then the chunk goes through a stream. This buffer is larger, so
 * that many bytes come by few reads, and what came is copied out of it, to a buffer that is as large as that.
 *
 * Node.js can read into a buffer of the caller's (`onread` of `new net.Socket`), but has no such option for sockets that a server
 * accepts. So this is asked of their handles. Where they are other than is known here, sockets are read as ever.
 */
export class ReadBuffer {
  readonly #bytes: Buffer = Buffer.allocUnsafeSlow(READ_BYTES)
  #slab: Buffer = Buffer.alloc(0)
  #used = 0

  /** Reads the socket into this buffer from now on. @returns false where that is not possible: all comes by the event `data` */
  attach(socket: Duplex, reader: SocketReader): boolean {
    const handle = handleOf(socket)
    if (handle === null) return false
    const { onread } = handle
    let before = handle.bytesRead
    handle.useUserBuffer(this.#bytes)
    handle.onread = (arrayBuffer) => {
      const now = handle.bytesRead
      const bytes = now - before
      // the end, or an error
      if (bytes <= 0) return onread.call(handle, arrayBuffer)
      before = now
      const chunk = this.#copy(bytes)
      if (!reader.offer(chunk) && !socket.push(chunk)) {
        // as Node.js does it; the stream starts it again
        handle.reading = false
        handle.readStop()
      }
      return undefined
    }
    return true
  }

  #copy(bytes: number): Buffer {
    if (bytes > SMALL_BYTES) {
      const own = Buffer.allocUnsafeSlow(bytes)
      this.#bytes.copy(own, 0, 0, bytes)
      return own
    }
    if (this.#used + bytes > this.#slab.length) {
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
      this.#used = 0
    }
    const from = this.#used
    this.#used += bytes
    this.#bytes.copy(this.#slab, from, 0, bytes)
    return this.#slab.subarray(from, this.#used)
  }
}

function handleOf(socket: Duplex): Handle | null {
  const handle = (socket as { readonly _handle?: Partial<Handle> | null })._handle
  const isKnown =
    handle !== undefined &&
    handle !== null &&
    typeof handle.useUserBuffer === 'function' &&
    typeof handle.readStop === 'function' &&
    typeof handle.onread === 'function' &&
    typeof handle.reading === 'boolean' &&
    typeof handle.bytesRead === 'number'
  return isKnown ? (handle as Handle) : null
}
