/** What vectors say in JSON, as bytes and typed values, and back. */
import type { Field, FieldType, Table } from '../../src/core/fields.ts'
import { Properties } from '../../src/core/message.ts'
import * as generated from '../../src/protocols/amqp091/wire/methods.gen.ts'
import { type Method, METHOD_NAMES } from '../../src/protocols/amqp091/wire/methods.gen.ts'

export type Json = string | number | boolean | null | readonly Json[] | JsonObject
export type JsonObject = { readonly [key: string]: Json }

/** Text, or `{ "hex": … }`, or `{ "fill": bytes, "with": text }`, or `{ "concat": [ … ] }`. */
export type JsonBytes =
  | string
  | { readonly hex: string }
  | { readonly fill: number; readonly with?: string }
  | { readonly concat: readonly JsonBytes[] }

export function bytesOf(value: JsonBytes): Buffer {
  if (typeof value === 'string') return Buffer.from(value)
  if ('hex' in value) return Buffer.from(value.hex.replaceAll(/\s/g, ''), 'hex')
  if ('fill' in value) return Buffer.alloc(value.fill, value.with ?? 'x')
  return Buffer.concat(value.concat.map(bytesOf))
}

const FIELD_TYPES: ReadonlySet<string> = new Set<FieldType>([
  'longstr',
  'signedint',
  'unsignedint',
  'byte',
  'unsignedbyte',
  'short',
  'unsignedshort',
  'long',
  'double',
  'float',
  'bool',
  'decimal',
  'timestamp',
  'table',
  'array',
  'binary',
  'void',
])

/** Text is a longstr, a whole number a signedint, true a bool; anything else says its type: `{ "long": 5 }`. */
export function fieldOf(value: Json): Field {
  if (typeof value === 'string') return { type: 'longstr', value }
  if (typeof value === 'boolean') return { type: 'bool', value }
  if (typeof value === 'number') return { type: 'signedint', value }
  const [type, inner] = value === null || Array.isArray(value) ? [] : Object.entries(value)[0]!
  if (type === undefined || !FIELD_TYPES.has(type)) throw new Error(`no field: ${JSON.stringify(value)}`)
  if (type === 'table') return { type, value: tableOf(inner as JsonObject) }
  if (type === 'array') return { type, value: (inner as Json[]).map(fieldOf) }
  if (type === 'binary') return { type, value: new Uint8Array(Buffer.from(inner as string, 'hex')) }
  if (type === 'longstr') return { type, value: new Uint8Array(Buffer.from(inner as string, 'hex')) }
  const number = typeof inner === 'string' ? BigInt(inner) : inner
  return { type, value: number } as Field
}

export const tableOf = (value: JsonObject): Table =>
  new Map(Object.entries(value).map(([key, item]) => [key, fieldOf(item)]))

const METHODS = new Map(
  Object.values(generated as unknown as Record<string, { id?: number; new (): Method }>)
    .filter(({ id }) => id !== undefined)
    .map((method) => [METHOD_NAMES.get(method.id!)!, method]),
)

/** The method of this name with the fields that are given, the others empty. */
export function methodOf(name: string, fields: JsonObject): Method {
  const type = METHODS.get(name)
  if (type === undefined) throw new Error(`no method: ${name}`)
  const method = new type() as unknown as Record<string, unknown>
  for (const [field, value] of Object.entries(fields)) {
    const current = method[field]
    if (current instanceof Map) method[field] = tableOf(value as JsonObject)
    else if (Buffer.isBuffer(current)) method[field] = bytesOf(value as JsonBytes)
    else if (typeof current === typeof value) method[field] = value
    else throw new Error(`${name} has no such field: ${field}`)
  }
  return method as unknown as Method
}

export function propertiesOf(given: JsonObject): Properties {
  const properties = new Properties()
  const values = properties as unknown as Record<string, unknown>
  for (const [name, value] of Object.entries(given)) {
    if (!(name in properties)) throw new Error(`no such property: ${name}`)
    values[name] = name === 'headers' ? tableOf(value as JsonObject) : value
  }
  return properties
}

/** `{ "match": … }` is a regular expression, `{ "save": … }` is anything, to be named later. */
const isPattern = (value: Json): value is { match: string } | { save: string } =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && ('match' in value || 'save' in value)

/** Whether the values are as expected; fields that are not named may be anything. */
export function differences(
  expected: JsonObject,
  actual: Record<string, unknown>,
  save: (name: string, value: string) => void,
): string[] {
  const found: string[] = []
  for (const [name, want] of Object.entries(expected)) {
    const value = actual[name]
    if (isPattern(want)) {
      const text = typeof value === 'string' ? value : Buffer.isBuffer(value) ? value.toString('latin1') : show(value)
      if ('save' in want) save(want.save, text)
      else if (!new RegExp(want.match, 's').test(text)) found.push(`${name} is '${text}', not /${want.match}/`)
      continue
    }
    const given = value instanceof Map ? show(tableOf(want as JsonObject)) : show(want)
    const shown = Buffer.isBuffer(value) ? show(value.toString()) : show(value)
    if (shown !== given) found.push(`${name} is ${shown}, not ${given}`)
  }
  return found
}

/** Text of a value in which tables, bytes and large integers can be told apart. */
export function show(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (inner instanceof Map) return { entries: [...inner] }
    if (inner instanceof Uint8Array) return { bytes: Buffer.from(inner).toString('hex') }
    return typeof inner === 'bigint' ? `${inner}n` : inner
  })
}
