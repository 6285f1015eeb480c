import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { array, bool, type Field, long, longstr, table } from '../../../src/core/fields.ts'
import { composeMessage, Properties } from '../../../src/core/message.ts'
import { amqpPropertyFormat } from '../../../src/protocols/amqp091/wire/properties.ts'
import { fromProperties, qosOf, toProperties, topicOf } from '../../../src/protocols/mqtt/message-mapping.ts'

const PLAIN = { sparkplug: false }

function propertiesWith(set: Partial<Properties>): Properties {
  return Object.assign(new Properties(), set)
}

/** What a subscriber gets to know of headers. */
function userProperties(headers: Record<string, Field>): [name: string, value: string][] {
  const found = fromProperties(propertiesWith({ headers: new Map(Object.entries(headers)) }), -1, PLAIN)
  return (found?.userProperties ?? []).map(([name, value]) => [name, value])
}

test('QoS becomes the delivery mode, and a message without properties has none', () => {
  for (const [qos, deliveryMode] of [
    [0, 1],
    [1, 2],
    [2, 2],
  ] as const) {
    const properties = toProperties('a/b', qos, null, PLAIN)
    assert.equal(properties.deliveryMode, deliveryMode)
    assert.equal(properties.headers?.size ?? 0, qos === 2 ? 1 : 0)
    assert.equal(fromProperties(properties, -1, PLAIN), null)
    assert.equal(qosOf(composeMessage('amq.topic', 'a.b', properties, Buffer.alloc(0), amqpPropertyFormat)), qos)
  }
})

test('each property has its place in AMQP', () => {
  const properties = toProperties(
    'a',
    1,
    {
      contentType: 'text/plain',
      correlationData: Buffer.from('c-1'),
      responseTopic: 'reply/to/me',
      messageExpiryInterval: 90,
      payloadFormatIndicator: true,
      userProperties: [
        ['one', 'first'],
        ['several', 'a'],
        ['several', 'b'],
      ],
    },
    PLAIN,
  )
  assert.deepEqual(
    properties,
    propertiesWith({
      deliveryMode: 2,
      contentType: 'text/plain',
      correlationId: 'c-1',
      replyTo: 'reply.to.me',
      expiration: '90000',
      headers: new Map([
        ['one', longstr('first')],
        ['several', array([longstr('a'), longstr('b')])],
        ['x-mqtt-payload-format', bool(true)],
        ['x-reply-to-topic', longstr('reply.to.me')],
      ]),
    }),
  )
})

test('what does not fit into a property of AMQP is kept in a header', () => {
  const long256 = 'x'.repeat(256)
  const bytes = Buffer.from([0xff, 0x00, 0x80])
  const given = { contentType: long256, correlationData: bytes, responseTopic: 'r/'.repeat(128) }
  const properties = toProperties('a', 0, given, PLAIN)
  assert.equal(properties.contentType, null)
  assert.equal(properties.correlationId, null)
  assert.equal(properties.replyTo, null)
  assert.deepEqual(properties.headers!.get('x-correlation-id'), { type: 'longstr', value: new Uint8Array(bytes) })
  const stored = amqpPropertyFormat.encode(properties)
  assert.deepEqual(fromProperties(amqpPropertyFormat.decode(stored, 0, stored.length), -1, PLAIN), given)
})

test('a topic that its key does not tell is kept beside it', () => {
  for (const topic of ['a.b/c', 'a/*', 'a/b', 'a']) {
    const message = composeMessage(
      'amq.topic',
      topic.replaceAll('/', '.'),
      toProperties(topic, 0, null, PLAIN),
      Buffer.alloc(0),
      amqpPropertyFormat,
    )
    assert.equal(topicOf(message, PLAIN), topic)
    message.routingKey = 'elsewhere.x'
    assert.equal(topicOf(message, PLAIN), 'elsewhere/x')
  }
})

test('a response topic with a dot comes back as it was', () => {
  const properties = toProperties('a', 0, { responseTopic: 'v1.2/reply' }, PLAIN)
  assert.equal(properties.replyTo, 'v1.2.reply')
  assert.deepEqual(fromProperties(properties, -1, PLAIN), { responseTopic: 'v1.2/reply' })
  properties.headers!.set('x-reply-to-topic', longstr('other.reply'))
  assert.deepEqual(fromProperties(properties, -1, PLAIN), { responseTopic: 'other/reply' })
})

test('a requester by AMQP is answered on the topic of its reply-to, unless that is a pseudo queue', () => {
  const responseTopic = (replyTo: string): unknown =>
    fromProperties(propertiesWith({ replyTo }), -1, PLAIN)?.responseTopic
  assert.equal(responseTopic('answers.1'), 'answers/1')
  assert.equal(responseTopic('amq.rabbitmq.reply-to.g1.x'), undefined)
  assert.equal(responseTopic('answers.#'), undefined)
  assert.equal(responseTopic(''), undefined)
  const direct = toProperties('a', 0, { responseTopic: 'amq.rabbitmq.reply-to' }, PLAIN)
  assert.equal(direct.replyTo, null)
})

