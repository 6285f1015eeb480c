import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Field, Table } from '../../src/core/fields.ts'
import { MalformedValueError } from '../../src/protocols/amqp091/wire/errors.ts'
import { Reader } from '../../src/protocols/amqp091/wire/reader.ts'
import { hasKey, readTable, skipTable, writeTable } from '../../src/protocols/amqp091/wire/table.ts'
import { Writer } from '../../src/protocols/amqp091/wire/writer.ts'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')

/** A table of these bytes, with its length in front. */
function tableOf(...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(content.length)
  return Buffer.concat([length, content])
}

function decode(bytes: Buffer): Table {
  const reader = new Reader()
  reader.reset(bytes, 0, bytes.length)
  const table = readTable(reader)
  reader.expectEnd()
  return table
}

function encode(table: Table): Buffer {
  const writer = new Writer()
  writeTable(writer, table)
  return writer.finish()
}

function refuses(bytes: Buffer, message: RegExp): void {
  assert.throws(() => decode(bytes), { name: 'MalformedValueError', message })
  assert.throws(() => skipTable(bytes, 0, bytes.length), { name: 'MalformedValueError', message })
}

const vectors: readonly [bytes: string, field: Field][] = [
  ['53 00000002 c3a9', { type: 'longstr', value: 'é' }],
  ['53 00000000', { type: 'longstr', value: '' }],
  ['53 00000002 c328', { type: 'longstr', value: new Uint8Array([0xc3, 0x28]) }],
  ['49 fffffffe', { type: 'signedint', value: -2 }],
  ['69 fffffffe', { type: 'unsignedint', value: 4294967294 }],
  ['62 80', { type: 'byte', value: -128 }],
  ['42 80', { type: 'unsignedbyte', value: 128 }],
  ['73 8000', { type: 'short', value: -32768 }],
  ['75 8000', { type: 'unsignedshort', value: 32768 }],
  ['6c ffffffffffffff00', { type: 'long', value: -256 }],
  ['6c 7fffffffffffffff', { type: 'long', value: (1n << 63n) - 1n }],
  ['64 3ff8000000000000', { type: 'double', value: 1.5 }],
  ['66 3fc00000', { type: 'float', value: 1.5 }],
  ['74 01', { type: 'bool', value: true }],
  ['74 00', { type: 'bool', value: false }],
  ['44 02 0000007b', { type: 'decimal', value: { scale: 2, unscaled: 123 } }],
  ['54 0000000065000000', { type: 'timestamp', value: 0x65000000 }],
  ['54 ffffffffffffffff', { type: 'timestamp', value: (1n << 64n) - 1n }],
  ['46 00000004 01 62 74 01', { type: 'table', value: new Map([['b', { type: 'bool', value: true }]]) }],
  ['46 00000000', { type: 'table', value: new Map() }],
  [
    '41 00000003 56 74 00',
    {
      type: 'array',
      value: [
        { type: 'void', value: null },
        { type: 'bool', value: false },
      ],
    },
  ],
  ['78 00000002 00ff', { type: 'binary', value: new Uint8Array([0, 0xff]) }],
  ['56', { type: 'void', value: null }],
]

for (const [bytes, field] of vectors) {
  test(`${field.type} ${bytes} reads and writes`, () => {
    const whole = tableOf(hex('01 6b'), hex(bytes))
    assert.deepEqual(decode(whole), new Map([['k', field]]))
    assert.deepEqual(encode(new Map([['k', field]])), whole)
  })

  test(`${field.type} ${bytes} is malformed at every cut`, () => {
    const content = Buffer.concat([hex('01 6b'), hex(bytes)])
    for (let cut = 1; cut < content.length; cut++) refuses(tableOf(content.subarray(0, cut)), /past the end/)
    const whole = tableOf(content)
    for (let cut = 0; cut < whole.length; cut++) refuses(whole.subarray(0, cut), /past the end/)
  })
}

test('the letter L reads as int64 and is written as l', () => {
  const table = decode(tableOf(hex('01 6b 4c 0000000000000005')))
  assert.deepEqual(table, new Map([['k', { type: 'long', value: 5 }]]))
  assert.deepEqual(encode(table), tableOf(hex('01 6b 6c 0000000000000005')))
})

