import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** Bytes read from one peer in a turn, and by one read: a flood from one must not keep the acknowledgements of the others waiting. */
export const READ_BYTES = 256 * 1024

/** Reads up to this many bytes share a slab. */
const SMALL_BYTES = 2048
/** A view that is kept keeps its slab, so that one that a silent peer has sent must not cost much. */
const SLAB_BYTES = 8192

/** A handle of Node.js, as far as it is needed here. */
interface Handle {
  useUserBuffer?(buffer: Uint8Array): void
}

/**
 * What all sockets of a server are read into. Node.js makes a buffer of 64 KiB for each read and cuts it to what came, which costs more
 * than a small read itself, and counts as memory until it is collected. This one is as large as a turn's share, so that many bytes come by
 * few reads, and what came is copied out of it, to a buffer that is as large as that.
 *
 * Node.js reads into a buffer of the caller's where a socket is made with `onread` (node:net, `new net.Socket`), and has no such option for
 * sockets that a server accepts. Those are given what that option would set: which properties these are is found out from a socket that
 * has it. Where they cannot be found, sockets are read as ever.
 */
export class ReadBuffer {
  readonly #bytes: Buffer = Buffer.allocUnsafeSlow(READ_BYTES)
  #slab: Buffer = Buffer.alloc(0)
  #used = 0
  readonly #keys = keysOfOnread()

  /**
   * Reads the socket into this buffer from now on. It is paused then, and what it had read before still comes by the event `data`.
   * @param onData gets bytes that stay as they are
   * @returns false where that is not possible
   */
  attach(socket: Duplex, onData: (chunk: Buffer) => void): boolean {
    const handle = (socket as unknown as { readonly _handle?: Handle | null })._handle
    if (this.#keys === null || typeof handle?.useUserBuffer !== 'function') return false
    const { buffer, callback } = this.#keys
    const properties = socket as unknown as Record<symbol, unknown>
    properties[buffer] = this.#bytes
    properties[callback] = (bytes: number): true => {
      onData(this.#take(bytes))
      return true
    }
    handle.useUserBuffer(this.#bytes)
    // stops reading: it was paused as a stream only
    socket.pause()
    return true
  }

  #take(bytes: number): Buffer {
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

interface OnreadKeys {
  readonly buffer: symbol
  readonly callback: symbol
}

function keysOfOnread(): OnreadKeys | null {
  const onread = { buffer: new Uint8Array(1), callback: () => true }
  const socket = new Socket({ onread })
  const properties = socket as unknown as Record<symbol, unknown>
  const symbols = Object.getOwnPropertySymbols(socket)
  const buffer = symbols.find((key) => properties[key] === onread.buffer)
  const callback = symbols.find((key) => properties[key] === onread.callback)
  return buffer === undefined || callback === undefined ? null : { buffer, callback }
}
