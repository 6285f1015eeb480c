import fc from 'fast-check'
import type { Field, Table } from '../../src/core/fields.ts'
import { Properties } from '../../src/core/message.ts'
import { CLASSES } from '../../src/protocols/amqp091/wire/methods.ts'
import type { ClassSpec, MethodFieldType, MethodSpec } from '../../src/protocols/amqp091/wire/methods.ts'
import * as generated from '../../src/protocols/amqp091/wire/methods.gen.ts'
import type { Method } from '../../src/protocols/amqp091/wire/methods.gen.ts'
import { classNameOf, fieldNameOf, isReserved } from '../../tools/generate-methods.ts'

/** Well-formed text of at most 255 bytes of UTF-8, lengths around the limit included. */
export const shortText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 63 }),
  fc.string({ unit: 'binary-ascii', maxLength: 255 }),
  fc.constantFrom('', 'a'.repeat(255), 'é'.repeat(127), '😀'.repeat(63)),
)

const u8 = fc.integer({ min: 0, max: 0xff })
const u16 = fc.integer({ min: 0, max: 0xffff })
const u32 = fc.integer({ min: 0, max: 0xffff_ffff })
const safeUnsigned = fc.maxSafeNat()

const numberIfSafe = (value: bigint): number | bigint =>
  value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value

const bytes = fc.uint8Array({ maxLength: 300 }).map((value) => new Uint8Array(value))

const typed = (type: Field['type'], value: fc.Arbitrary<unknown>): fc.Arbitrary<Field> =>
  value.map((inner) => ({ type, value: inner }) as Field)

const scalars: readonly fc.Arbitrary<Field>[] = [
  typed('longstr', fc.string({ unit: 'binary', maxLength: 400 })),
  typed('signedint', fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff })),
  typed('unsignedint', u32),
  typed('byte', fc.integer({ min: -0x80, max: 0x7f })),
  typed('unsignedbyte', u8),
  typed('short', fc.integer({ min: -0x8000, max: 0x7fff })),
  typed('unsignedshort', u16),
  typed('double', fc.double()),
  typed('float', fc.float()),
  typed('bool', fc.boolean()),
  typed('decimal', fc.record({ scale: u8, unscaled: u32 }, { noNullPrototype: true })),
  typed('binary', bytes),
  typed('void', fc.constant(null)),
]

const safe64: readonly fc.Arbitrary<Field>[] = [typed('long', fc.maxSafeInteger()), typed('timestamp', safeUnsigned)]

const any64: readonly fc.Arbitrary<Field>[] = [
  typed('long', fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }).map(numberIfSafe)),
  typed('timestamp', fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }).map(numberIfSafe)),
  typed(
    'longstr',
    fc.constantFrom(new Uint8Array([0xff]), new Uint8Array([0x61, 0xc3]), new Uint8Array(300).fill(0x80)),
  ),
]

function tables(leaves: readonly fc.Arbitrary<Field>[], key: fc.Arbitrary<string>): fc.Arbitrary<Table> {
  const { table } = fc.letrec<{ field: Field; table: Table }>((tie) => ({
    field: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      ...leaves,
      typed('array', fc.array(tie('field'), { maxLength: 5 })),
      typed('table', tie('table')),
    ),
    table: fc
      .uniqueArray(fc.tuple(key, tie('field')), { selector: ([name]) => name, maxLength: 6 })
      .map((entries) => new Map(entries)),
  }))
  return table
}

export const anyTable = tables([...scalars, ...safe64, ...any64], shortText)

/** What can be said in plain objects too: no 64-bit value beyond 2^53, no undecodable text, no keys that objects treat apart. */
export const plainTable = tables(
  [...scalars, ...safe64],
  fc.string({ unit: 'binary', maxLength: 20 }).map((name) => `k${name}`),
)

export function anyProperties(table: fc.Arbitrary<Table>): fc.Arbitrary<Properties> {
  const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(value)
  return fc
    .record({
      contentType: optional(shortText),
      contentEncoding: optional(shortText),
      headers: optional(table),
      deliveryMode: optional(u8),
      priority: optional(u8),
      correlationId: optional(shortText),
      replyTo: optional(shortText),
      expiration: optional(shortText),
      messageId: optional(shortText),
      timestamp: optional(safeUnsigned),
      type: optional(shortText),
      userId: optional(shortText),
      appId: optional(shortText),
      clusterId: optional(shortText),
    })
    .map((values) => Object.assign(new Properties(), values))
}

export interface MethodCase {
  readonly spec: ClassSpec
  readonly method: MethodSpec
}

export const METHOD_CASES: readonly MethodCase[] = CLASSES.flatMap((spec) =>
  spec.methods.map((method) => ({ spec, method })),
)

function fieldValue(type: MethodFieldType, table: fc.Arbitrary<Table>): fc.Arbitrary<unknown> {
  switch (type) {
    case 'bit':
      return fc.boolean()
    case 'octet':
      return u8
    case 'short':
      return u16
    case 'long':
      return u32
    case 'longlong':
      return safeUnsigned
    case 'shortstr':
      return shortText
    case 'longstr':
      return bytes.map((value) => Buffer.from(value))
    case 'text':
      return fc.string({ unit: 'binary', maxLength: 400 })
    case 'table':
      return table
  }
}

export function anyMethod({ spec, method }: MethodCase, table: fc.Arbitrary<Table>): fc.Arbitrary<Method> {
  const create = (generated as unknown as Record<string, new (...values: unknown[]) => Method>)[
    classNameOf(spec, method)
  ]!
  const values = method.fields.filter(([name]) => !isReserved(name)).map(([, type]) => fieldValue(type, table))
  return fc.tuple(...values).map((fields) => new create(...fields))
}

/** The fields of a method by the name of its class's field, reserved ones left out. */
export function fieldsOf({ method }: MethodCase, value: Method): Map<string, unknown> {
  const names = method.fields.filter(([name]) => !isReserved(name)).map(([name]) => fieldNameOf(name))
  return new Map(names.map((name) => [name, (value as unknown as Record<string, unknown>)[name]]))
}
