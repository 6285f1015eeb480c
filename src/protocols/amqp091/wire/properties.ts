/**
 * The content header after its body size: what a message's property bytes are in this protocol.
 *
 *     u16 flags: one bit per property, content-type in the highest; the two lowest are never set
 *     the values of the properties whose bits are set, in the order of the bits
 *
 * By the specification the lowest bit announces a further word of flags. There are 14 properties and no more, so a
 * further word can only announce what nobody can read, and it is refused.
 */
import type { Field } from '../../../core/fields.ts'
import type { PropertyFormat, TextPlace } from '../../../core/message.ts'
import { Properties } from '../../../core/message.ts'
import { MalformedValueError } from './errors.ts'
import { Reader } from './reader.ts'
import { findTextOf, readFieldOf, skipTable } from './table.ts'
import { readAnyText } from './text.ts'
import { Writer } from './writer.ts'

export { hasKey as hasHeader } from './table.ts'

const FLAG = {
  contentType: 0x8000,
  contentEncoding: 0x4000,
  headers: 0x2000,
  deliveryMode: 0x1000,
  priority: 0x0800,
  correlationId: 0x0400,
  replyTo: 0x0200,
  expiration: 0x0100,
  messageId: 0x0080,
  timestamp: 0x0040,
  type: 0x0020,
  userId: 0x0010,
  appId: 0x0008,
  clusterId: 0x0004,
  unused: 0x0002,
  continuation: 0x0001,
} as const

const SCRATCH_KEPT_MAX = 64 * 1024
const TIMESTAMP_MAX = (1n << 64n) - 1n

/** The properties that the broker itself acts on, as offsets into the scanned buffer; -1 is absent. To be reused. */
export class PropertyScan {
  deliveryMode = -1
  priority = -1
  expirationOffset = -1
  expirationLength = 0
  userIdOffset = -1
  userIdLength = 0
  replyToOffset = -1
  replyToLength = 0
  /** The table with its four bytes of length. */
  headersOffset = -1
  headersLength = 0

  clear(): void {
    this.deliveryMode = -1
    this.priority = -1
    this.expirationOffset = -1
    this.expirationLength = 0
    this.userIdOffset = -1
    this.userIdLength = 0
    this.replyToOffset = -1
    this.replyToLength = 0
    this.headersOffset = -1
    this.headersLength = 0
  }
}

/**
 * Finds in [offset, offset + length) what the broker acts on, in one pass and without allocating (but for texts that are
 * not ASCII). Throws MalformedValueError for exactly the bytes that `amqpPropertyFormat.decode` would refuse: what passed
 * here is safe to decode later, when there is no publisher left to blame.
 */
export function scanProperties(buffer: Buffer, offset: number, length: number, out: PropertyScan): void {
  out.clear()
  if (length < 2) throw new MalformedValueError('property flags are missing', offset)
  const flags = (buffer[offset]! << 8) | buffer[offset + 1]!
  if (flags === FLAG.deliveryMode && length === 3) {
    out.deliveryMode = buffer[offset + 2]!
    return
  }
  checkFlags(flags, offset)
  const at = scanValues(buffer, offset + 2, offset + length, flags, out)
  if (at !== offset + length) throw new MalformedValueError('bytes are left after the last property', at)
}

