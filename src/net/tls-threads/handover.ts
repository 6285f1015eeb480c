import { timingSafeEqual } from 'node:crypto'
import type { Socket } from 'node:net'
import type { Peer } from '../listener.ts'

/**
 * What goes ahead of a client's bytes from the thread that does its TLS to the broker's thread:
 *
 *     0   32  secret of this start, so that no other program can claim to be a client with a certificate
 *     32   4  length of what follows
 *     36   …  JSON: a `Handover`
 */
export interface Handover {
  readonly thread: number
  /** Unique within the thread. */
  readonly connection: number
  readonly listener: number
  readonly peer: Peer
}

export const SECRET_BYTES = 32
const HEADER_BYTES = SECRET_BYTES + 4
/** A certificate has about as many bytes at most (OpenSSL takes chains of 100 KiB), and its names are most of this. */
const JSON_BYTES_MAX = 1024 * 1024
const TIMEOUT_MS = 5000

export function encodeHandover(secret: Uint8Array, handover: Handover): Buffer {
  const json = Buffer.from(JSON.stringify(handover))
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + json.length)
  bytes.set(secret)
  bytes.writeUInt32BE(json.length, SECRET_BYTES)
  bytes.set(json, HEADER_BYTES)
  return bytes
}

export interface HandoverHandler {
  /** The socket is paused, and has what came after the header. */
  onHandover(handover: Handover): void
  /** The socket is destroyed. */
  onRefused(reason: string): void
}

/** Reads the header. Until then the socket is nobody else's; its errors are the caller's to listen to. */
export function receiveHandover(
  socket: Socket,
  secret: Uint8Array,
  handler: HandoverHandler,
  timeoutMs = TIMEOUT_MS,
): void {
  let received: Buffer = Buffer.alloc(0)
  const timer = setTimeout(() => refuse('no header in time'), timeoutMs)
  const stop = (): void => {
    clearTimeout(timer)
    socket.off('data', onData)
    socket.off('close', stop)
  }
  const refuse = (reason: string): void => {
    stop()
    socket.destroy()
    handler.onRefused(reason)
  }
  const onData = (chunk: Buffer): void => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
    if (received.length < SECRET_BYTES) return
    // before anything else is believed, or kept
    if (!timingSafeEqual(received.subarray(0, SECRET_BYTES), secret)) return refuse('wrong secret')
    if (received.length < HEADER_BYTES) return
    const length = received.readUInt32BE(SECRET_BYTES)
    if (length > JSON_BYTES_MAX) return refuse('the header is too long')
    const end = HEADER_BYTES + length
    if (received.length < end) return
    stop()
    socket.pause()
    if (received.length > end) socket.unshift(received.subarray(end))
    handler.onHandover(JSON.parse(received.toString('utf8', HEADER_BYTES, end)) as Handover)
  }
  socket.on('data', onData)
  socket.once('close', stop)
}
