import { createHash } from 'node:crypto'
import { type Field, integerOf, isInteger, stringOf } from '../fields.ts'
import type { Message, TextPlace } from '../message.ts'
import { hashOf, KEY_BYTES_MAX, NO_ROW } from './value-table.ts'

const TTL_HEADER = Buffer.from('x-cache-ttl')
const NAME_HEADER = Buffer.from('x-publisher-name')
const ID_HEADER = Buffer.from('x-publishing-id')
export const NAME_BYTES_MAX = 255
/** What the keys of all values begin with that are no text, or are a text that begins with it. */
const MARK = '\0'

/** Bigger ones than 2^53 - 1 are bigints. */
export type PublishingId = number | bigint

/** The value of a message's header, in a form that tells types apart and is short. */
export class Key {
  /** What has the bytes of the key: mostly the message's own buffer, which has them as long as nothing else has happened. */
  bytes: Buffer
  offset: number
  length: number
  readonly hash: number

  constructor(bytes: Buffer, offset: number, length: number) {
    this.bytes = bytes
    this.offset = offset
    this.length = length
    this.hash = hashOf(bytes, offset, length)
  }

  /** Takes a copy of the bytes. */
  own(): void {
    this.bytes = Buffer.from(this.bytes.subarray(this.offset, this.offset + this.length))
    this.offset = 0
  }
}

/** By what a message is told from another one. */
export class Identity {
  /** Null without a value. */
  readonly key: Key | null
  /** Null where the message does not say who numbered it, and how. */
  readonly publisher: string | null
  readonly publishingId: PublishingId
  /** Where the value is, from the time on that the message is taken; and what tells whether it still is. */
  row = NO_ROW
  serial = 0

  constructor(key: Key | null, publisher: string | null, publishingId: PublishingId) {
    this.key = key
    this.publisher = publisher
    this.publishingId = publishingId
  }
}

/**
 * What of a message counts; null for a message that can be no duplicate.
 * @param header whose value is compared, in UTF-8; null where none is
 */
export function identityOf(message: Message, header: Uint8Array | null, publishers: boolean): Identity | null {
  const key = header === null ? null : keyOf(message, header)
  // dead letters come in no order, and are not numbered by who sends them
  const id = publishers && message.deaths === null ? idOf(message) : -1
  const publisher = id < 0 ? null : publisherOf(message)
  if (key === null && publisher === null) return null
  return new Identity(key, publisher, id)
}

const place: TextPlace = { offset: 0, length: 0 }

/** Null where there is no such header, or it is no scalar. */
function keyOf(message: Message, header: Uint8Array): Key | null {
  if (message.headerText(header, place)) {
    const { offset, length } = place
    if (length <= KEY_BYTES_MAX && isPlain(message.buffer, offset, length))
      return new Key(message.buffer, offset, length)
  }
  const field = message.header(header)
  const text = field === null ? null : textOf(field)
  if (text === null) return null
  const bytes = Buffer.from(text)
  if (bytes.length <= KEY_BYTES_MAX) return new Key(bytes, 0, bytes.length)
  const hash = Buffer.from(`${MARK}#${createHash('sha256').update(bytes).digest('base64url')}`)
  return new Key(hash, 0, hash.length)
}

/** Whether a text is its own key, as it is: what is ASCII, and does not begin as other keys do. */
function isPlain(bytes: Buffer, offset: number, length: number): boolean {
  if (bytes[offset] === 0) return false
  for (let at = offset; at < offset + length; at++) if (bytes[at]! >= 0x80) return false
  return true
}

/** How long a message itself wants its value to be remembered, in ms; -1 where it says nothing. */
export function ttlOf(message: Message): number {
  const ttlMs = integerOf(message.header(TTL_HEADER) ?? undefined)
  return ttlMs !== null && ttlMs > 0 ? ttlMs : -1
}

/** -1 where there is none. */
function idOf(message: Message): PublishingId {
  const field = message.header(ID_HEADER)
  return field !== null && isInteger(field) ? (field.value as PublishingId) : -1
}

function publisherOf(message: Message): string | null {
  const name = stringOf(message.header(NAME_HEADER) ?? undefined)
  return name === null || name === '' || Buffer.byteLength(name) > NAME_BYTES_MAX ? null : name
}

/** What tells values apart, of whatever type: all integer types are one. Null for what is no scalar. */
function textOf(field: Field): string | null {
  switch (field.type) {
    case 'longstr':
      if (typeof field.value !== 'string') return bytesText(field.value)
      return field.value.startsWith(MARK) ? `${MARK}s${field.value}` : field.value
    case 'binary':
      return bytesText(field.value)
    case 'bool':
      return `${MARK}${field.value}`
    case 'double':
    case 'float':
      return `${MARK}d${field.value}`
    case 'timestamp':
      return `${MARK}T${field.value}`
    case 'decimal':
      return `${MARK}m${field.value.unscaled}e-${field.value.scale}`
    case 'table':
    case 'array':
    case 'void':
      return null
    default:
      return `${MARK}i${field.value}`
  }
}

const bytesText = (bytes: Uint8Array): string => `${MARK}x${Buffer.from(bytes).toString('base64')}`
