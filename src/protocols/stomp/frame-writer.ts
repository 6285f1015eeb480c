import type { Message } from '../../core/message.ts'
import { CHUNK_BYTES } from '../../net/buffer-pool.ts'
import type { Transport } from '../../net/transport.ts'
import type { Version } from './frame.ts'
import { escape } from './header-escapes.ts'

/** Bodies from here on are sent from where they lie. */
const UNCOPIED_BYTES = 32 * 1024
const NUL_LF = Buffer.from('\0\n', 'latin1')
const NUL = Buffer.from('\0', 'latin1')

export type Headers = readonly (readonly [name: string, value: string])[]

/** Holds a message's bytes where they are. */
export interface Keeper {
  retain(message: Message): void
  release(message: Message): void
}

/** @param version null for CONNECTED, which escapes nothing but the ends of lines */
export function headOf(command: string, headers: Headers, bodyBytes: number, version: Version | null): string {
  let head = `${command}\n`
  const escapes = version ?? '1.0'
  for (const [name, value] of headers) {
    if (!name.includes('\0') && !value.includes('\0')) head += `${escape(name, escapes)}:${escape(value, escapes)}\n`
  }
  return bodyBytes === 0 ? `${head}\n` : `${head}content-length:${bodyBytes}\n\n`
}

/** What frames end with: NUL, and a line end unless that is not wanted. */
export const endOfFrames = (trailingLineFeed: boolean): Buffer => (trailingLineFeed ? NUL_LF : NUL)

/** A whole frame. @param end see `endOfFrames` */
export function encodeFrame(
  command: string,
  headers: Headers,
  body: string,
  version: Version | null,
  end: Buffer,
): Buffer {
  const bytes = Buffer.from(body, 'utf8')
  return Buffer.concat([Buffer.from(headOf(command, headers, bytes.length, version)), bytes, end])
}

/**
 * @param end see `endOfFrames`
 * @param whole whether the frame must not be cut: over WebSocket each write is a message, and clients look for whole frames in it
 */
export function writeMessage(
  transport: Transport,
  head: string,
  message: Message,
  keeper: Keeper,
  end: Buffer,
  whole: boolean,
): void {
  const { bodyLength } = message
  const headBytes = Buffer.byteLength(head)
  const bytes = headBytes + bodyLength + end.length
  if (bodyLength < UNCOPIED_BYTES && bytes <= CHUNK_BYTES) {
    const at = transport.reserve(bytes)
    const { out } = transport
    out.write(head, at)
    if (bodyLength > 0) message.buffer.copy(out, at + headBytes, message.bodyOffset, message.bodyOffset + bodyLength)
    out[at + bytes - 1] = 10
    out[at + bytes - end.length] = 0
  } else if (whole) {
    transport.appendLarge(Buffer.concat([Buffer.from(head), message.body(), end]), () => {})
  } else {
    transport.write(Buffer.from(head))
    // before its bytes are looked at, since it may move them
    keeper.retain(message)
    transport.appendLarge(message.body(), () => keeper.release(message))
    transport.write(end)
  }
}
