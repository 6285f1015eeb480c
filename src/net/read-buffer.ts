import type { Duplex } from 'node:stream'

/** What one read of a socket takes at most. */
export const READ_BYTES = 128 * 1024

/** Reads up to this many bytes share a slab. */
const SMALL_BYTES = 2048
/** A view that is kept keeps its slab, so that one that a silent peer has sent must not cost much. */
const SLAB_BYTES = 8192

/** Who has the bytes of a socket. */
export interface SocketReader {
  readonly socket: Duplex
  /** What the socket has read: the buffer's own note of it. */
  bytesSeen: number
  /**
   * @param chunk bytes that stay as they are
   * @returns whether they were taken; otherwise the stream keeps them, and they come by its event `data`
   */
  offer(chunk: Buffer): boolean
}

/** Where a handle has its reader. */
const READER = Symbol('reader')

type OnRead = (this: Handle, arrayBuffer: unknown) => unknown

/** What a socket has from Node.js, as far as it is needed here. */
interface Handle {
  useUserBuffer(buffer: Uint8Array): void
  /** Called for each read, by which `bytesRead` has grown unless it is the end or an error. */
  onread: OnRead
  readonly bytesRead: number
  reading: boolean
  readStop(): void
  [READER]?: SocketReader
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
  /** Node.js's own, which is one for all sockets; null before the first. */
  #nodes: OnRead | null = null
  /** One for all, as what it needs of a socket lies with that: with thousands of them, little of it is in the processor's cache. */
  readonly #onread: OnRead

  constructor() {
    const read = (handle: Handle, arrayBuffer: unknown): unknown => this.#read(handle, arrayBuffer)
    this.#onread = function (arrayBuffer) {
      return read(this, arrayBuffer)
    }
  }

  /** Reads the reader's socket into this buffer from now on. @returns false where that is not possible: all comes by the event `data` */
  attach(reader: SocketReader): boolean {
    const handle = handleOf(reader.socket)
    if (handle === null) return false
    this.#nodes ??= handle.onread
    if (handle.onread !== this.#nodes) return false
    reader.bytesSeen = handle.bytesRead
    handle[READER] = reader
    handle.useUserBuffer(this.#bytes)
    handle.onread = this.#onread
    return true
  }

  #read(handle: Handle, arrayBuffer: unknown): unknown {
    const reader = handle[READER]!
    // a small integer, although both may be large
    const bytes = (handle.bytesRead - reader.bytesSeen) | 0
    // the end, or an error
    if (bytes <= 0) return this.#nodes!.call(handle, arrayBuffer)
    reader.bytesSeen += bytes
    const chunk = this.#copy(bytes)
    if (!reader.offer(chunk) && !reader.socket.push(chunk)) {
      // as Node.js does it; the stream starts it again
      handle.reading = false
      handle.readStop()
    }
    return undefined
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
