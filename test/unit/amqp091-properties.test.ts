import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Properties } from '../../src/core/message.ts'
import { MalformedValueError } from '../../src/protocols/amqp091/wire/errors.ts'
import {
  amqpPropertyFormat,
  hasHeader,
  PropertyScan,
  scanProperties,
} from '../../src/protocols/amqp091/wire/properties.ts'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')
const scanOf = (bytes: Buffer, offset = 0, length = bytes.length): PropertyScan => {
  const scan = new PropertyScan()
  scanProperties(bytes, offset, length, scan)
  return scan
}
const propertiesOf = (values: Partial<Properties>): Properties => Object.assign(new Properties(), values)

const ALL = propertiesOf({
  contentType: 'a',
  contentEncoding: 'b',
  headers: new Map([['CC', { type: 'void', value: null }]]),
  deliveryMode: 2,
  priority: 9,
  correlationId: 'c',
  replyTo: 'd',
  expiration: '60000',
  messageId: 'f',
  timestamp: 0x65000000,
  type: 'g',
  userId: 'guest',
  appId: 'i',
  clusterId: 'j',
})
const ALL_BYTES = hex(
  'fffc 0161 0162 00000004 02 4343 56 02 09 0163 0164 05 3630303030 0166 0000000065000000 0167 05 6775657374 0169 016a',
)

test('all fourteen properties have their flags and order', () => {
  assert.deepEqual(amqpPropertyFormat.encode(ALL), ALL_BYTES)
  assert.deepEqual(amqpPropertyFormat.decode(ALL_BYTES, 0, ALL_BYTES.length), ALL)
})

test('the scan finds what the broker acts on', () => {
  const buffer = Buffer.concat([Buffer.from('pad'), ALL_BYTES, Buffer.from('pad')])
  const scan = scanOf(buffer, 3, ALL_BYTES.length)
  assert.equal(scan.deliveryMode, 2)
  assert.equal(scan.priority, 9)
  const text = (offset: number, length: number): string => buffer.toString('latin1', offset, offset + length)
  assert.equal(text(scan.expirationOffset, scan.expirationLength), '60000')
  assert.equal(text(scan.userIdOffset, scan.userIdLength), 'guest')
  assert.equal(text(scan.replyToOffset, scan.replyToLength), 'd')
  assert.ok(hasHeader(buffer, scan.headersOffset, scan.headersLength, Buffer.from('CC')))
  assert.ok(!hasHeader(buffer, scan.headersOffset, scan.headersLength, Buffer.from('BCC')))
})

test('a reused scan forgets what it held', () => {
  const scan = scanOf(ALL_BYTES)
  scanProperties(hex('0000'), 0, 2, scan)
  assert.deepEqual(scan, new PropertyScan())
  scanProperties(hex('1000 01'), 0, 3, scan)
  assert.deepEqual(scan, Object.assign(new PropertyScan(), { deliveryMode: 1 }))
})

test('an empty text is present, at length zero', () => {
  const scan = scanOf(hex('0110 00 00'))
  assert.deepEqual([scan.expirationOffset, scan.expirationLength], [3, 0])
  assert.deepEqual([scan.userIdOffset, scan.userIdLength], [4, 0])
  assert.equal(scan.replyToOffset, -1)
})

function refuses(bytes: Buffer, message: RegExp): void {
  assert.throws(() => scanOf(bytes), { name: 'MalformedValueError', message })
  assert.throws(() => amqpPropertyFormat.decode(bytes, 0, bytes.length), { name: 'MalformedValueError', message })
}

test('properties are malformed at every cut, also when the buffer goes on', () => {
  for (let cut = 0; cut < ALL_BYTES.length; cut++) {
    assert.throws(() => scanOf(ALL_BYTES, 0, cut), MalformedValueError)
    assert.throws(() => amqpPropertyFormat.decode(ALL_BYTES, 0, cut), MalformedValueError)
    assert.throws(() => scanOf(ALL_BYTES.subarray(0, cut)), MalformedValueError)
  }
  assert.throws(() => scanOf(hex('1000 02'), 0, 2), MalformedValueError)
})

test('trailing bytes, names of headers that are not UTF-8 and unknown flags are malformed', () => {
  refuses(hex('1000 02 00'), /bytes are left/)
  refuses(hex('0000 00'), /bytes are left/)
  refuses(hex('2000 00000003 01 ff 56'), /^Malformed UTF-8 in shortstr$/)
  refuses(hex('0001 0000'), /further property flags/)
  refuses(hex('1001 8000 02'), /further property flags/)
  refuses(hex('0002'), /unknown property flag/)
})

test('texts that are not UTF-8 come out as they went in', () => {
  for (const text of ['ff', '61ff62', 'c3a9c3', 'ed b2 80', 'f8', '00'.repeat(254) + 'ff']) {
    const raw = hex(text)
    const bytes = Buffer.concat([hex('0400'), Buffer.of(raw.length), raw])
    const properties = amqpPropertyFormat.decode(bytes, 0, bytes.length)
    assert.deepEqual(amqpPropertyFormat.encode(properties), bytes, text)
    properties.appId = 'é'
    const longer = Buffer.concat([hex('0408'), bytes.subarray(2), hex('02 c3a9')])
    assert.deepEqual(amqpPropertyFormat.encode(properties), longer, text)
  }
})

test('a timestamp beyond 2^53 is read as the nearest number and written as that', () => {
  const nanoseconds = hex('0040 17979cfe362a0001')
  const properties = amqpPropertyFormat.decode(nanoseconds, 0, nanoseconds.length)
  assert.equal(properties.timestamp, 1.7e18)
  assert.deepEqual(amqpPropertyFormat.encode(properties), hex('0040 17979cfe362a0000'))
  const largest = hex('0040 ffffffffffffffff')
  assert.deepEqual(amqpPropertyFormat.encode(amqpPropertyFormat.decode(largest, 0, largest.length)), largest)
})

test('values that the format cannot hold are refused when encoded, and the next encoding is sound', () => {
  assert.throws(() => amqpPropertyFormat.encode(propertiesOf({ priority: 256 })), RangeError)
  assert.throws(() => amqpPropertyFormat.encode(propertiesOf({ timestamp: -1 })), RangeError)
  assert.throws(() => amqpPropertyFormat.encode(propertiesOf({ type: 'x'.repeat(256) })), RangeError)
  assert.deepEqual(amqpPropertyFormat.encode(ALL), ALL_BYTES)
})

test('headers of any size are encoded, and do not disturb what comes after', () => {
  const large = propertiesOf({ headers: new Map([['k', { type: 'longstr', value: 'x'.repeat(200_000) }]]) })
  const bytes = amqpPropertyFormat.encode(large)
  assert.deepEqual(amqpPropertyFormat.decode(bytes, 0, bytes.length), large)
  assert.deepEqual(amqpPropertyFormat.encode(ALL), ALL_BYTES)
})
