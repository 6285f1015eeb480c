/** Messages between STOMP and AMQP, and what holds for both: properties, bodies, permissions, the store. */
import assert from 'node:assert/strict'
import { after, before, describe, test, type TestContext } from 'node:test'
import type { ConsumeMessage } from 'amqplib'
import { startBroker, type WarrenBroker } from '../../src/testkit/start-broker.ts'
import { channelOf, connectAs } from '../support/login-clients.ts'
import { MqttWire } from '../support/mqtt-wire.ts'
import { type FrameHeaders, StompWire } from '../support/stomp-wire.ts'
import { temporaryFolder } from '../support/warren-process.ts'

let broker: WarrenBroker
let url: string
before(async () => {
  const narrow = {
    configure: '^(stomp-subscription-|mine)',
    write: '^(stomp-subscription-|mine|amq\\.topic)',
    read: '.*',
  }
  const topics = { user: 'some', vhost: '/', exchange: 'amq.topic', write: '^open\\.', read: '^open\\.' }
  broker = await startBroker({
    protocols: ['stomp', 'mqtt'],
    users: [{ name: 'some', password: 'some', permissions: { '/': narrow } }],
    definitions: { users: [{ name: 'some', password: 'some', tags: '' }], topic_permissions: [topics] },
  })
  url = broker.urls.stomp!
})
after(() => broker.stop())

async function connect(t: TestContext, headers: FrameHeaders = {}): Promise<StompWire> {
  const client = await StompWire.connect(url, headers)
  t.after(() => client.cut())
  return client
}

const amqpChannel = async (t: TestContext) =>
  channelOf(await connectAs(t, broker.port, { user: 'guest', password: 'guest' }))

/** A message of AMQP's as STOMP shows it. */
const PROPERTY_HEADERS = {
  'content-type': 'text/plain',
  'content-encoding': 'utf-8',
  priority: '4',
  'correlation-id': 'c:1',
  'reply-to': '/queue/answers',
  expiration: '60000',
  'amqp-message-id': 'm-1',
  timestamp: '1700000000',
  type: 'greeting',
  'user-id': 'guest',
  'app-id': 'app',
  persistent: 'true',
}
const PROPERTIES = {
  contentType: 'text/plain',
  contentEncoding: 'utf-8',
  priority: 4,
  correlationId: 'c:1',
  replyTo: '/queue/answers',
  expiration: '60000',
  messageId: 'm-1',
  timestamp: 1_700_000_000,
  type: 'greeting',
  userId: 'guest',
  appId: 'app',
}

