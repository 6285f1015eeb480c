import { createHash } from 'node:crypto'
import { type Field, integerOf, isInteger, stringOf, type Table } from '../fields.ts'
import type { Message } from '../message.ts'
import type { DeduplicationSettings } from './settings.ts'

const TTL_HEADER = 'x-cache-ttl'
const NAME_HEADER = 'x-publisher-name'
const ID_HEADER = 'x-publishing-id'
const NAME_BYTES_MAX = 255
/** Longer values are remembered by their hash. */
const KEY_BYTES_MAX = 64

/** Bigger ones than 2^53 - 1 are bigints. */
export type PublishingId = number | bigint

/** By what a message is told from another one. */
export interface Identity {
  /** The value of its header, in a form that tells types apart and is short; null without one. */
  readonly key: string | null
  /** How long the message itself wants its value to be remembered, in ms; -1 where it says nothing. */
  readonly ttlMs: number
  /** Null where the message does not say who numbered it, and how. */
  readonly publisher: string | null
  readonly publishingId: PublishingId
}

/** What of a message counts; null for a message that can be no duplicate. */
export function identityOf(message: Message, { header, publishers }: DeduplicationSettings): Identity | null {
  const headers = message.headers()
  if (headers === null) return null
  const key = header === null ? null : keyOf(headers.get(header))
  // dead letters come in no order, and are not numbered by who sends them
  const publisher = publishers && message.deaths === null ? publisherOf(headers) : null
  if (key === null && publisher === null) return null
  const publishingId = publisher === null ? 0 : (headers.get(ID_HEADER)!.value as PublishingId)
  return { key, ttlMs: ttlOf(headers), publisher, publishingId }
}

function ttlOf(headers: Table): number {
  const ttlMs = integerOf(headers.get(TTL_HEADER))
  return ttlMs !== null && ttlMs > 0 ? ttlMs : -1
}

/** Both headers have to be there and in order. */
function publisherOf(headers: Table): string | null {
  const name = stringOf(headers.get(NAME_HEADER))
  if (name === null || name === '' || Buffer.byteLength(name) > NAME_BYTES_MAX) return null
  const id = headers.get(ID_HEADER)
  return id !== undefined && isInteger(id) && (id.value as PublishingId) >= 0 ? name : null
}

/** The key of a header's value; null where there is none, or it is no scalar. All integer types are one. */
export function keyOf(field: Field | undefined): string | null {
  if (field === undefined) return null
  const text = textOf(field)
  if (text === null) return null
  // one character is three bytes at most
  if (text.length * 3 <= KEY_BYTES_MAX || Buffer.byteLength(text) <= KEY_BYTES_MAX) return text
  return `#${createHash('sha256').update(text).digest('base64url')}`
}

function textOf(field: Field): string | null {
  switch (field.type) {
    case 'longstr':
      return typeof field.value === 'string' ? `s${field.value}` : `x${Buffer.from(field.value).toString('base64')}`
    case 'binary':
      return `x${Buffer.from(field.value).toString('base64')}`
    case 'bool':
      return field.value ? 'true' : 'false'
    case 'double':
    case 'float':
      return `d${field.value}`
    case 'timestamp':
      return `T${field.value}`
    case 'decimal':
      return `m${field.value.unscaled}e-${field.value.scale}`
    case 'table':
    case 'array':
    case 'void':
      return null
    default:
      return `i${field.value}`
  }
}