function scanValues(buffer: Buffer, start: number, end: number, flags: number, out: PropertyScan): number {
  let at = start
  if ((flags & FLAG.contentType) !== 0) at = skipText(buffer, at, end)
  if ((flags & FLAG.contentEncoding) !== 0) at = skipText(buffer, at, end)
  if ((flags & FLAG.headers) !== 0) {
    out.headersOffset = at
    at = skipTable(buffer, at, end)
    out.headersLength = at - out.headersOffset
  }
  if ((flags & FLAG.deliveryMode) !== 0) {
    at = skipBytes(at, 1, end)
    out.deliveryMode = buffer[at - 1]!
  }
  if ((flags & FLAG.priority) !== 0) {
    at = skipBytes(at, 1, end)
    out.priority = buffer[at - 1]!
  }
  if ((flags & FLAG.correlationId) !== 0) at = skipText(buffer, at, end)
  if ((flags & FLAG.replyTo) !== 0) {
    out.replyToOffset = at + 1
    at = skipText(buffer, at, end)
    out.replyToLength = at - out.replyToOffset
  }
  if ((flags & FLAG.expiration) !== 0) {
    out.expirationOffset = at + 1
    at = skipText(buffer, at, end)
    out.expirationLength = at - out.expirationOffset
  }
  if ((flags & FLAG.messageId) !== 0) at = skipText(buffer, at, end)
  if ((flags & FLAG.timestamp) !== 0) at = skipBytes(at, 8, end)
  if ((flags & FLAG.type) !== 0) at = skipText(buffer, at, end)
  if ((flags & FLAG.userId) !== 0) {
    out.userIdOffset = at + 1
    at = skipText(buffer, at, end)
    out.userIdLength = at - out.userIdOffset
  }
  if ((flags & FLAG.appId) !== 0) at = skipText(buffer, at, end)
  if ((flags & FLAG.clusterId) !== 0) at = skipText(buffer, at, end)
  return at
}

function skipBytes(at: number, bytes: number, end: number): number {
  if (bytes > end - at) throw new MalformedValueError('property reaches past the end of the header', at)
  return at + bytes
}

/** Moves past a shortstr, which need not be UTF-8: see `readAnyText`. */
function skipText(buffer: Buffer, at: number, end: number): number {
  const start = skipBytes(at, 1, end)
  return skipBytes(start, buffer[at]!, end)
}

function checkFlags(flags: number, at: number): void {
  if ((flags & FLAG.continuation) !== 0) throw new MalformedValueError('further property flags are not supported', at)
  if ((flags & FLAG.unused) !== 0) throw new MalformedValueError('unknown property flag', at)
}

/** `decode` throws MalformedValueError; `encode` throws RangeError for values that the format cannot hold. */
export const amqpPropertyFormat: PropertyFormat = {
  id: 1,
  name: 'amqp091',
  decode: decodeProperties,
  header: headerOf,
  headerText: headerTextOf,
  encode: encodeProperties,
}

function decodeProperties(buffer: Buffer, offset: number, length: number): Properties {
  const reader = new Reader()
  reader.reset(buffer, offset, offset + length)
  const flags = reader.u16()
  checkFlags(flags, offset)
  const properties = new Properties()
  if ((flags & FLAG.contentType) !== 0) properties.contentType = readText(reader)
  if ((flags & FLAG.contentEncoding) !== 0) properties.contentEncoding = readText(reader)
  if ((flags & FLAG.headers) !== 0) properties.headers = reader.table()
  if ((flags & FLAG.deliveryMode) !== 0) properties.deliveryMode = reader.u8()
  if ((flags & FLAG.priority) !== 0) properties.priority = reader.u8()
  if ((flags & FLAG.correlationId) !== 0) properties.correlationId = readText(reader)
  if ((flags & FLAG.replyTo) !== 0) properties.replyTo = readText(reader)
  if ((flags & FLAG.expiration) !== 0) properties.expiration = readText(reader)
  if ((flags & FLAG.messageId) !== 0) properties.messageId = readText(reader)
  // Some publishers put nanoseconds here, beyond 2^53: the nearest number is good enough to look at.
  if ((flags & FLAG.timestamp) !== 0) properties.timestamp = Number(reader.u64Exact())
  if ((flags & FLAG.type) !== 0) properties.type = readText(reader)
  if ((flags & FLAG.userId) !== 0) properties.userId = readText(reader)
  if ((flags & FLAG.appId) !== 0) properties.appId = readText(reader)
  if ((flags & FLAG.clusterId) !== 0) properties.clusterId = readText(reader)
  reader.expectEnd()
  return properties
}

const headerReader = new Reader()

