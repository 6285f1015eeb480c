import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FRAME_END, FRAME_HEAD_BYTES, encodeMethodFrame } from '../../src/protocols/amqp091/wire/frames.ts'
import { decodeMethod } from '../../src/protocols/amqp091/wire/methods.gen.ts'
import {
  amqpPropertyFormat,
  hasHeader,
  PropertyScan,
  scanProperties,
} from '../../src/protocols/amqp091/wire/properties.ts'
import { Reader } from '../../src/protocols/amqp091/wire/reader.ts'
import { readTable, skipTable, writeTable } from '../../src/protocols/amqp091/wire/table.ts'
import { truncateShortstr, Writer } from '../../src/protocols/amqp091/wire/writer.ts'
import { anyMethod, anyProperties, anyTable, METHOD_CASES } from './amqp091-arbitraries.ts'

const readerOf = (buffer: Buffer, offset = 0, end = buffer.length): Reader => {
  const reader = new Reader()
  reader.reset(buffer, offset, end)
  return reader
}

for (const methodCase of METHOD_CASES) {
  test(`${methodCase.spec.name}.${methodCase.method.name} comes back as it was sent`, () => {
    fc.assert(
      fc.property(anyMethod(methodCase, anyTable), fc.integer({ min: 0, max: 0xffff }), (method, channel) => {
        const frame = encodeMethodFrame(channel, method)
        assert.equal(frame[0], 1)
        assert.equal(frame.readUInt16BE(1), channel)
        assert.equal(frame.readUInt32BE(3), frame.length - 8)
        assert.equal(frame.at(-1), FRAME_END)
        const reader = readerOf(frame, FRAME_HEAD_BYTES, frame.length - 1)
        assert.deepEqual(decodeMethod(reader), method)
      }),
      { numRuns: 50 },
    )
  })
}

test('tables come back as they were written, and the walk over them ends where they do', () => {
  fc.assert(
    fc.property(anyTable, (table) => {
      const writer = new Writer(1)
      writer.u8(0xaa)
      writeTable(writer, table)
      const buffer = writer.finish()
      const reader = readerOf(buffer, 1)
      assert.deepEqual(readTable(reader), table)
      assert.equal(reader.offset, buffer.length)
      assert.equal(skipTable(buffer, 1, buffer.length), buffer.length)
      for (const key of table.keys()) assert.ok(hasHeader(buffer, 1, buffer.length - 1, Buffer.from(key)))
      assert.ok(!hasHeader(buffer, 1, buffer.length - 1, Buffer.alloc(256)))
    }),
    { numRuns: 500 },
  )
})

test('properties come back as they were encoded, and the scan finds the same values', () => {
  const scan = new PropertyScan()
  fc.assert(
    fc.property(anyProperties(anyTable), fc.nat({ max: 20 }), (properties, padding) => {
      const bytes = amqpPropertyFormat.encode(properties)
      const buffer = Buffer.concat([Buffer.alloc(padding, 0xee), bytes, Buffer.alloc(padding, 0xee)])
      assert.deepEqual(amqpPropertyFormat.decode(buffer, padding, bytes.length), properties)

      scanProperties(buffer, padding, bytes.length, scan)
      const text = (offset: number, length: number): string | null =>
        offset === -1 ? null : buffer.toString('utf8', offset, offset + length)
      assert.equal(scan.deliveryMode, properties.deliveryMode ?? -1)
      assert.equal(scan.priority, properties.priority ?? -1)
      assert.equal(text(scan.expirationOffset, scan.expirationLength), properties.expiration)
      assert.equal(text(scan.userIdOffset, scan.userIdLength), properties.userId)
      assert.equal(text(scan.replyToOffset, scan.replyToLength), properties.replyTo)
      const headers =
        scan.headersOffset === -1
          ? null
          : readTable(readerOf(buffer, scan.headersOffset, scan.headersOffset + scan.headersLength))
      assert.deepEqual(headers, properties.headers)
    }),
    { numRuns: 500 },
  )
})

test('a truncated text fits a shortstr and keeps whole characters', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (text) => {
      const cut = truncateShortstr(text)
      assert.ok(Buffer.byteLength(cut) <= 255)
      assert.ok(cut.isWellFormed())
      if (Buffer.byteLength(text) <= 255) return assert.equal(cut, text)
      assert.ok(cut.endsWith('...') && text.startsWith(cut.slice(0, -3)))
      assert.ok(Buffer.byteLength(cut) >= 252)
    }),
  )
})
