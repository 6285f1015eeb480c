/**
 * Typed values: the arguments of exchanges, queues, bindings and consumers, and the headers of messages. The type names are
 * the ones that RabbitMQ's error texts print, and an integer keeps its width, so that what came in goes out the same way.
 */
export type FieldType =
  | 'longstr'
  | 'signedint'
  | 'unsignedint'
  | 'byte'
  | 'unsignedbyte'
  | 'short'
  | 'unsignedshort'
  | 'long'
  | 'double'
  | 'float'
  | 'bool'
  | 'decimal'
  | 'timestamp'
  | 'table'
  | 'array'
  | 'binary'
  | 'void'

/** Integers are numbers while they are safe, bigints beyond 2^53 - 1; timestamps are seconds since the epoch. */
export type Field =
  | { readonly type: 'longstr'; readonly value: string | Uint8Array } // Uint8Array when the bytes are not UTF-8
  | {
      readonly type: 'signedint' | 'unsignedint' | 'byte' | 'unsignedbyte' | 'short' | 'unsignedshort'
      readonly value: number
    }
  | { readonly type: 'long' | 'timestamp'; readonly value: number | bigint }
  | { readonly type: 'double' | 'float'; readonly value: number }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'decimal'; readonly value: { readonly scale: number; readonly unscaled: number } }
  | { readonly type: 'table'; readonly value: Table }
  | { readonly type: 'array'; readonly value: readonly Field[] }
  | { readonly type: 'binary'; readonly value: Uint8Array }
  | { readonly type: 'void'; readonly value: null }

/** Insertion order is the order on the wire. A later duplicate of a key wins. */
export type Table = Map<string, Field>

const refuseChange = (): never => {
  throw new TypeError('the table that all without fields share cannot be changed')
}

const NO_FIELDS: Table = Object.defineProperties(new Map<string, Field>(), {
  set: { value: refuseChange },
  delete: { value: refuseChange },
  clear: { value: refuseChange },
})

/** For what keeps a table as it is: the same one for all that are empty, since an empty map takes 200 bytes. */
export const keptTable = (table: Table): Table => (table.size === 0 ? NO_FIELDS : table)

export const longstr = (value: string): Field => ({ type: 'longstr', value })
export const long = (value: number | bigint): Field => ({ type: 'long', value })
export const signedint = (value: number): Field => ({ type: 'signedint', value })
export const bool = (value: boolean): Field => ({ type: 'bool', value })
export const timestamp = (seconds: number): Field => ({ type: 'timestamp', value: seconds })
export const array = (value: readonly Field[]): Field => ({ type: 'array', value })
export const table = (value: Table): Field => ({ type: 'table', value })

const INTEGER_TYPES: ReadonlySet<FieldType> = new Set([
  'signedint',
  'unsignedint',
  'byte',
  'unsignedbyte',
  'short',
  'unsignedshort',
  'long',
])

export const isInteger = (field: Field): boolean => INTEGER_TYPES.has(field.type)

/** The integer as a number, or null when the field is not an integer. Values beyond 2^53 lose precision, not magnitude. */
export function integerOf(field: Field | undefined): number | null {
  if (field === undefined || !isInteger(field)) return null
  return Number(field.value)
}

/** A number of any kind, or null when the field is none. */
export function numberOf(field: Field | undefined): number | null {
  if (field === undefined) return null
  if (field.type === 'double' || field.type === 'float') return field.value
  if (field.type === 'decimal') return field.value.unscaled / 10 ** field.value.scale
  return integerOf(field)
}

export function stringOf(field: Field | undefined): string | null {
  return field !== undefined && field.type === 'longstr' && typeof field.value === 'string' ? field.value : null
}

/** Equality as RabbitMQ's argument equivalence has it: all integer types are one class, everything else must match in type. */
export function equalFields(a: Field, b: Field): boolean {
  if (isInteger(a) && isInteger(b)) return BigInt(a.value as number) === BigInt(b.value as number)
  if (a.type !== b.type) return false
  switch (a.type) {
    case 'table':
      return equalTables(a.value, (b as typeof a).value)
    case 'array': {
      const other = (b as typeof a).value
      return a.value.length === other.length && a.value.every((item, i) => equalFields(item, other[i]!))
    }
    case 'decimal': {
      const other = (b as typeof a).value
      return a.value.scale === other.scale && a.value.unscaled === other.unscaled
    }
    default:
      return equalScalars(a.value, b.value)
  }
}

/** Equality without regard to the order of keys. */
export function equalTables(a: Table, b: Table): boolean {
  if (a.size !== b.size) return false
  for (const [key, field] of a) {
    const other = b.get(key)
    if (other === undefined || !equalFields(field, other)) return false
  }
  return true
}

function equalScalars(a: unknown, b: unknown): boolean {
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0
  if (typeof a === 'bigint' || typeof b === 'bigint') {
    return (
      (typeof a === 'bigint' || typeof a === 'number') &&
      (typeof b === 'bigint' || typeof b === 'number') &&
      BigInt(a) === BigInt(b)
    )
  }
  return a === b
}
