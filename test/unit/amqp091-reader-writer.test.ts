import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MalformedValueError } from '../../src/protocols/amqp091/wire/errors.ts'
import { Reader } from '../../src/protocols/amqp091/wire/reader.ts'
import { truncateShortstr, Writer } from '../../src/protocols/amqp091/wire/writer.ts'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')

function readerOf(bytes: Buffer | string): Reader {
  const buffer = typeof bytes === 'string' ? hex(bytes) : bytes
  const reader = new Reader()
  reader.reset(buffer, 0, buffer.length)
  return reader
}

function written(write: (writer: Writer) => void): string {
  const writer = new Writer(1)
  write(writer)
  return writer.finish().toString('hex')
}

const malformed = (message: RegExp, offset: number) => (error: unknown) => {
  assert.ok(error instanceof MalformedValueError)
  assert.match(error.message, message)
  assert.equal(error.offset, offset)
  return true
}

type Integer = 'u8' | 'u16' | 'u32' | 'u64' | 'i8' | 'i16' | 'i32' | 'i64'

const integers: readonly [Integer, number | bigint, string][] = [
  ['u8', 0xff, 'ff'],
  ['u16', 0xfffe, 'fffe'],
  ['u32', 0xffff_fffe, 'fffffffe'],
  ['u64', 0, '0000000000000000'],
  ['u64', 0x1_0000_0001, '0000000100000001'],
  ['u64', Number.MAX_SAFE_INTEGER, '001fffffffffffff'],
  ['i8', -1, 'ff'],
  ['i8', -128, '80'],
  ['i16', -2, 'fffe'],
  ['i16', -32768, '8000'],
  ['i32', -1, 'ffffffff'],
  ['i32', -0x8000_0000, '80000000'],
  ['i64', -1, 'ffffffffffffffff'],
  ['i64', Number.MIN_SAFE_INTEGER, 'ffe0000000000001'],
  ['i64', Number.MAX_SAFE_INTEGER, '001fffffffffffff'],
  ['i64', -(1n << 63n), '8000000000000000'],
  ['i64', (1n << 63n) - 1n, '7fffffffffffffff'],
  ['i64', BigInt(Number.MIN_SAFE_INTEGER) - 1n, 'ffe0000000000000'],
]

for (const [verb, value, bytes] of integers) {
  test(`${verb} ${value} is ${bytes} both ways`, () => {
    assert.equal(
      written((writer) => writer[verb](value as never)),
      bytes,
    )
    assert.equal(readerOf(bytes)[verb](), value)
    for (let cut = 0; cut < bytes.length / 2; cut++) {
      assert.throws(() => readerOf(hex(bytes).subarray(0, cut))[verb](), MalformedValueError)
    }
  })
}

test('an unsigned 64-bit count beyond 2^53 - 1 is malformed, and exact where the whole range is asked for', () => {
  assert.throws(() => readerOf('0020000000000000').u64(), malformed(/2\^53/, 0))
  assert.equal(readerOf('0020000000000000').u64Exact(), 1n << 53n)
  assert.equal(readerOf('001fffffffffffff').u64Exact(), Number.MAX_SAFE_INTEGER)
  assert.equal(readerOf('ffffffffffffffff').u64Exact(), (1n << 64n) - 1n)
  assert.equal(
    written((writer) => writer.u64((1n << 64n) - 1n)),
    'ffffffffffffffff',
  )
})

test('floats keep infinities, NaN and minus zero', () => {
  for (const value of [0.5, -0, Infinity, -Infinity, NaN]) {
    assert.ok(Object.is(readerOf(written((writer) => writer.f32(value))).f32(), value))
    assert.ok(Object.is(readerOf(written((writer) => writer.f64(value))).f64(), value))
  }
})

test('values out of range are refused when written, and leave nothing behind', () => {
  const writer = new Writer()
  const refused: readonly [Integer, number | bigint][] = [
    ['u8', 256],
    ['u8', -1],
    ['u16', 65536],
    ['u16', 1.5],
    ['u32', 2 ** 32],
    ['u32', NaN],
    ['u64', -1],
    ['u64', 2 ** 53],
    ['u64', 1n << 64n],
    ['u64', -1n],
    ['i8', 128],
    ['i16', -32769],
    ['i32', 2 ** 31],
    ['i64', 2 ** 53],
    ['i64', 1n << 63n],
  ]
  for (const [verb, value] of refused) assert.throws(() => writer[verb](value as never), RangeError, `${verb} ${value}`)
  assert.equal(writer.length, 0)
})