describe('between AMQP and STOMP', () => {
  test('what STOMP sends comes with its properties, and other headers as headers', async (t) => {
    const channel = await amqpChannel(t)
    const { queue } = await channel.assertQueue('', { exclusive: true })
    const got = new Promise<ConsumeMessage>((resolve) => void channel.consume(queue, (message) => resolve(message!)))
    const client = await connect(t)
    const escaped = { ...PROPERTY_HEADERS, 'correlation-id': 'c\\c1' }
    const body = Buffer.from([0, 1, 2, 255, 10, 0])
    const more = { foo: 'a\\cb', empty: '', 'content-length': body.length }
    await client.send('SEND', { destination: `/amq/queue/${queue}`, ...escaped, ...more }, body)
    const { properties, content, fields } = await got
    assert.deepEqual(content, body)
    assert.deepEqual([fields.exchange, fields.routingKey], ['', queue])
    const { headers, deliveryMode, clusterId, ...others } = properties
    assert.deepEqual({ ...others }, PROPERTIES)
    assert.deepEqual({ ...headers }, { foo: 'a:b', empty: '' })
    assert.deepEqual([deliveryMode, clusterId], [2, undefined])
  })

  test('what AMQP publishes comes with the same headers', async (t) => {
    const client = await connect(t)
    await client.sendSafely('SUBSCRIBE', { id: 0, destination: '/topic/from.amqp' })
    const channel = await amqpChannel(t)
    const headers = { text: 'a:b\nc', number: 5, flag: true, nested: { a: [1, 'x'] }, nothing: null, destination: 'x' }
    channel.publish('amq.topic', 'from.amqp', Buffer.from('hello\0'), { ...PROPERTIES, deliveryMode: 2, headers })
    const message = await client.message()
    assert.equal(message.text, 'hello\0')
    const { 'message-id': id, ...others } = message.headers
    assert.match(id!, /^T_0@@session-.*@@1$/)
    assert.deepEqual(others, {
      subscription: '0',
      destination: '/topic/from.amqp',
      redelivered: 'false',
      text: 'a\\cb\\nc',
      number: '5',
      flag: 'true',
      nested: '{"a"\\c[1,"x"]}',
      ...PROPERTY_HEADERS,
      'correlation-id': 'c\\c1',
      'content-length': '6',
    })
  })

  test('a header cannot be taken for one of the broker', async (t) => {
    const client = await connect(t)
    await client.sendSafely('SUBSCRIBE', { id: 0, destination: '/topic/pretend', ack: 'client' })
    const headers = { subscription: 'other', 'message-id': 'x', ack: 'x', redelivered: 'true', 'content-length': '99' }
    const channel = await amqpChannel(t)
    channel.publish('amq.topic', 'pretend', Buffer.from('x'), { headers })
    const message = await client.message()
    assert.deepEqual(
      [message.headers['subscription'], message.headers['redelivered'], message.text],
      ['0', 'false', 'x'],
    )
  })

  test('a queue of AMQP is used as it is', async (t) => {
    const channel = await amqpChannel(t)
    await channel.assertQueue('of.amqp', { durable: false, autoDelete: true, maxLength: 10 })
    const client = await connect(t)
    await client.sendSafely('SUBSCRIBE', { id: 0, destination: '/amq/queue/of.amqp' })
    await client.send('SEND', { destination: '/amq/queue/of.amqp' }, 'x')
    assert.equal((await client.message()).headers['destination'], '/queue/of.amqp')
    await client.send('SEND', { destination: '/queue/of.amqp', receipt: 'r' }, 'x')
    assert.match((await client.expect('ERROR')).body.toString(), /^PRECONDITION_FAILED - inequivalent arg 'durable'/)
  })

  test('an answer to AMQP’s direct reply-to arrives', async (t) => {
    const channel = await amqpChannel(t)
    const got = new Promise<string>(
      (resolve) =>
        void channel.consume('amq.rabbitmq.reply-to', (message) => resolve(message!.content.toString()), {
          noAck: true,
        }),
    )
    const client = await connect(t)
    await client.sendSafely('SUBSCRIBE', { id: 0, destination: '/topic/ask' })
    channel.publish('amq.topic', 'ask', Buffer.from('?'), { replyTo: 'amq.rabbitmq.reply-to' })
    const { headers } = await client.message()
    await client.send('SEND', { destination: `/reply-queue/${headers['reply-to']!}` }, '!')
    assert.equal(await got, '!')
  })

  for (const size of [0, 1, 40_000, 3_000_000]) {
    test(`a body of ${size} bytes is the same on both ways`, async (t) => {
      const body = Buffer.alloc(size, 'äöü€ \0\n')
      const client = await connect(t)
      await client.sendSafely('SUBSCRIBE', { id: 0, destination: '/topic/bodies', ack: 'client' })
      await client.send('SEND', { destination: '/topic/bodies', 'content-length': body.length }, body)
      const message = await client.message()
      assert.ok(message.body.equals(body))
      await client.sendSafely('ACK', { id: message.headers['ack']! })
    })
  }
})

test('line ends in the name of a queue are as if they were not there', async (t) => {
  const client = await connect(t)
  for (const [i, destination] of [
    '/queue/a\\cb\\n',
    '\\nplain',
    '/amq/queue/a\\cb\\n',
    '/reply-queue/a\\cb\\n',
  ].entries()) {
    await client.sendSafely('SUBSCRIBE', { id: i, destination })
    await client.send('SEND', { destination: destination.replace('reply-queue', 'amq/queue') }, String(i))
    assert.equal((await client.message()).text, String(i))
    await client.sendSafely('UNSUBSCRIBE', { id: i })
  }
  await client.send('SEND', { destination: '/queue/\\n' }, 'x')
  assert.equal((await client.expect('ERROR')).headers['message'], 'Invalid destination')
})

describe('between MQTT and STOMP', () => {
  test('what MQTT publishes comes with its properties', async (t) => {
    const client = await connect(t)
    await client.sendSafely('SUBSCRIBE', { id: 0, destination: '/topic/room.*.temperature' })
    const mqtt = await MqttWire.connect(broker.urls.mqtt!, 5, { clientId: 'thermometer' })
    const properties = {
      contentType: 'text/plain',
      responseTopic: 'room/answers',
      correlationData: Buffer.from('c:1'),
      messageExpiryInterval: 60,
      userProperties: { unit: 'degrees:C' },
    }
    await mqtt.publish('room/1/temperature', '21', { qos: 1, properties })
    await mqtt.expect('puback')
    const { text, headers } = await client.message()
    assert.equal(text, '21')
    const { 'message-id': _id, ...others } = headers
    assert.deepEqual(others, {
      subscription: '0',
      destination: '/topic/room.1.temperature',
      redelivered: 'false',
      unit: 'degrees\\cC',
      'content-type': 'text/plain',
      'correlation-id': 'c\\c1',
      'reply-to': 'room.answers',
      'x-reply-to-topic': 'room.answers',
      expiration: '60000',
      persistent: 'true',
      'content-length': '2',
    })
    await mqtt.disconnect()
  })

  test('bytes that are no text come in base64', async (t) => {
    const client = await connect(t)
    await client.sendSafely('SUBSCRIBE', { id: 0, destination: '/topic/raw' })
    const mqtt = await MqttWire.connect(broker.urls.mqtt!, 5, { clientId: 'raw' })
    await mqtt.publish('raw', 'x', { properties: { correlationData: Buffer.of(0xff) } })
    assert.equal((await client.message()).headers['x-correlation-id'], '/w==')
    await mqtt.disconnect()
  })

  test('what STOMP sends comes to MQTT', async (t) => {
    const mqtt = await MqttWire.connect(broker.urls.mqtt!, 5, { clientId: 'display' })
    await mqtt.subscribe('shown/#', 1)
    const client = await connect(t)
    const headers = { 'content-type': 'text/plain', 'correlation-id': 'c\\c1', unit: 'degrees\\cC', persistent: true }
    await client.send('SEND', { destination: '/topic/shown.here', ...headers }, '22')
    const { topic, payload, qos, properties } = await mqtt.expect('publish')
    assert.deepEqual([topic, payload.toString(), qos], ['shown/here', '22', 1])
    assert.deepEqual([properties!.contentType, String(properties!.correlationData)], ['text/plain', 'c:1'])
    assert.deepEqual({ ...properties!.userProperties }, { unit: 'degrees:C' })
    await mqtt.disconnect()
  })
})

