import { type Field, integerOf, isInteger } from './fields.ts'
import { isHeaderName } from './header-name.ts'

/** Why an argument's value is refused, as RabbitMQ prints it, or null. */
export type FieldCheck = (field: Field) => string | null

export const TTL_MAX_MS = 315_360_000_000 // ten years

export const unacceptable = (field: Field): string => `{unacceptable_type,${field.type}}`

export const bool: FieldCheck = (field) => (field.type === 'bool' ? null : unacceptable(field))

export const integer: FieldCheck = (field) => (isInteger(field) ? null : `"expected integer, got ${field.type}"`)

export const notNegative: FieldCheck = (field) =>
  integer(field) ?? (integerOf(field)! < 0 ? `{value_negative,${String(field.value)}}` : null)

export const positive: FieldCheck = (field) => notNegative(field) ?? (integerOf(field) === 0 ? '{value_zero,0}' : null)

/** A time in ms, 0 included. */
export const ttl: FieldCheck = (field) =>
  notNegative(field) ?? (integerOf(field)! > TTL_MAX_MS ? `{value_too_large,${String(field.value)}}` : null)

/** A time in ms of at least 1. */
export const expiry: FieldCheck = (field) => ttl(field) ?? positive(field)

export const headerName: FieldCheck = (field) => {
  if (field.type !== 'longstr') return unacceptable(field)
  return isHeaderName(field.value) ? null : 'invalid_header_name'
}
