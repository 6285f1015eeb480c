import { RingDeque } from '../../util/ring-deque.ts'
import type { Connection } from './connection.ts'

/** What a frame takes besides its bytes: many may be empty. */
const FRAME_BYTES = 100

interface DeferredFrame {
  readonly bytes: Buffer
  /** Of a body frame: whether the bytes begin it, and its size; null for a method or header. */
  readonly body: { readonly first: boolean; readonly frameBytes: number } | null
  readonly method: boolean
}

/**
 * What a client sends on a channel while an answer on it has to come first: kept in order, and taken up when the answer has been
 * given. Whoever defers them looks at `bytes`, and reads no more from the client when it is too much.
 */
export class DeferredFrames {
  readonly #frames = new RingDeque<DeferredFrame>()
  /** What is kept takes about so much memory. */
  bytes = 0

  get empty(): boolean {
    return this.#frames.size === 0
  }

  method(buffer: Buffer, start: number, end: number): void {
    this.#push(copyOf(buffer, start, end), null, true)
  }

  header(buffer: Buffer, start: number, end: number): void {
    this.#push(copyOf(buffer, start, end), null, false)
  }

  body(buffer: Buffer, start: number, end: number, first: boolean, frameBytes: number): void {
    this.#push(copyOf(buffer, start, end), { first, frameBytes }, false)
  }

  #push(bytes: Buffer, body: DeferredFrame['body'], method: boolean): void {
    this.bytes += bytes.length + FRAME_BYTES
    this.#frames.push({ bytes, body, method })
  }

  clear(): void {
    this.#frames.clear()
    this.bytes = 0
  }

  /** Hands the first frame to the connection as if it came now. */
  replay(connection: Connection, channel: number): void {
    const { bytes, body, method } = this.#frames.shift()!
    this.bytes -= bytes.length + FRAME_BYTES
    if (method) connection.onMethod(channel, bytes, 0, bytes.length)
    else if (body === null) connection.onHeader(channel, bytes, 0, bytes.length, true)
    else connection.onBody(channel, bytes, 0, bytes.length, body.first, body.frameBytes)
  }
}

const copyOf = (buffer: Buffer, start: number, end: number): Buffer => Buffer.from(buffer.subarray(start, end))