test('a shortstr may be empty, ASCII, UTF-8, and 255 bytes at most', () => {
  for (const text of ['', 'amq.topic', 'Grüße', '😀', 'a'.repeat(255), 'é'.repeat(127)]) {
    const bytes = Buffer.from(text)
    const expected = Buffer.concat([Buffer.of(bytes.length), bytes])
    assert.equal(
      written((writer) => writer.shortstr(text)),
      expected.toString('hex'),
    )
    assert.equal(readerOf(expected).shortstr(), text)
  }
  const writer = new Writer()
  writer.u8(1)
  assert.throws(() => writer.shortstr('a'.repeat(256)), RangeError)
  assert.throws(() => writer.shortstr('é'.repeat(128)), RangeError)
  assert.equal(writer.length, 1)
})

test('a shortstr that is not UTF-8 is malformed, one that is cut short too', () => {
  for (const bytes of ['01 ff', '02 c3 28', '03 ed a0 80', '01 c3', '04 f4 90 80 80']) {
    assert.throws(() => readerOf(bytes).shortstr(), malformed(/^Malformed UTF-8 in shortstr$/, 1))
  }
  assert.throws(() => readerOf('').shortstr(), malformed(/past the end/, 0))
  assert.throws(() => readerOf('03 61 62').shortstr(), malformed(/past the end/, 1))
})

test('the end of the reader counts, not the end of the buffer', () => {
  const reader = new Reader()
  reader.reset(hex('00 03 61 62 63 ff'), 1, 4)
  assert.throws(() => reader.shortstr(), MalformedValueError)
  reader.reset(hex('00 03 61 62 63 ff'), 1, 5)
  assert.equal(reader.shortstr(), 'abc')
  assert.equal(reader.offset, 5)
  reader.expectEnd()
  assert.throws(() => reader.u8(), malformed(/past the end/, 5))
})

test('a longstr is a view as bytes and a copy as text', () => {
  const buffer = hex('00000003 616263')
  const view = readerOf(buffer).longstr()
  buffer[4] = 0x7a
  assert.equal(view.toString(), 'zbc')
  assert.equal(readerOf(buffer).longstrText(), 'zbc')
  assert.throws(() => readerOf('00000001 ff').longstrText(), malformed(/UTF-8/, 4))
  assert.throws(() => readerOf('ffffffff 61').longstr(), malformed(/past the end/, 4))
  assert.equal(
    written((writer) => writer.longstr('é')),
    '00000002c3a9',
  )
  assert.equal(
    written((writer) => writer.longstr('')),
    '00000000',
  )
  assert.equal(
    written((writer) => writer.longstr(new Uint8Array([0xff, 0]))),
    '00000002ff00',
  )
})

test('a writer grows, can be patched, taken back and used again', () => {
  const writer = new Writer(2)
  writer.u32(0)
  writer.shortstr('x'.repeat(200))
  writer.patchU32(0, writer.length)
  assert.equal(writer.length, 205)
  assert.equal(writer.finish().readUInt32BE(0), 205)
  assert.throws(() => writer.patchU32(202, 1), RangeError)
  const copy = writer.finish()
  writer.reset()
  writer.u8(7)
  assert.deepEqual(writer.finish(), Buffer.of(7))
  assert.equal(copy.length, 205)
})

test('a text too long for a shortstr is cut on a character border', () => {
  assert.equal(truncateShortstr('a'.repeat(255)), 'a'.repeat(255))
  assert.equal(truncateShortstr('a'.repeat(256)), 'a'.repeat(252) + '...')
  assert.equal(truncateShortstr('é'.repeat(128)), 'é'.repeat(126) + '...')
  assert.equal(truncateShortstr('a' + 'é'.repeat(128)), 'a' + 'é'.repeat(125) + '...')
  assert.equal(truncateShortstr('😀'.repeat(1_000_000)), '😀'.repeat(63) + '...')
})