describe('permissions', () => {
  const SOME = { login: 'some', passcode: 'some' }
  const refused: readonly (readonly [name: string, command: string, headers: FrameHeaders])[] = [
    ['to declare a queue by SEND', 'SEND', { destination: '/queue/yours' }],
    ['to declare a queue by SUBSCRIBE', 'SUBSCRIBE', { id: 0, destination: '/queue/yours' }],
    ['to write to an exchange', 'SEND', { destination: '/exchange/amq.fanout' }],
    ['to write to a topic', 'SEND', { destination: '/topic/closed.x' }],
    ['to read a topic', 'SUBSCRIBE', { id: 0, destination: '/topic/closed.x' }],
    ['to name a queue', 'SUBSCRIBE', { id: 0, destination: '/topic/open.x', 'x-queue-name': 'yours' }],
    ['for a temporary queue', 'SEND', { destination: '/topic/open.x', 'reply-to': '/temp-queue/x' }],
  ]
  for (const [name, command, headers] of refused) {
    test(`are needed ${name}`, async (t) => {
      const client = await connect(t, SOME)
      await client.send(command, headers)
      const { headers: told, body } = await client.expect('ERROR')
      assert.equal(told['message'], 'access_refused')
      assert.match(body.toString(), /^ACCESS_REFUSED - /)
      await client.wire.untilClosed()
    })
  }

  test('what is allowed works', async (t) => {
    const client = await connect(t, SOME)
    await client.sendSafely('SUBSCRIBE', { id: 0, destination: '/topic/open.*' })
    await client.sendSafely('SUBSCRIBE', { id: 1, destination: '/queue/mine', durable: false })
    await client.send('SEND', { destination: '/topic/open.x' }, 'x')
    assert.equal((await client.message()).text, 'x')
  })

  test('a subscription that is refused leaves no queue behind', async (t) => {
    const client = await connect(t, SOME)
    const headers = {
      id: 0,
      destination: '/topic/closed',
      durable: true,
      'auto-delete': false,
      'x-queue-name': 'mine.left',
    }
    await client.send('SUBSCRIBE', headers)
    await client.expect('ERROR')
    const channel = await amqpChannel(t)
    await assert.rejects(channel.checkQueue('mine.left'), /NOT_FOUND/)
  })
})

test('a receipt tells that a message is on disk: it survives', async (t) => {
  const dataDir = temporaryFolder(t)
  const first = await startBroker({ protocols: ['stomp'], dataDir })
  const destination = '/queue/kept'
  try {
    const client = await StompWire.connect(first.urls.stomp!)
    await client.sendSafely('SEND', { destination, persistent: true, 'x-app': 'a' }, 'one')
    await client.send('BEGIN', { transaction: 't' })
    await client.send('SEND', { destination, persistent: true, transaction: 't', receipt: 'two' }, 'two')
    await client.send('COMMIT', { transaction: 't' })
    assert.equal((await client.expect('RECEIPT')).headers['receipt-id'], 'two')
    // receipts come in the order of the frames
    for (let i = 0; i < 20; i++) await client.send('SEND', { destination, persistent: i % 2 === 0, receipt: i }, 'more')
    for (let i = 0; i < 20; i++) assert.equal((await client.expect('RECEIPT')).headers['receipt-id'], String(i))
    client.cut()
  } finally {
    await first.stop()
  }
  const second = await startBroker({ protocols: ['stomp'], dataDir })
  t.after(() => second.stop())
  const client = await StompWire.connect(second.urls.stomp!)
  await client.send('SUBSCRIBE', { id: 0, destination })
  const [one, two] = [await client.message(), await client.message()]
  assert.deepEqual([one.text, one.headers['x-app'], two.text], ['one', 'a', 'two'])
  client.cut()
})
