import { assert } from '../util/assert.ts'
import type { Death, Message } from './message.ts'

/*
 * What the store keeps of a message besides its properties and its body, and gives back with them: the head. Numbers are big-endian,
 * texts UTF-8.
 *
 *     u8    format of the property bytes (PropertyFormat.id), or NO_MESSAGE for what is none
 *     u8    flags: 1 persistent, 2 has a priority, 4 has a time to live, 8 has a rest
 *     u8    priority
 *     u16   length of the exchange's name, and the name
 *     u16   length of the routing key, and the key
 *     u48   time to live in ms          (flag 4)
 *     u32   length of the rest, and the rest: JSON, { keys: extra routing keys, deaths }, each where there is one   (flag 8)
 *
 * Messages mostly come and go in runs with one head, so the last one written and the last one read are remembered.
 */
export const NO_MESSAGE = 0
export const PERSISTENT = 1
export const HAS_PRIORITY = 2
export const HAS_TTL = 4
export const HAS_REST = 8

const FIXED_BYTES = 3 + 2 + 2 + 6 + 4
/** Heads up to here are remembered. */
export const REMEMBERED_BYTES = 1024
/** Copied byte by byte up to here, which is faster than a call. */
const SHORT_BYTES = 64
/** A store takes heads of 16 MiB. What is beyond, which only dead letters of dead letters with huge CC headers are, is left out. */
const REST_BYTES_MAX = 8 * 1024 * 1024

/** What few messages have. */
export interface HeadRest {
  readonly keys?: readonly string[] | null
  readonly deaths?: readonly Death[] | null
}

const last = {
  exchange: '',
  routingKey: '',
  /** Format, priority and flags in one number. */
  facts: -1,
  ttlMs: -1,
  bytes: Buffer.alloc(REMEMBERED_BYTES),
  length: 0,
}

/** Upper bound of what `writeHead` writes for a message, in bytes. */
export function headRoom(message: Message): number {
  const texts = 3 * (message.exchange.length + message.routingKey.length)
  return FIXED_BYTES + texts + (hasRest(message) ? restOf(message).length : 0)
}

/** Writes a message's head. @returns where it ends */
export function writeHead(message: Message, out: Buffer, at: number): number {
  const facts = factsOf(message)
  if (
    message.routingKey === last.routingKey &&
    facts === last.facts &&
    message.exchange === last.exchange &&
    message.ttlMs === last.ttlMs
  ) {
    return copy(last.bytes, last.length, out, at)
  }
  const end = write(message, facts, out, at)
  if ((facts & HAS_REST) === 0 && end - at <= REMEMBERED_BYTES) {
    last.exchange = message.exchange
    last.routingKey = message.routingKey
    last.facts = facts
    last.ttlMs = message.ttlMs
    last.length = end - at
    out.copy(last.bytes, 0, at, end)
  }
  return end
}

const hasRest = (message: Message): boolean => message.extraKeys !== null || message.deaths !== null

function factsOf(message: Message): number {
  let flags = 0
  if (message.persistent) flags |= PERSISTENT
  if (message.hasPriority) flags |= HAS_PRIORITY
  if (message.ttlMs >= 0) flags |= HAS_TTL
  if (hasRest(message)) flags |= HAS_REST
  return (message.format.id << 16) | (message.priority << 8) | flags
}

function copy(from: Buffer, length: number, out: Buffer, at: number): number {
  if (length > SHORT_BYTES) from.copy(out, at, 0, length)
  else for (let i = 0; i < length; i++) out[at + i] = from[i]!
  return at + length
}

function write(message: Message, facts: number, out: Buffer, start: number): number {
  let at = start
  out[at++] = facts >>> 16
  out[at++] = facts
  out[at++] = facts >>> 8
  at = writeText(message.exchange, out, at)
  at = writeText(message.routingKey, out, at)
  if ((facts & HAS_TTL) !== 0) at = out.writeUIntBE(message.ttlMs, at, 6)
  if ((facts & HAS_REST) === 0) return at
  const rest = restOf(message)
  at = out.writeUInt32BE(rest.length, at)
  return at + rest.copy(out, at)
}

function writeText(text: string, out: Buffer, at: number): number {
  const length = out.write(text, at + 2)
  assert(length <= 0xffff, 'names and keys are short')
  out[at] = length >>> 8
  out[at + 1] = length
  return at + 2 + length
}

function restOf({ extraKeys, deaths }: Message): Buffer {
  const rest: HeadRest = { keys: extraKeys, deaths }
  const bytes = Buffer.from(JSON.stringify(rest))
  return bytes.length <= REST_BYTES_MAX ? bytes : Buffer.from('{}')
}
