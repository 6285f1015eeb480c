import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { longstr } from '../../src/core/fields.ts'
import { MalformedValueError, UnknownMethodError } from '../../src/protocols/amqp091/wire/errors.ts'
import { appendMethodFrame, encodeMethodFrame } from '../../src/protocols/amqp091/wire/frames.ts'
import * as m from '../../src/protocols/amqp091/wire/methods.gen.ts'
import type { Method } from '../../src/protocols/amqp091/wire/methods.gen.ts'
import { CLASSES } from '../../src/protocols/amqp091/wire/methods.ts'
import { Reader } from '../../src/protocols/amqp091/wire/reader.ts'
import { Writer } from '../../src/protocols/amqp091/wire/writer.ts'
import { GENERATED_FILE, generateMethods } from '../../tools/generate-methods.ts'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')

function decode(payload: Buffer): Method {
  const reader = new Reader()
  reader.reset(payload, 0, payload.length)
  return m.decodeMethod(reader)
}

const one = new Map([['a', longstr('b')]])
const ONE = '00000008 01 61 53 00000001 62'

const vectors: readonly [payload: string, Method][] = [
  [
    `000a 000a 00 09 ${ONE} 00000005 504c41494e 00000005 656e5f5553`,
    new m.ConnectionStart(0, 9, one, 'PLAIN', 'en_US'),
  ],
  [
    '000a 000b 00000000 05 504c41494e 00000004 00 67 00 68 05 656e5f5553',
    new m.ConnectionStartOk(new Map(), 'PLAIN', Buffer.from('\0g\0h'), 'en_US'),
  ],
  ['000a 001e 07ff 00020000 003c', new m.ConnectionTune(2047, 131072, 60)],
  ['000a 0028 01 2f 00 00', new m.ConnectionOpen('/')],
  ['000a 0029 00', new m.ConnectionOpenOk()],
  ['000a 0032 0140 03 627965 003c 0028', new m.ConnectionClose(320, 'bye', 60, 40)],
  ['0014 000a 00', new m.ChannelOpen()],
  ['0014 000b 00000000', new m.ChannelOpenOk()],
  ['001e 000b 0001', new m.AccessRequestOk(1)],
  [
    `0028 000a 0000 01 78 05 746f706963 12 ${ONE}`,
    new m.ExchangeDeclare('x', 'topic', false, true, false, false, true, one),
  ],
  ['0028 0033', new m.ExchangeUnbindOk()],
  ['0032 000a 0000 01 71 0e 00000000', new m.QueueDeclare('q', false, true, true, true, false)],
  ['0032 000b 01 71 00000002 00000003', new m.QueueDeclareOk('q', 2, 3)],
  ['0032 0032 0000 01 71 01 78 01 6b 00000000', new m.QueueUnbind('q', 'x', 'k')],
  ['003c 000a 00000000 000a 01', new m.BasicQos(0, 10, true)],
  ['003c 0014 0000 01 71 01 74 06 00000000', new m.BasicConsume('q', 't', false, true, true, false)],
  ['003c 0028 0000 01 78 01 6b 01', new m.BasicPublish('x', 'k', true, false)],
  ['003c 0032 0138 08 4e4f5f524f555445 01 78 01 6b', new m.BasicReturn(312, 'NO_ROUTE', 'x', 'k')],
  ['003c 003c 01 74 0000000100000000 01 01 78 01 6b', new m.BasicDeliver('t', 2 ** 32, true, 'x', 'k')],
  ['003c 0047 0000000000000001 00 00 01 6b 00000005', new m.BasicGetOk(1, false, '', 'k', 5)],
  ['003c 0048 00', new m.BasicGetEmpty()],
  ['003c 0050 0000000000000007 01', new m.BasicAck(7, true)],
  ['003c 0078 0000000000000007 02', new m.BasicNack(7, false, true)],
  ['0055 000a 01', new m.ConfirmSelect(true)],
  ['005a 0014', new m.TxCommit()],
]

