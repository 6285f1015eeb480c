import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { runInNewContext } from 'node:vm'
import amqp, { type Channel, type ChannelModel } from 'amqplib'
import { startBroker, type WarrenBroker } from '../../src/index.ts'

describe('helpers', () => {
  let broker: WarrenBroker
  let connection: ChannelModel
  let channel: Channel

  beforeEach(async () => {
    broker = await startBroker()
    connection = await amqp.connect(broker.url, { noDelay: true })
    channel = await connection.createChannel()
  })

  afterEach(async () => {
    await broker.stop()
  })

  test('declare what a client declares, with the same rules', async () => {
    await broker.declareExchange('events', 'topic', { arguments: { 'alternate-exchange': 'lost' } })
    await broker.declareQueue('audit', { type: 'quorum', arguments: { 'x-max-length': 10 } })
    await broker.bind('audit', 'events', 'order.#')
    await channel.assertExchange('events', 'topic', { alternateExchange: 'lost' })
    await channel.assertQueue('audit', { arguments: { 'x-queue-type': 'quorum' }, maxLength: 10 })
    channel.publish('events', 'order.created', Buffer.from('x'))
    assert.equal((await broker.waitForMessages('audit')).length, 1)
    await assert.rejects(broker.declareQueue('audit', { type: 'classic' }), {
      name: 'BrokerError',
      kind: 'preconditionFailed',
      message: /inequivalent arg 'x-max-length' for queue 'audit' in vhost '\/'/,
    })
    await assert.rejects(broker.bind('audit', 'nowhere'), { message: "no exchange 'nowhere' in vhost '/'" })
  })

  test('make up a name for a queue without one', async () => {
    const { name, ready } = await broker.declareQueue('')
    assert.match(name, /^amq\.gen-/)
    assert.equal(ready, 0)
  })

  test('delete, purge, and bind exchanges to each other', async () => {
    await broker.declareExchange('in', 'fanout')
    await broker.declareExchange('out', 'fanout', { durable: false })
    await broker.declareQueue('q')
    await broker.bindExchange('out', 'in')
    await broker.bind('q', 'out')
    for (const body of ['1', '2']) assert.deepEqual(await broker.publish('in', '', body), { routed: true })
    assert.equal(await broker.purgeQueue('q'), 2)
    await broker.sendToQueue('q', '3')
    assert.equal(await broker.deleteQueue('q'), 1)
    assert.deepEqual(broker.queues(), [])
    assert.deepEqual(await broker.publish('in', '', 'x'), { routed: false })
    await broker.deleteExchange('in')
    await assert.rejects(broker.publish('in', '', 'x'), { message: "no exchange 'in' in vhost '/'" })
  })

  test('publish what clients read: text, bytes, objects, every property, typed headers', async () => {
    await broker.declareQueue('q')
    const at = new Date('2026-02-03T04:05:06Z')
    await broker.sendToQueue(
      'q',
      { id: 7, tags: ['a'] },
      {
        headers: {
          text: 'ü',
          count: 3,
          big: 2n ** 60n,
          ratio: 0.5,
          on: true,
          nothing: null,
          list: [1, 'b'],
          deep: { a: 1 },
          at,
          bytes: Buffer.from('b'),
          absent: undefined,
        },
        persistent: true,
        priority: 4,
        correlationId: 'c',
        replyTo: 'r',
        expiration: 60_000,
        messageId: 'm',
        timestamp: at,
        type: 't',
        userId: 'anyone',
        appId: 'a',
        contentEncoding: 'identity',
      },
    )
    await broker.sendToQueue('q', 'text')
    await broker.sendToQueue('q', Buffer.from([0, 255]))
    const got = [1, 2, 3].map(() => channel.get('q', { noAck: true }))
    const [object, text, bytes] = (await Promise.all(got)).map((message) => message as amqp.GetMessage)
    assert.deepEqual(JSON.parse(object!.content.toString()), { id: 7, tags: ['a'] })
    const { headers, ...properties } = object!.properties
    assert.deepEqual(Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== undefined)), {
      contentType: 'application/json',
      contentEncoding: 'identity',
      deliveryMode: 2,
      priority: 4,
      correlationId: 'c',
      replyTo: 'r',
      expiration: '60000',
      messageId: 'm',
      timestamp: at.getTime() / 1000,
      type: 't',
      userId: 'anyone',
      appId: 'a',
    })
    assert.deepEqual(
      { ...headers },
      {
        text: 'ü',
        count: 3,
        big: 2 ** 60,
        ratio: 0.5,
        on: true,
        nothing: null,
        list: [1, 'b'],
        deep: { a: 1 },
        at: { '!': 'timestamp', value: at.getTime() / 1000 },
        bytes: Buffer.from('b'),
      },
    )
    assert.equal(text!.content.toString(), 'text')
    assert.equal(text!.properties.contentType, undefined)
    assert.deepEqual(bytes!.content, Buffer.from([0, 255]))
  })

  test('take dates that Node.js itself has made while the test runs in a context of its own, as under Jest', async () => {
    const at: unknown = runInNewContext('new Date(5000)')
    await broker.declareQueue('q')
    await broker.sendToQueue('q', 'x', { timestamp: at as Date, headers: { at } })
    const message = await broker.assertMessage('q', { properties: { timestamp: at as Date } })
    assert.deepEqual([message.properties.timestamp, message.headers], [5, { at: 5 }])
  })

  test('read what clients publish', async () => {
    await broker.declareQueue('q')
    channel.publish('', 'q', Buffer.from('{"id":1}'), {
      contentType: 'application/json',
      persistent: true,
      expiration: 5000,
      timestamp: 1_700_000_000,
      headers: { n: 1, nested: { a: ['b'] } },
    })
    const [message] = await broker.waitForMessages('q')
    assert.equal(message!.text(), '{"id":1}')
    assert.deepEqual(message!.json(), { id: 1 })
    assert.deepEqual(message!.properties, {
      contentType: 'application/json',
      persistent: true,
      expiration: '5000',
      timestamp: 1_700_000_000,
    })
    assert.deepEqual(message!.headers, { n: 1, nested: { a: ['b'] } })
    assert.deepEqual([message!.exchange, message!.routingKey, message!.redelivered], ['', 'q', false])
  })

  test('refuse what AMQP cannot carry, and what a full queue rejects', async () => {
    await broker.declareQueue('full', { arguments: { 'x-max-length': 1, 'x-overflow': 'reject-publish' } })
    await broker.sendToQueue('full', '1')
    await assert.rejects(broker.sendToQueue('full', '2'), { message: /a queue that it was routed to is full/ })
    await assert.rejects(broker.sendToQueue('missing', 'x'), { message: "no queue 'missing' in vhost '/'" })
    await assert.rejects(broker.publish('', 'k'.repeat(256), 'x'), RangeError)
    await assert.rejects(broker.publish('', 'full', 'x', { expiration: '1h' }), { message: /invalid expiration '1h'/ })
    await assert.rejects(broker.publish('', 'full', 'x', { type: 't'.repeat(256) }), RangeError)
    await assert.rejects(broker.publish('', 'full', Buffer.alloc(17 * 1024 * 1024)), {
      message: /larger than configured max/,
    })
    assert.equal(broker.queue('full').ready, 1)
  })

  test('copy to the keys of CC and BCC, and take BCC out', async () => {
    for (const name of ['a', 'b', 'c']) await broker.declareQueue(name)
    await broker.publish('', 'a', 'x', { headers: { CC: ['b'], BCC: ['c'] } })
    for (const name of ['a', 'b', 'c']) assert.deepEqual(broker.messages(name)[0]?.headers, { CC: ['b'] })
  })

  test('confirm in order and at once, however many wait', async () => {
    await broker.declareQueue('q')
    const results = await Promise.all(
      Array.from({ length: 500 }, (_, i) => broker.publish('', i % 5 === 0 ? 'nowhere' : 'q', String(i))),
    )
    assert.equal(results.filter(({ routed }) => routed).length, 400)
    assert.ok(results.every(({ routed }, i) => routed === (i % 5 !== 0)))
    assert.deepEqual(
      broker
        .messages('q')
        .slice(0, 5)
        .map((message) => message.text()),
      ['1', '2', '3', '4', '6'],
    )
  })

  test('look without touching: in the order of delivery, whatever came back', async () => {
    await broker.declareQueue('q', { arguments: { 'x-max-priority': 5 } })
    for (const [body, priority] of [
      ['low 1', 0],
      ['low 2', 0],
      ['high', 5],
      ['low 3', 0],
    ] as const) {
      await broker.sendToQueue('q', body, { priority })
    }
    const order = ['high', 'low 1', 'low 2', 'low 3']
    const texts = (): string[] => broker.messages('q').map((message) => message.text())
    assert.deepEqual(texts(), order)
    const first = await channel.get('q')
    const second = await channel.get('q')
    assert.ok(first && second)
    assert.deepEqual(texts(), ['low 2', 'low 3'])
    channel.nack(second)
    channel.nack(first)
    await broker.waitForMessages('q', 4)
    assert.deepEqual(texts(), order)
    assert.deepEqual(
      broker.messages('q').map(({ redelivered }) => redelivered),
      [true, true, false, false],
    )
    assert.equal(broker.messages('q')[0]!.headers['x-delivery-count'], 1)
    assert.deepEqual(
      (await broker.drain('q')).map((message) => message.text()),
      order,
    )
    assert.deepEqual(texts(), [])
    assert.equal(await broker.get('q'), undefined)
  })

  test('look at queues of which returns come first', async () => {
    await broker.declareQueue('q', { type: 'quorum' })
    for (const body of ['1', '2', '3']) await broker.sendToQueue('q', body)
    const [first, second] = [await channel.get('q'), await channel.get('q')]
    assert.ok(first && second)
    channel.nack(second)
    channel.nack(first)
    const messages = await broker.waitForMessages('q', 3)
    const delivered = await broker.drain('q')
    assert.deepEqual(
      messages.map((message) => message.text()),
      delivered.map((message) => message.text()),
    )
    assert.equal(delivered.length, 3)
  })

  test('tell what a queue is like', async () => {
    await broker.setPolicy('limit', { pattern: '^q$', definition: { 'max-length': 3 }, applyTo: 'queues', priority: 1 })
    await broker.declareQueue('q', { autoDelete: true, arguments: { 'x-message-ttl': 60_000 } })
    for (let i = 0; i < 5; i++) await broker.sendToQueue('q', String(i))
    await channel.prefetch(1)
    await channel.consume('q', () => {})
    const info = await broker.waitForQueue('q', ({ unacked }) => unacked === 1)
    assert.deepEqual(info, {
      name: 'q',
      type: 'classic',
      durable: true,
      autoDelete: true,
      exclusive: false,
      arguments: { 'x-message-ttl': 60_000, 'x-queue-type': 'classic' },
      ready: 2,
      unacked: 1,
      delayed: 0,
      consumers: 1,
      groups: 0,
      policy: 'limit',
    })
    await broker.deletePolicy('limit')
    assert.equal(broker.queue('q').policy, null)
    await assert.rejects(broker.deletePolicy('limit'), { message: "no policy 'limit' in vhost '/'" })
    assert.throws(() => broker.queue('other'), { message: "no queue 'other' in vhost '/'" })
  })

  test('stand in for a service: answer, reject, requeue', async () => {
    await broker.declareQueue('dead')
    await broker.declareQueue('work', {
      arguments: { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' },
    })
    const { queue: replies } = await channel.assertQueue('', { exclusive: true })
    const seen: string[] = []
    using subscription = await broker.consume(
      'work',
      async (message) => {
        seen.push(message.text())
        if (message.text() === 'bad') return 'reject'
        if (message.text() === 'again' && !message.redelivered) return 'requeue'
        const { replyTo = '', correlationId = '' } = message.properties
        await broker.publish('', replyTo, message.text().toUpperCase(), { correlationId })
        return 'ack'
      },
      { prefetch: 1 },
    )
    for (const text of ['fine', 'bad', 'again']) {
      channel.sendToQueue('work', Buffer.from(text), { replyTo: replies, correlationId: `id ${text}` })
    }
    await broker.waitForMessages(replies, 2)
    const answers = broker.messages(replies).map((message) => [message.text(), message.properties.correlationId])
    assert.deepEqual(answers, [
      ['FINE', 'id fine'],
      ['AGAIN', 'id again'],
    ])
    assert.equal((await broker.waitForMessages('dead'))[0]?.text(), 'bad')
    assert.deepEqual(seen, ['fine', 'bad', 'again', 'again'])
    await broker.assertEmpty('work')
    subscription.cancel()
    assert.equal(broker.queue('work').consumers, 0)
    await assert.rejects(
      broker.consume('missing', () => {}),
      { message: "no queue 'missing' in vhost '/'" },
    )
  })

  test('a cancelled stand-in gives back what it works on', async () => {
    await broker.declareQueue('work')
    await broker.sendToQueue('work', 'x')
    const begun = Promise.withResolvers<void>()
    const mayEnd = Promise.withResolvers<void>()
    const subscription = await broker.consume('work', async () => {
      begun.resolve()
      await mayEnd.promise
    })
    await begun.promise
    assert.equal(broker.queue('work').unacked, 1)
    subscription.cancel()
    mayEnd.resolve()
    const [message] = await broker.waitForMessages('work')
    assert.equal(message?.redelivered, true)
  })

  test('virtual hosts apart', async () => {
    await assert.rejects(broker.vhost('other').declareQueue('q'), { message: 'vhost other not found' })
    await using several = await startBroker({ vhosts: ['one', 'two'] })
    for (const name of ['one', 'two']) {
      await several.vhost(name).declareQueue('q')
      await several.vhost(name).sendToQueue('q', name)
    }
    assert.deepEqual(
      several
        .vhost('one')
        .messages('q')
        .map((message) => message.text()),
      ['one'],
    )
    assert.deepEqual(
      several
        .vhost('two')
        .messages('q')
        .map((message) => message.text()),
      ['two'],
    )
    assert.deepEqual(several.queues(), [])
  })
})
