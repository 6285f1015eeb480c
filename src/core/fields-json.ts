import { preconditionFailed } from './errors.ts'
import type { Field, Table } from './fields.ts'

/**
 * Arguments and headers in JSON, for definitions and the HTTP API. JSON knows fewer types than a table, so what goes
 * out does not always come back the same: integers of every width and timestamps come back as `long`, floats as
 * `double`, bytes as text.
 */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

/** Tables and arrays inside one another. */
export const DEPTH_MAX = 100
const LONG_MIN = -(2n ** 63n)
const LONG_MAX = 2n ** 63n - 1n

/**
 * An object, or what stands for an empty one in RabbitMQ's own JSON: `[]`, null or nothing.
 * @throws BrokerError preconditionFailed when it is something else, or nested too deeply
 */
export function tableFromJson(value: unknown): Table {
  if (value === undefined || value === null || (Array.isArray(value) && value.length === 0)) return new Map()
  if (typeof value !== 'object' || Array.isArray(value)) throw preconditionFailed('arguments should be an object')
  return tableFrom(value, 0)
}

/**
 * Integers become `long` and other numbers `double` (`1.0` cannot be told from `1` once JSON is parsed); bigints may
 * stand for integers that numbers cannot hold. Null becomes `void`.
 * @throws BrokerError preconditionFailed when nested too deeply
 */
export const fieldFromJson = (value: unknown): Field => fieldFrom(value, 0)

function tableFrom(value: object, depth: number): Table {
  const table: Table = new Map()
  for (const [key, item] of Object.entries(value)) table.set(key, fieldFrom(item, depth + 1))
  return table
}

function fieldFrom(value: unknown, depth: number): Field {
  if (depth > DEPTH_MAX) throw preconditionFailed(`arguments nested more than ${DEPTH_MAX} levels deep`)
  switch (typeof value) {
    case 'string':
      return { type: 'longstr', value }
    case 'boolean':
      return { type: 'bool', value }
    case 'number':
      return Number.isSafeInteger(value) ? { type: 'long', value } : { type: 'double', value }
    case 'bigint':
      return value >= LONG_MIN && value <= LONG_MAX
        ? { type: 'long', value: Number.isSafeInteger(Number(value)) ? Number(value) : value }
        : { type: 'double', value: Number(value) }
    case 'object':
      if (value === null) return { type: 'void', value: null }
      if (Array.isArray(value)) return { type: 'array', value: value.map((item) => fieldFrom(item, depth + 1)) }
      return { type: 'table', value: tableFrom(value, depth) }
    default:
      throw preconditionFailed(`unhandled type ${typeof value}`)
  }
}

export const tableToJson = (table: Table): { readonly [key: string]: Json } =>
  Object.fromEntries([...table].map(([key, field]) => [key, fieldToJson(field)]))

/** Integers beyond 2^53 come out as decimal text, numbers that are not finite as null, bytes as text or as base64. */
export function fieldToJson(field: Field): Json {
  switch (field.type) {
    case 'table':
      return tableToJson(field.value)
    case 'array':
      return field.value.map(fieldToJson)
    case 'longstr':
    case 'binary':
      return typeof field.value === 'string' ? field.value : bytesToText(field.value)
    case 'decimal':
      return field.value.unscaled / 10 ** field.value.scale
    case 'double':
    case 'float':
      return Number.isFinite(field.value) ? field.value : null
    case 'long':
    case 'timestamp':
      return typeof field.value === 'bigint' ? String(field.value) : field.value
    default:
      return field.value
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** As RabbitMQ shows bytes: as they are if they are UTF-8, else in base64, folded at 76 characters. */
function bytesToText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch {
    const base64 = Buffer.from(bytes).toString('base64')
    return `Not UTF-8, base64 is: ${base64.replace(/.{76}/g, '$&\n')}`
  }
}
