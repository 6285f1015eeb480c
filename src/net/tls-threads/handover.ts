import { timingSafeEqual } from 'node:crypto'
import type { Socket } from 'node:net'
import { HeaderError, type LeadingHeader, readLeadingHeader } from '../leading-header.ts'
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

/** As `LeadingHeader` has them. */
export type HandoverHandler = Pick<LeadingHeader<Handover>, 'onHeader' | 'onRefused'>

export function receiveHandover(
  socket: Socket,
  secret: Uint8Array,
  handler: HandoverHandler,
  timeoutMs = TIMEOUT_MS,
): void {
  const lateReason = 'no header in time'
  readLeadingHeader(socket, { ...handler, timeoutMs, lateReason, parse: (received) => parse(received, secret) })
}

function parse(received: Buffer, secret: Uint8Array): { header: Handover; bytes: number } | null {
  if (received.length < SECRET_BYTES) return null
  // before anything else is believed, or kept
  if (!timingSafeEqual(received.subarray(0, SECRET_BYTES), secret)) throw new HeaderError('wrong secret')
  if (received.length < HEADER_BYTES) return null
  const length = received.readUInt32BE(SECRET_BYTES)
  if (length > JSON_BYTES_MAX) throw new HeaderError('the header is too long')
  const bytes = HEADER_BYTES + length
  if (received.length < bytes) return null
  return { header: JSON.parse(received.toString('utf8', HEADER_BYTES, bytes)) as Handover, bytes }
}
