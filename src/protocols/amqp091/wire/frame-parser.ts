import { FrameError } from './errors.ts'
import {
  FRAME_BODY,
  FRAME_END,
  FRAME_HEAD_BYTES,
  FRAME_HEADER,
  FRAME_HEARTBEAT,
  FRAME_METHOD,
  FRAME_OVERHEAD,
} from './frames.ts'
import { printPayload } from './print-payload.ts'

export interface FrameHandler {
  /** `buffer` may be reused after the call when `kept` is false: copy what is to be kept. */
  onMethod(channel: number, buffer: Buffer, start: number, end: number): void
  onHeader(channel: number, buffer: Buffer, start: number, end: number, kept: boolean): void
  /** A body frame, or as much of it as has come: `first` begins a frame of `frameBytes`. The bytes stay as they are. */
  onBody(channel: number, buffer: Buffer, start: number, end: number, first: boolean, frameBytes: number): void
  onHeartbeat(channel: number, buffer: Buffer, start: number, end: number): void
  /** A sound frame of a type that does not exist. */
  onUnknown(type: number, buffer: Buffer, start: number, end: number): void
}

/**
 * Finds frames in a stream of chunks. Whole frames are handed on in place; a method or header frame that is split over chunks is
 * gathered in one small buffer; body frames are handed on as they come, since their size is the message's.
 */
export class FrameParser {
  /** Largest payload taken. Starts at what holds before tuning. */
  payloadMax: number
  readonly #handler: FrameHandler
  /** The beginning of a split frame. */
  #rest: Buffer
  #restBytes = 0
  /** Inside a body frame: what is still to come of it, end octet not counted; -1 outside. */
  #bodyLeft = -1
  #bodyChannel = 0
  #bodyBytes = 0
  /** The last byte of a body frame whose end octet has not come: a message must not be complete before its frames are. */
  readonly #lastByte = Buffer.alloc(1)
  #holdsLast = false
  #stopped = false

  constructor(handler: FrameHandler, payloadMax: number) {
    this.#handler = handler
    this.payloadMax = payloadMax
    this.#rest = Buffer.alloc(0)
  }

  /** Nothing after this is looked at. */
  stop(): void {
    this.#stopped = true
  }

