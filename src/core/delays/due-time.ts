import { type Field, integerOf, isInteger, long, signedint, stringOf, type Table } from '../fields.ts'
import { type Message, withProperties } from '../message.ts'

/** What the names of all headers that concern delays begin with. */
export const DELAY_HEADERS = Buffer.from('x-del')
const DELAY = 'x-delay'
const DELIVER_AT = 'x-deliver-at'
/** What the log can hold: some 8,900 years. */
const TIME_MAX = 2 ** 48 - 2

/**
 * When a message is due (ms since the epoch), or -1 when it is not delayed: `x-deliver-at` (ms since the epoch, or a timestamp), else
 * `x-delay` (ms; an integer, a number as text, or a float whose fraction is dropped, as the community plugin takes them). What is no such
 * number, not positive, or in the past is no delay.
 */
export function dueAtOf(message: Message, now: number): number {
  const headers = message.properties().headers
  if (headers === null) return -1
  const at = timeOf(headers.get(DELIVER_AT))
  const due = at > 0 ? at : now + delayOf(headers.get(DELAY))
  return due > now ? Math.min(due, TIME_MAX) : -1
}

function delayOf(field: Field | undefined): number {
  if (field === undefined) return 0
  return Math.max(0, Math.trunc(numberOf(field) ?? 0))
}

function timeOf(field: Field | undefined): number {
  if (field?.type === 'timestamp') return Number(field.value) * 1000
  return field === undefined ? 0 : Math.trunc(numberOf(field) ?? 0)
}

function numberOf(field: Field): number | null {
  if (isInteger(field)) return integerOf(field)
  if (field.type === 'float' || field.type === 'double') return Number.isFinite(field.value) ? field.value : null
  const text = stringOf(field)
  return text !== null && /^\s*[+-]?\d+\s*$/.test(text) ? Number(text) : null
}

/**
 * The message as it is delivered when it is due: its delay negative, as with the community plugin, so that it is not delayed again on
 * its way and a consumer still sees what it was.
 */
export function asReleased(message: Message): Message {
  return withProperties(message, (properties) => {
    const headers: Table = new Map(properties.headers)
    for (const name of [DELAY, DELIVER_AT]) {
      const field = headers.get(name)
      if (field === undefined) continue
      const value = name === DELAY ? delayOf(field) : timeOf(field)
      if (value > 0) headers.set(name, negativeOf(field, value))
    }
    properties.headers = headers
  })
}

/** In the publisher's own type, where that has negative numbers: not every client reads them in every type. */
function negativeOf({ type }: Field, value: number): Field {
  if (type === 'byte' || type === 'short' || type === 'long') return { type, value: -value }
  return value <= 0x7fff_ffff ? signedint(-value) : long(-value)
}
