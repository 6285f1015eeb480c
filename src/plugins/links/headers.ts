import { array, type Field, type Table, table } from '../../core/fields.ts'

/** Where RabbitMQ puts the values of headers that are not of the type that they should be. */
const INVALID_HEADERS = 'x-invalid-headers'

/**
 * Headers with one more table in front of the array `name`: how links write down the way of a message. What was there and is no array moves
 * to `x-invalid-headers`, as in RabbitMQ. The given headers stay as they are.
 */
export function prependTable(headers: Table | null, name: string, entry: Table): Table {
  const result: Table = new Map(headers ?? [])
  const existing = result.get(name)
  const before = existing?.type === 'array' ? existing.value : []
  if (existing !== undefined && existing.type !== 'array') setInvalid(result, name, existing)
  result.set(name, array([table(entry), ...before]))
  return result
}

function setInvalid(headers: Table, name: string, value: Field): void {
  const known = headers.get(INVALID_HEADERS)
  const invalid: Table = new Map(known?.type === 'table' ? known.value : [])
  const others = invalid.get(name)
  invalid.set(name, array([value, ...(others?.type === 'array' ? others.value : [])]))
  headers.set(INVALID_HEADERS, table(invalid))
}
