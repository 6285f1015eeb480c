import type { Field, Table } from './fields.ts'

/**
 * Tables as JSON that keeps every type, for the metadata store: a field is `[type, value]`, bytes are base64 under `binary` or `bytes` (a
 * longstr that is not UTF-8), integers beyond 2^53 and numbers that JSON does not know are strings.
 */
export type TypedJson = [type: string, value: unknown]

export function tableToTyped(table: Table): Record<string, TypedJson> {
  return Object.fromEntries([...table].map(([key, field]) => [key, fieldToTyped(field)]))
}

export function tableFromTyped(json: Record<string, TypedJson>): Table {
  return new Map(Object.entries(json).map(([key, value]) => [key, fieldFromTyped(value)]))
}

/** The same text for equal tables, whatever the order of their keys. */
export function canonicalTable(table: Table): string {
  if (table.size === 0) return ''
  const sorted = [...table].sort(([a], [b]) => (a < b ? -1 : 1))
  return JSON.stringify(sorted.map(([key, field]) => [key, fieldToTyped(field)]))
}

function fieldToTyped(field: Field): TypedJson {
  switch (field.type) {
    case 'table':
      return ['table', tableToTyped(field.value)]
    case 'array':
      return ['array', field.value.map(fieldToTyped)]
    case 'binary':
      return ['binary', Buffer.from(field.value).toString('base64')]
    case 'longstr':
      if (typeof field.value === 'string') return ['longstr', field.value]
      return ['bytes', Buffer.from(field.value).toString('base64')]
    case 'long':
    case 'timestamp':
      return [field.type, typeof field.value === 'bigint' ? field.value.toString() : field.value]
    case 'double':
    case 'float':
      return [field.type, Number.isFinite(field.value) ? field.value : String(field.value)]
    default:
      return [field.type, field.value]
  }
}

function fieldFromTyped([type, value]: TypedJson): Field {
  switch (type) {
    case 'table':
      return { type, value: tableFromTyped(value as Record<string, TypedJson>) }
    case 'array':
      return { type, value: (value as TypedJson[]).map(fieldFromTyped) }
    case 'binary':
      return { type, value: Buffer.from(value as string, 'base64') }
    case 'bytes':
      return { type: 'longstr', value: Buffer.from(value as string, 'base64') }
    case 'long':
    case 'timestamp':
      return { type, value: typeof value === 'string' ? BigInt(value) : (value as number) }
    case 'double':
    case 'float':
      return { type, value: Number(value) }
    default:
      return { type, value } as Field
  }
}
