/** Bytes from anyone: whatever they are, decoding ends soon, in a value or in an error that names the wire. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MalformedValueError, UnknownMethodError } from '../../src/protocols/amqp091/wire/errors.ts'
import { encodeMethodFrame, FRAME_HEAD_BYTES } from '../../src/protocols/amqp091/wire/frames.ts'
import { decodeMethod } from '../../src/protocols/amqp091/wire/methods.gen.ts'
import {
  amqpPropertyFormat,
  hasHeader,
  PropertyScan,
  scanProperties,
} from '../../src/protocols/amqp091/wire/properties.ts'
import { Reader } from '../../src/protocols/amqp091/wire/reader.ts'
import { readTable, skipTable, writeTable } from '../../src/protocols/amqp091/wire/table.ts'
import { Writer } from '../../src/protocols/amqp091/wire/writer.ts'
import { anyMethod, anyProperties, anyTable, METHOD_CASES } from './amqp091-arbitraries.ts'

const ROUNDS = 50_000
Error.stackTraceLimit = 0 // nearly every round throws, and nobody reads these traces
const CC = Buffer.from('CC')
const LETTERS = Buffer.from('SIibBsulLdftDTFAxV')
const scan = new PropertyScan()

/** Mulberry32: small, seeded, the same everywhere. */
function randomOf(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}

/** Null when the bytes are refused in one of the allowed ways. */
function attempt<T>(decode: () => T): T | null {
  try {
    return decode()
  } catch (error) {
    if (error instanceof MalformedValueError || error instanceof UnknownMethodError) return null
    throw error
  }
}

function readerOf(buffer: Buffer): Reader {
  const reader = new Reader()
  reader.reset(buffer, 0, buffer.length)
  return reader
}

/** All decoders over the same bytes; those that see the same thing must agree on whether it is sound. */
function decodeEveryWay(bytes: Buffer): void {
  attempt(() => decodeMethod(readerOf(bytes)))

  const reader = readerOf(bytes)
  const table = attempt(() => readTable(reader))
  const end = attempt(() => skipTable(bytes, 0, bytes.length))
  assert.equal(end, table === null ? null : reader.offset)
  const found = attempt(() => hasHeader(bytes, 0, bytes.length, CC))
  if (table !== null) assert.equal(found, table.has('CC'))

  const properties = attempt(() => amqpPropertyFormat.decode(bytes, 0, bytes.length))
  const scanned = attempt(() => scanProperties(bytes, 0, bytes.length, scan))
  assert.equal(scanned === undefined, properties !== null)
}

/** Changes, cuts and inserts, with a liking for bytes that mean something. */
function mutate(bytes: Buffer, random: (below: number) => number): Buffer {
  const copy = Buffer.from(bytes)
  for (let edits = random(4); edits >= 0 && copy.length > 0; edits--) {
    const at = random(copy.length)
    const kind = random(4)
    if (kind === 0) copy[at] = LETTERS[random(LETTERS.length)]!
    else if (kind === 1) copy[at] = random(8)
    else if (kind === 2) copy[at] = random(256)
    else copy[at] = copy[at]! ^ (1 << random(8))
  }
  return random(4) === 0 ? copy.subarray(0, random(copy.length + 1)) : copy
}

for (const seed of [2026, (Math.random() * 0x1_0000_0000) | 0]) {
  test(`random bytes are decoded or refused (seed ${seed})`, () => {
    const random = randomOf(seed)
    for (let round = 0; round < ROUNDS; round++) {
      const bytes = Buffer.alloc(random(80))
      for (let i = 0; i < bytes.length; i++) bytes[i] = random(3) === 0 ? random(16) : random(256)
      if (bytes.length > 4 && random(2) === 0) bytes.writeUInt32BE(random(bytes.length), 0) // a likely table
      decodeEveryWay(bytes)
    }
  })

  test(`damaged methods, tables and properties are decoded or refused (seed ${seed})`, () => {
    const random = randomOf(seed)
    const tableBytes = anyTable.map((table) => {
      const writer = new Writer()
      writeTable(writer, table)
      return writer.finish()
    })
    const methodBytes = fc.oneof(...METHOD_CASES.map((methodCase) => anyMethod(methodCase, anyTable))).map((method) => {
      const frame = encodeMethodFrame(1, method)
      return frame.subarray(FRAME_HEAD_BYTES, frame.length - 1)
    })
    const propertyBytes = anyProperties(anyTable).map((properties) => amqpPropertyFormat.encode(properties))
    for (const bytes of fc.sample(fc.oneof(tableBytes, methodBytes, propertyBytes), { numRuns: 500, seed })) {
      for (let round = 0; round < 40; round++) decodeEveryWay(mutate(bytes, random))
    }
  })
}

test('hostile tables of a megabyte take linear time', () => {
  const megabyte = 1 << 20
  const shapes = [Buffer.from('A'), Buffer.from('F'), Buffer.from('\0V'), Buffer.from([0, 0x46, 0, 0, 0, 0])]
  for (const shape of shapes) {
    const bytes = Buffer.alloc(megabyte, shape)
    bytes.writeUInt32BE(megabyte - 4, 0)
    const started = performance.now()
    decodeEveryWay(bytes)
    // Some milliseconds in practice; quadratic work over a megabyte would be minutes.
    assert.ok(performance.now() - started < 5000, `${shape.toString('hex')}`)
  }
})