for (const [bytes, method] of vectors) {
  const name = m.METHOD_NAMES.get(method.id)!
  test(`${name} ${JSON.stringify(method)} has the bytes of the specification`, () => {
    const payload = hex(bytes)
    assert.deepEqual(decode(payload), method)
    const length = Buffer.alloc(4)
    length.writeUInt32BE(payload.length)
    const frame = Buffer.concat([hex('01 0102'), length, payload, hex('ce')])
    assert.deepEqual(encodeMethodFrame(0x102, method), frame)
  })

  test(`${name} ${bytes} is malformed at every cut and with a byte too many`, () => {
    const payload = hex(bytes)
    for (let cut = 0; cut < payload.length; cut++) {
      assert.throws(() => decode(payload.subarray(0, cut)), MalformedValueError)
    }
    assert.throws(() => decode(Buffer.concat([payload, hex('00')])), MalformedValueError)
  })
}

test('reserved fields are skipped whatever they hold', () => {
  assert.deepEqual(decode(hex('000a 0028 01 2f 02 6161 ff')), new m.ConnectionOpen('/'))
  assert.deepEqual(decode(hex('0014 000b 00000002 6161')), new m.ChannelOpenOk())
  assert.deepEqual(decode(hex('003c 0046 1234 01 71 00')), new m.BasicGet('q', false))
})

test('ids that no method has are reported with their parts', () => {
  for (const [classId, methodId] of [
    [0, 0],
    [50, 12],
    [40, 41],
    [60, 41],
    [0xffff, 0xffff],
  ] as const) {
    const payload = Buffer.alloc(4)
    payload.writeUInt16BE(classId, 0)
    payload.writeUInt16BE(methodId, 2)
    assert.throws(
      () => decode(payload),
      (error) => error instanceof UnknownMethodError && error.classId === classId && error.methodId === methodId,
    )
  }
})

test('a switch over the id knows the class', () => {
  const method = decode(hex('003c 0050 0000000000000007 01'))
  switch (method.id) {
    case m.BasicAck.id:
      assert.equal(method.deliveryTag, 7)
      break
    default:
      assert.fail(`${method.id}`)
  }
})

test('instances share no table', () => {
  const first = new m.QueueDeclare()
  first.arguments.set('a', longstr('b'))
  assert.equal(new m.QueueDeclare().arguments.size, 0)
  const payload = hex('0032 000a 0000 00 00 00000000')
  const decoded = decode(payload) as m.QueueDeclare
  decoded.arguments.set('a', longstr('b'))
  assert.equal((decode(payload) as m.QueueDeclare).arguments.size, 0)
})

test('a frame that cannot be encoded leaves the writer as it was', () => {
  const writer = new Writer()
  appendMethodFrame(writer, 1, new m.BasicCancelOk('t'))
  const before = writer.finish()
  assert.throws(() => appendMethodFrame(writer, 1, new m.ChannelClose(404, 'x'.repeat(256))), RangeError)
  assert.throws(() => appendMethodFrame(writer, 65536, new m.ChannelCloseOk()), RangeError)
  assert.deepEqual(writer.finish(), before)
  appendMethodFrame(writer, 1, new m.ChannelCloseOk())
  assert.deepEqual(writer.finish().subarray(before.length), encodeMethodFrame(1, new m.ChannelCloseOk()))
})

test('every method has a name and an id of its own', () => {
  const names = CLASSES.flatMap((spec) => spec.methods.map((method) => `${spec.name}.${method.name}`))
  assert.deepEqual([...m.METHOD_NAMES.values()], names)
  assert.equal(new Set(names).size, names.length)
  assert.equal(m.METHOD_NAMES.get(m.ExchangeUnbindOk.id), 'exchange.unbind-ok')
})

test('the generated file is what the table gives', () => {
  assert.equal(readFileSync(GENERATED_FILE, 'utf8'), generateMethods(), 'run tools/generate-methods.ts')
})
