import { RingDeque } from '../../util/ring-deque.ts'
import type { Connection } from './connection.ts'

interface DeferredFrame {
  readonly bytes: Buffer
  /** Of a body frame: whether the bytes begin it, and its size; null for a method or header. */
  readonly body: { readonly first: boolean; readonly frameBytes: number } | null
  readonly method: boolean
}

/**
 * What a client sends on a channel while an answer on it has to come first: kept in order, and taken up when the answer has been
 * given. Nothing more is read from the client meanwhile, so it is at most what had been read already.
 */
export class DeferredFrames {
  readonly #frames = new RingDeque<DeferredFrame>()

  get empty(): boolean {
    return this.#frames.size === 0
  }

  method(buffer: Buffer, start: number, end: number): void {
    this.#frames.push({ bytes: copyOf(buffer, start, end), body: null, method: true })
  }

  header(buffer: Buffer, start: number, end: number): void {
    this.#frames.push({ bytes: copyOf(buffer, start, end), body: null, method: false })
  }

  body(buffer: Buffer, start: number, end: number, first: boolean, frameBytes: number): void {
    this.#frames.push({ bytes: copyOf(buffer, start, end), body: { first, frameBytes }, method: false })
  }

  clear(): void {
    this.#frames.clear()
  }

  /** Hands the first frame to the connection as if it came now. */
  replay(connection: Connection, channel: number): void {
    const { bytes, body, method } = this.#frames.shift()!
    if (method) connection.onMethod(channel, bytes, 0, bytes.length)
    else if (body === null) connection.onHeader(channel, bytes, 0, bytes.length, true)
    else connection.onBody(channel, bytes, 0, bytes.length, body.first, body.frameBytes)
  }
}

const copyOf = (buffer: Buffer, start: number, end: number): Buffer => Buffer.from(buffer.subarray(start, end))
