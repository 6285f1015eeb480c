/**
 * What every frame looks like:
 *
 *     u8 type, u16 channel, u32 payload length, payload, u8 0xCE
 *
 * A method frame's payload is u16 class, u16 method, then the method's fields.
 */
import type { Method } from './methods.gen.ts'
import { Writer } from './writer.ts'

export const FRAME_METHOD = 1
export const FRAME_HEADER = 2
export const FRAME_BODY = 3
export const FRAME_HEARTBEAT = 8
export const FRAME_END = 0xce

/** Bytes before the payload. */
export const FRAME_HEAD_BYTES = 7
/** Bytes around the payload: the head and the end octet. */
export const FRAME_OVERHEAD = 8

/** One method frame in its own buffer. Throws RangeError when a value does not fit its field. */
export function encodeMethodFrame(channel: number, method: Method): Buffer {
  const writer = new Writer()
  appendMethodFrame(writer, channel, method)
  return writer.buffer.subarray(0, writer.length)
}

const shared = new Writer()

/**
 * The same for who copies it at once: the bytes are valid until the next call. A buffer for each answer was a tenth of what it
 * costs to open and close a consumer.
 */
export function viewMethodFrame(channel: number, method: Method): Buffer {
  shared.reset()
  appendMethodFrame(shared, channel, method)
  return shared.buffer.subarray(0, shared.length)
}

/** Throws RangeError when a value does not fit its field; nothing is appended then. */
export function appendMethodFrame(writer: Writer, channel: number, method: Method): void {
  const start = writer.length
  try {
    writer.u8(FRAME_METHOD)
    writer.u16(channel)
    writer.u32(0)
    writer.u32(method.id) // class and method are its two halves
    method.encode(writer)
    writer.patchU32(start + 3, writer.length - start - FRAME_HEAD_BYTES)
    writer.u8(FRAME_END)
  } catch (error) {
    writer.length = start // half a frame would garble every frame after it
    throw error
  }
}