test('any octet but zero is a true', () => {
  assert.deepEqual(decode(tableOf(hex('01 6b 74 ff'))), new Map([['k', { type: 'bool', value: true }]]))
})

test('a later duplicate of a key wins', () => {
  assert.deepEqual(
    decode(tableOf(hex('01 6b 62 01'), hex('01 6b 62 02'))),
    new Map([['k', { type: 'byte', value: 2 }]]),
  )
})

test('values do not share the memory of the buffer', () => {
  const bytes = tableOf(hex('01 61 78 00000001 07'), hex('01 62 53 00000001 ff'))
  const table = decode(bytes)
  bytes.fill(0)
  assert.deepEqual(table.get('a')?.value, new Uint8Array([7]))
  assert.deepEqual(table.get('b')?.value, new Uint8Array([0xff]))
})

test('unknown letters and keys that are not UTF-8 are malformed', () => {
  refuses(tableOf(hex('01 6b 7a 00')), /unknown field type 0x7a/)
  refuses(tableOf(hex('01 ff 56')), /^Malformed UTF-8 in shortstr$/)
})

test('an inner length may not reach past the outer one, even when the buffer goes on', () => {
  const after = hex('01 79 74 01')
  for (const inner of ['46', '41', '53', '78']) {
    const bytes = Buffer.concat([tableOf(hex(`01 6b ${inner} 00000004`)), after])
    const reader = new Reader()
    reader.reset(bytes, 0, bytes.length)
    assert.throws(() => readTable(reader), MalformedValueError)
    assert.throws(() => skipTable(bytes, 0, bytes.length), MalformedValueError)
  }
  refuses(tableOf(hex('01 6b 46 00000003 01 62 74'), hex('01')), /past the end/)
})

/** `levels` tables (or arrays, below the first) inside one another. */
function nested(levels: number, letter: 'F' | 'A'): Buffer {
  let bytes: Buffer = tableOf()
  const key = hex('00')
  for (let level = 1; level < levels; level++) {
    const keyed = letter === 'F' || level === levels - 1
    bytes = tableOf(keyed ? key : Buffer.alloc(0), Buffer.from(letter), bytes)
  }
  return bytes
}

for (const letter of ['F', 'A'] as const) {
  test(`100 levels of ${letter} are read, 101 are not`, () => {
    const bytes = nested(100, letter)
    assert.deepEqual(encode(decode(bytes)), bytes)
    assert.equal(skipTable(bytes, 0, bytes.length), bytes.length)
    refuses(nested(101, letter), /nested deeper than 100/)
    refuses(nested(5000, letter), /nested deeper than 100/)
  })
}

test('a table that nests too deep is not written', () => {
  let table: Table = new Map()
  for (let level = 1; level < 100; level++) table = new Map([['', { type: 'table', value: table }]])
  assert.deepEqual(decode(encode(table)), table)
  assert.throws(() => encode(new Map([['', { type: 'table', value: table }]])), RangeError)
})

test('a key is found at the outermost level only, and by all of its bytes', () => {
  const bytes = Buffer.concat([
    Buffer.from('pad'),
    encode(
      new Map<string, Field>([
        ['x-first', { type: 'longstr', value: 'CC' }],
        ['inner', { type: 'table', value: new Map([['BCC', { type: 'void', value: null }]]) }],
        ['CC', { type: 'array', value: [{ type: 'longstr', value: 'a' }] }],
      ]),
    ),
  ])
  const has = (name: string): boolean => hasKey(bytes, 3, bytes.length - 3, Buffer.from(name))
  assert.ok(has('x-first') && has('inner') && has('CC'))
  assert.ok(!has('BCC') && !has('C') && !has('CCC') && !has('cc') && !has('') && !has('x-firsT'))
  assert.ok(!hasKey(tableOf(), 0, 4, Buffer.from('CC')))
  assert.throws(() => hasKey(bytes, 3, bytes.length - 4, Buffer.from('zz')), MalformedValueError)
})