  /** @throws FrameError where the framing is broken: nothing that follows makes sense. The handler must not throw. */
  push(chunk: Buffer): void {
    let at = 0
    if (this.#bodyLeft >= 0) at = this.#continueBody(chunk)
    if (this.#restBytes > 0) at = this.#completeRest(chunk, at)
    const length = chunk.length
    while (!this.#stopped && length - at >= FRAME_HEAD_BYTES) {
      const type = chunk[at]!
      const size = (chunk[at + 3]! << 24) | (chunk[at + 4]! << 16) | (chunk[at + 5]! << 8) | chunk[at + 6]!
      if (size < 0 || size > this.payloadMax) this.#refuseSize(type, size >>> 0)
      const end = at + FRAME_HEAD_BYTES + size
      if (end >= length) {
        // on channel 0 it is an error, which shows the payload
        if (type !== FRAME_BODY || (chunk[at + 1] === 0 && chunk[at + 2] === 0)) break
        this.#beginBody(chunk, at, size)
        return
      }
      if (chunk[end] !== FRAME_END) refuseEnd(type, chunk, at + FRAME_HEAD_BYTES, end)
      this.#dispatch(type, (chunk[at + 1]! << 8) | chunk[at + 2]!, chunk, at + FRAME_HEAD_BYTES, end, true)
      at = end + 1
    }
    if (!this.#stopped && at < length) this.#keepRest(chunk, at)
  }

  #dispatch(type: number, channel: number, buffer: Buffer, start: number, end: number, kept: boolean): void {
    switch (type) {
      case FRAME_METHOD:
        this.#handler.onMethod(channel, buffer, start, end)
        return
      case FRAME_HEADER:
        this.#handler.onHeader(channel, buffer, start, end, kept)
        return
      case FRAME_BODY:
        this.#handler.onBody(channel, buffer, start, end, true, end - start)
        return
      case FRAME_HEARTBEAT:
        this.#handler.onHeartbeat(channel, buffer, start, end)
        return
      default:
        this.#handler.onUnknown(type, buffer, start, end)
    }
  }

  #beginBody(chunk: Buffer, at: number, size: number): void {
    this.#bodyChannel = (chunk[at + 1]! << 8) | chunk[at + 2]!
    this.#bodyBytes = size
    const start = at + FRAME_HEAD_BYTES
    this.#bodyLeft = size - (chunk.length - start)
    this.#handler.onBody(this.#bodyChannel, chunk, start, this.#holdLast(chunk, start, chunk.length), true, size)
  }

  /** Where the part of a body that may be handed on ends: before its last byte if it is the frame's. */
  #holdLast(chunk: Buffer, start: number, end: number): number {
    if (this.#bodyLeft > 0 || end === start) return end
    this.#lastByte[0] = chunk[end - 1]!
    this.#holdsLast = true
    return end - 1
  }

  #continueBody(chunk: Buffer): number {
    const part = Math.min(this.#bodyLeft, chunk.length)
    this.#bodyLeft -= part
    if (part === chunk.length) {
      const end = this.#holdLast(chunk, 0, part)
      if (end > 0) this.#handler.onBody(this.#bodyChannel, chunk, 0, end, false, this.#bodyBytes)
      return part
    }
    if (chunk[part] !== FRAME_END) refuseEnd(FRAME_BODY, chunk, 0, part)
    this.#bodyLeft = -1
    if (part > 0) this.#handler.onBody(this.#bodyChannel, chunk, 0, part, false, this.#bodyBytes)
    else if (this.#holdsLast) {
      // a buffer of its own, since the handler may keep it
      this.#handler.onBody(this.#bodyChannel, Buffer.from(this.#lastByte), 0, 1, false, this.#bodyBytes)
    }
    this.#holdsLast = false
    return part + 1
  }

  #completeRest(chunk: Buffer, from: number): number {
    let at = this.#fillRest(chunk, from, FRAME_HEAD_BYTES)
    if (this.#restBytes < FRAME_HEAD_BYTES) return at
    const rest = this.#rest
    const type = rest[0]!
    const size = rest.readUInt32BE(3)
    if (size > this.payloadMax) this.#refuseSize(type, size)
    const channel = rest.readUInt16BE(1)
    if (type === FRAME_BODY && channel !== 0) {
      this.#bodyChannel = channel
      this.#bodyBytes = size
      this.#bodyLeft = size
      this.#restBytes = 0
      // an empty part starts the frame; the rest of it comes from the chunk
      this.#handler.onBody(this.#bodyChannel, chunk, at, at, true, size)
      return at + this.#continueBody(at === 0 ? chunk : chunk.subarray(at))
    }
    at = this.#fillRest(chunk, at, size + FRAME_OVERHEAD)
    if (this.#restBytes < size + FRAME_OVERHEAD) return at
    this.#restBytes = 0
    const end = FRAME_HEAD_BYTES + size
    if (this.#rest[end] !== FRAME_END) refuseEnd(type, this.#rest, FRAME_HEAD_BYTES, end)
    this.#dispatch(type, channel, this.#rest, FRAME_HEAD_BYTES, end, false)
    return at
  }

  /** Copies from the chunk until the rest has `wanted` bytes, or the chunk ends. */
  #fillRest(chunk: Buffer, from: number, wanted: number): number {
    const part = Math.min(wanted - this.#restBytes, chunk.length - from)
    if (part <= 0) return from
    this.#growRest(this.#restBytes + part)
    chunk.copy(this.#rest, this.#restBytes, from, from + part)
    this.#restBytes += part
    return from + part
  }

  #keepRest(chunk: Buffer, at: number): void {
    const bytes = chunk.length - at
    this.#growRest(bytes)
    chunk.copy(this.#rest, 0, at)
    this.#restBytes = bytes
  }

  #growRest(bytes: number): void {
    if (bytes <= this.#rest.length) return
    const wider = Buffer.allocUnsafe(Math.max(256, 2 ** Math.ceil(Math.log2(bytes))))
    this.#rest.copy(wider, 0, 0, this.#restBytes)
    this.#rest = wider
  }

  #refuseSize(type: number, size: number): never {
    const nominal = this.payloadMax - FRAME_OVERHEAD
    throw new FrameError(`type ${type}, all octets = <<>>: {frame_too_large,${size},${nominal}}`, 0)
  }
}

function refuseEnd(type: number, buffer: Buffer, start: number, end: number): never {
  const found = buffer[end]!
  throw new FrameError(`${printPayload(type, buffer, start, end)}: {invalid_frame_end_marker,${found}}`, end)
}