test('the expiry that a subscriber is told is what is left, in whole seconds', () => {
  const left = (expiration: string | null, remainingMs: number): unknown =>
    fromProperties(propertiesWith({ expiration }), remainingMs, PLAIN)?.messageExpiryInterval
  assert.equal(left('90000', 89_999), 90)
  assert.equal(left('90000', 30_000), 30)
  assert.equal(left('90000', -5), 0)
  assert.equal(left(null, 30_000), undefined)
  assert.equal(toProperties('a', 0, { messageExpiryInterval: 0xffffffff }, PLAIN).expiration, '315360000000')
  assert.equal(toProperties('a', 0, { messageExpiryInterval: 0 }, PLAIN).expiration, '0')
})

test('headers of all types are text to a subscriber', () => {
  assert.deepEqual(
    userProperties({
      text: longstr('t'),
      bytes: { type: 'longstr', value: new Uint8Array([0xff, 0xfe]) },
      binary: { type: 'binary', value: new Uint8Array([0x61]) },
      int: { type: 'signedint', value: -5 },
      unsigned: { type: 'unsignedshort', value: 65535 },
      long: long(2n ** 62n),
      double: { type: 'double', value: 0.5 },
      infinite: { type: 'float', value: Infinity },
      yes: bool(true),
      price: { type: 'decimal', value: { scale: 2, unscaled: 1999 } },
      cents: { type: 'decimal', value: { scale: 3, unscaled: 7 } },
      whole: { type: 'decimal', value: { scale: 0, unscaled: 7 } },
      time: { type: 'timestamp', value: 1_700_000_000 },
      nothing: { type: 'void', value: null },
      list: array([long(1), longstr('a')]),
      one: array([longstr('a')]),
      none: array([]),
      texts: array([longstr('a'), longstr('b')]),
      nested: table(new Map([['k', array([bool(false)])]])),
    }),
    [
      ['text', 't'],
      ['bytes', '//4='],
      ['binary', 'a'],
      ['int', '-5'],
      ['unsigned', '65535'],
      ['long', '4611686018427387904'],
      ['double', '0.5'],
      ['infinite', 'Infinity'],
      ['yes', 'true'],
      ['price', '19.99'],
      ['cents', '0.007'],
      ['whole', '7'],
      ['time', '1700000000'],
      ['nothing', ''],
      ['list', '[1,"a"]'],
      ['one', '["a"]'],
      ['none', '[]'],
      ['texts', 'a'],
      ['texts', 'b'],
      ['nested', '{"k":[false]}'],
    ],
  )
})

test('what MQTT cannot hold is left out, and any name is just a name', () => {
  assert.deepEqual(
    userProperties({ a: longstr('x\0y'), 'b\0': longstr('x'), c: longstr('x'.repeat(65_536)), d: longstr('fine') }),
    [['d', 'fine']],
  )
  const found = fromProperties(propertiesWith({ headers: new Map([['__proto__', longstr('x')]]) }), -1, PLAIN)
  assert.deepEqual(found!.userProperties, [['__proto__', 'x']])
})

describe('user properties', () => {
  const long = 'n'.repeat(256)
  const LISTS: Record<string, [name: string, value: string][]> = {
    'by turns': [
      ['b', '1'],
      ['a', '2'],
      ['b', '3'],
      ['10', 'x'],
      ['2', 'y'],
    ],
    'with long names': [
      [long, 'kept'],
      ['a', 'x'],
    ],
    'with names of ours': [
      ['x-mqtt-topic', 'forged'],
      ['x-mqtt-user-properties', 'too'],
    ],
  }

  for (const [kind, user] of Object.entries(LISTS)) {
    test(`${kind} come out as they went in, and are headers as far as they can`, () => {
      const properties = toProperties('a', 0, { userProperties: user }, PLAIN)
      assert.deepEqual(fromProperties(properties, -1, PLAIN)!.userProperties, user)
      const names = new Set(user.map(([name]) => name).filter((name) => name !== long && !name.startsWith('x-mqtt')))
      assert.deepEqual([...properties.headers!.keys()], [...names, 'x-mqtt-user-properties'])
    })
  }

  test('that headers give back are nothing else', () => {
    const user: [string, string][] = [
      ['10', 'x'],
      ['2', 'y'],
      ['b', '1'],
      ['b', '2'],
    ]
    const properties = toProperties('a', 0, { userProperties: user }, PLAIN)
    assert.deepEqual([...properties.headers!.keys()], ['10', '2', 'b'])
    assert.deepEqual(fromProperties(properties, -1, PLAIN)!.userProperties, user)
  })

  test('follow headers that somebody has changed since', () => {
    const properties = toProperties('a', 0, { userProperties: LISTS['by turns']! }, PLAIN)
    properties.headers!.set('more', longstr('z'))
    const whole = [...LISTS['by turns']!, ['more', 'z']]
    assert.deepEqual(fromProperties(properties, -1, PLAIN)!.userProperties, whole)
    properties.headers!.set('a', longstr('changed'))
    assert.deepEqual(fromProperties(properties, -1, PLAIN)!.userProperties, [
      ['b', '1'],
      ['b', '3'],
      ['a', 'changed'],
      ['10', 'x'],
      ['2', 'y'],
      ['more', 'z'],
    ])
  })
})

test('raw bytes in a correlation id of AMQP are correlation data as they are', () => {
  const raw = Buffer.from([0x41, 0xc3, 0x28, 0xff])
  const encoded = Buffer.concat([Buffer.from([0x04, 0x00, raw.length]), raw])
  const properties = amqpPropertyFormat.decode(encoded, 0, encoded.length)
  assert.deepEqual(fromProperties(properties, -1, PLAIN), { correlationData: raw })
})