function headerOf(buffer: Buffer, offset: number, length: number, name: Uint8Array): Field | null {
  const at = headersAt(buffer, offset, length)
  if (at < 0) return null
  headerReader.reset(buffer, at, offset + length)
  return readFieldOf(headerReader, name)
}

function headerTextOf(buffer: Buffer, offset: number, length: number, name: Uint8Array, out: TextPlace): boolean {
  const at = headersAt(buffer, offset, length)
  const text = at < 0 ? -1 : findTextOf(buffer, at, offset + length, name)
  if (text < 0) return false
  out.offset = text
  out.length = buffer.readUInt32BE(text - 4)
  return true
}

/** Where the table of headers begins, or -1. */
function headersAt(buffer: Buffer, offset: number, length: number): number {
  const flags = length < 2 ? 0 : (buffer[offset]! << 8) | buffer[offset + 1]!
  if ((flags & FLAG.headers) === 0) return -1
  let at = offset + 2
  if ((flags & FLAG.contentType) !== 0) at += 1 + buffer[at]!
  if ((flags & FLAG.contentEncoding) !== 0) at += 1 + buffer[at]!
  return at
}

function readText(reader: Reader): string {
  const length = reader.u8()
  const at = reader.skip(length)
  return readAnyText(reader.buffer, at, at + length)
}

let scratch = new Writer()

function encodeProperties(properties: Properties): Buffer {
  const writer = scratch
  writer.reset()
  writer.u16(flagsOf(properties))
  if (properties.contentType !== null) writer.shortstr(properties.contentType)
  if (properties.contentEncoding !== null) writer.shortstr(properties.contentEncoding)
  if (properties.headers !== null) writer.table(properties.headers)
  if (properties.deliveryMode !== null) writer.u8(properties.deliveryMode)
  if (properties.priority !== null) writer.u8(properties.priority)
  if (properties.correlationId !== null) writer.shortstr(properties.correlationId)
  if (properties.replyTo !== null) writer.shortstr(properties.replyTo)
  if (properties.expiration !== null) writer.shortstr(properties.expiration)
  if (properties.messageId !== null) writer.shortstr(properties.messageId)
  if (properties.timestamp !== null) writer.u64(timestampOf(properties.timestamp))
  if (properties.type !== null) writer.shortstr(properties.type)
  if (properties.userId !== null) writer.shortstr(properties.userId)
  if (properties.appId !== null) writer.shortstr(properties.appId)
  if (properties.clusterId !== null) writer.shortstr(properties.clusterId)
  const bytes = writer.finish()
  if (writer.buffer.length > SCRATCH_KEPT_MAX) scratch = new Writer()
  return bytes
}

function flagsOf(properties: Properties): number {
  let flags = 0
  if (properties.contentType !== null) flags |= FLAG.contentType
  if (properties.contentEncoding !== null) flags |= FLAG.contentEncoding
  if (properties.headers !== null) flags |= FLAG.headers
  if (properties.deliveryMode !== null) flags |= FLAG.deliveryMode
  if (properties.priority !== null) flags |= FLAG.priority
  if (properties.correlationId !== null) flags |= FLAG.correlationId
  if (properties.replyTo !== null) flags |= FLAG.replyTo
  if (properties.expiration !== null) flags |= FLAG.expiration
  if (properties.messageId !== null) flags |= FLAG.messageId
  if (properties.timestamp !== null) flags |= FLAG.timestamp
  if (properties.type !== null) flags |= FLAG.type
  if (properties.userId !== null) flags |= FLAG.userId
  if (properties.appId !== null) flags |= FLAG.appId
  if (properties.clusterId !== null) flags |= FLAG.clusterId
  return flags
}

/** A timestamp that lost precision when it was decoded must still go out: as the number that it became. */
function timestampOf(timestamp: number): number | bigint {
  if (timestamp <= Number.MAX_SAFE_INTEGER || !Number.isInteger(timestamp)) return timestamp
  const value = BigInt(timestamp)
  return value > TIMESTAMP_MAX ? TIMESTAMP_MAX : value
}
