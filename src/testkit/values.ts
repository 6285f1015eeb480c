import { isDate } from 'node:util/types'
import { array, type Field, table, type Table, timestamp } from '../core/fields.ts'
import { fieldFromJson } from '../core/fields-json.ts'

/** Headers and arguments as plain values: strings, numbers, booleans, null, bigints, Dates, Buffers, arrays and objects. */
export type PlainTable = Readonly<Record<string, unknown>>

/** Integers become 64-bit, other numbers doubles, Dates timestamps; what is undefined is left out. */
export function tableFromPlain(values: PlainTable): Table {
  const present = Object.entries(values).filter(([, value]) => value !== undefined)
  return new Map(present.map(([key, value]) => [key, fieldFromPlain(value)]))
}

function fieldFromPlain(value: unknown): Field {
  if (isDate(value)) return timestamp(Math.floor(value.getTime() / 1000))
  if (value instanceof Uint8Array) return { type: 'binary', value }
  if (Array.isArray(value)) return array(value.map(fieldFromPlain))
  if (typeof value === 'object' && value !== null) return table(tableFromPlain(value as PlainTable))
  return fieldFromJson(value)
}
