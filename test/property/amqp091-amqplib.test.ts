/** Bytes against another implementation: amqplib's own codec, both ways. */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Field, Table } from '../../src/core/fields.ts'
import { encodeMethodFrame, FRAME_HEAD_BYTES } from '../../src/protocols/amqp091/wire/frames.ts'
import { decodeMethod } from '../../src/protocols/amqp091/wire/methods.gen.ts'
import { amqpPropertyFormat } from '../../src/protocols/amqp091/wire/properties.ts'
import { Reader } from '../../src/protocols/amqp091/wire/reader.ts'
import { readTable, writeTable } from '../../src/protocols/amqp091/wire/table.ts'
import { Writer } from '../../src/protocols/amqp091/wire/writer.ts'
import { anyMethod, anyProperties, fieldsOf, METHOD_CASES, plainTable } from './amqp091-arbitraries.ts'

type Plain = Record<string, unknown>

interface Defs {
  decode(id: number, payload: Buffer): Plain
  encodeMethod(id: number, channel: number, fields: Plain): Buffer
  encodeProperties(id: number, channel: number, bodyBytes: number, fields: Plain): Buffer
  BasicProperties: number
}

interface Codec {
  encodeTable(buffer: Buffer, table: Plain, offset: number): number
  decodeFields(slice: Buffer): Plain
}

// By path: the package does not export its codec.
const require = createRequire(import.meta.url)
const defs = require('../../node_modules/amqplib/lib/defs.js') as Defs
const codec = require('../../node_modules/amqplib/lib/codec.js') as Codec

const HEADER_PROPERTIES_AT = 7 + 12 // frame head; class, weight and body size
const SCRATCH_BYTES = 1 << 18
/** Text to us, bytes to amqplib. */
const LONG_TEXTS = new Set(['mechanisms', 'locales'])

/** Our field as amqplib's encoder wants it: with the type spelt out. */
function toEncoded(field: Field): unknown {
  switch (field.type) {
    case 'table':
      return toEncodedTable(field.value)
    case 'array':
      return field.value.map(toEncoded)
    case 'longstr':
      return field.value
    case 'binary':
      return Buffer.from(field.value)
    case 'bool':
    case 'void':
      return field.value
    case 'decimal':
      return { '!': 'decimal', value: { places: field.value.scale, digits: field.value.unscaled } }
    case 'signedint':
      return { '!': 'int', value: field.value }
    default:
      return { '!': field.type, value: field.value }
  }
}

/** Our field as amqplib's decoder gives it: numbers lose their width. */
function toDecoded(field: Field): unknown {
  switch (field.type) {
    case 'table':
      return toDecodedTable(field.value)
    case 'array':
      return field.value.map(toDecoded)
    case 'timestamp':
    case 'decimal':
    case 'binary':
      return toEncoded(field)
    default:
      return field.value
  }
}

const mapTable = (table: Table, convert: (field: Field) => unknown): Plain =>
  Object.fromEntries([...table].map(([key, field]) => [key, convert(field)]))
const toEncodedTable = (table: Table): Plain => mapTable(table, toEncoded)
const toDecodedTable = (table: Table): Plain => mapTable(table, toDecoded)

function convertFields(fields: Iterable<[string, unknown]>, convert: (table: Table) => Plain): Plain {
  const plain: Plain = {}
  for (const [name, value] of fields) {
    if (value === null) continue
    if (value instanceof Map) plain[name] = convert(value)
    else if (name === 'noWait') plain['nowait'] = value
    else if (LONG_TEXTS.has(name)) plain[name] = Buffer.from(value as string)
    else plain[name] = value
  }
  return plain
}

/** amqplib gives reserved fields too, and absent properties as undefined. */
function assertHolds(actual: Plain, expected: Plain): void {
  for (const [name, value] of Object.entries(expected)) assert.deepEqual(actual[name], value, name)
}

for (const methodCase of METHOD_CASES) {
  test(`${methodCase.spec.name}.${methodCase.method.name} has the same bytes in amqplib`, () => {
    fc.assert(
      fc.property(anyMethod(methodCase, plainTable), fc.integer({ min: 0, max: 0xffff }), (method, channel) => {
        const ours = encodeMethodFrame(channel, method)
        const fields = fieldsOf(methodCase, method)
        const theirs = defs.encodeMethod(method.id, channel, convertFields(fields, toEncodedTable))
        assert.deepEqual(ours, theirs)

        const payload = ours.subarray(FRAME_HEAD_BYTES, ours.length - 1)
        assertHolds(defs.decode(method.id, payload.subarray(4)), convertFields(fields, toDecodedTable))
        const reader = new Reader()
        reader.reset(theirs, FRAME_HEAD_BYTES, theirs.length - 1)
        assert.deepEqual(decodeMethod(reader), method)
      }),
      { numRuns: 30 },
    )
  })
}

test('tables have the same bytes in amqplib', () => {
  const scratch = Buffer.alloc(SCRATCH_BYTES)
  fc.assert(
    fc.property(plainTable, (table) => {
      const bytes = codec.encodeTable(scratch, toEncodedTable(table), 0)
      const theirs = scratch.subarray(0, bytes)
      const writer = new Writer()
      writeTable(writer, table)
      assert.deepEqual(writer.finish(), Buffer.from(theirs))
      assert.deepEqual(codec.decodeFields(writer.finish().subarray(4)), toDecodedTable(table))
      const reader = new Reader()
      reader.reset(theirs, 0, bytes)
      assert.deepEqual(readTable(reader), table)
    }),
    { numRuns: 300 },
  )
})

test('properties have the same bytes in amqplib', () => {
  fc.assert(
    fc.property(anyProperties(plainTable), (properties) => {
      const entries = Object.entries(properties)
      const frame = defs.encodeProperties(defs.BasicProperties, 1, 0, convertFields(entries, toEncodedTable))
      const theirs = frame.subarray(HEADER_PROPERTIES_AT, frame.length - 1)
      const ours = amqpPropertyFormat.encode(properties)
      assert.deepEqual(ours, Buffer.from(theirs))
      assert.deepEqual(amqpPropertyFormat.decode(theirs, 0, theirs.length), properties)
      assertHolds(defs.decode(defs.BasicProperties, ours), convertFields(entries, toDecodedTable))
    }),
    { numRuns: 300 },
  )
})
