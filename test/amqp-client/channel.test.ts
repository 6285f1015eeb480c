import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import {
  type AmqpConnection,
  AmqpClosedError,
  AmqpReplyError,
  type Channel,
  type ChannelHandlers,
  connect,
  type Delivery,
  encodeProperties,
  Properties,
  type Returned,
  Unconfirmed,
} from '../../src/amqp-client/index.ts'
import { longstr, signedint } from '../../src/core/fields.ts'
import { eventually } from '../support/with-broker.ts'
import { describeBrokers } from './brokers.ts'

const body = (text: string): Buffer => Buffer.from(text)

describeBrokers('channels of the client', ({ url, unique }) => {
  async function open(
    t: TestContext,
    handlers: ChannelHandlers = {},
  ): Promise<{ connection: AmqpConnection; channel: Channel }> {
    const connection = await connect(url())
    t.after(() => connection.close())
    return { connection, channel: await connection.openChannel(handlers) }
  }

  test('declares, binds, publishes, gets, purges and deletes', async (t) => {
    const { channel } = await open(t)
    const [exchange, other, queue] = [unique('x'), unique('y'), unique('q')]
    await channel.declareExchange(exchange, 'topic', { autoDelete: true })
    await channel.declareExchange(other, 'fanout', { durable: true })
    await channel.bindExchange(other, exchange, 'a.#')
    assert.deepEqual(await channel.declareQueue(queue, { arguments: new Map([['x-max-length', signedint(10)]]) }), {
      queue,
      messageCount: 0,
      consumerCount: 0,
    })
    await channel.bindQueue(queue, other, '')
    const properties = new Properties()
    properties.headers = new Map([['who', longstr('me')]])
    properties.correlationId = 'c'
    channel.publish(exchange, 'a.b', properties, body('one'))
    channel.publish(exchange, 'b', null, body('nowhere'))
    channel.publish('', queue, encodeProperties(properties), body(''))
    const first = (await channel.get(queue))!
    assert.equal(first.body.toString(), 'one')
    assert.deepEqual(
      [first.exchange, first.routingKey, first.messageCount, first.redelivered],
      [exchange, 'a.b', 1, false],
    )
    assert.deepEqual(first.properties, properties)
    channel.nack(first.deliveryTag)
    const again = (await channel.get(queue, true))!
    assert.deepEqual([again.body.toString(), again.redelivered], ['one', true])
    const empty = (await channel.get(queue, true))!
    assert.deepEqual([empty.body.length, empty.properties.correlationId], [0, 'c'])
    assert.equal(await channel.get(queue), null)
    channel.publish('', queue, null, body('x'))
    await eventually(async () => (await channel.checkQueue(queue)).messageCount === 1)
    assert.equal(await channel.purgeQueue(queue), 1)
    await channel.unbindQueue(queue, other, '')
    await channel.unbindExchange(other, exchange, 'a.#')
    assert.equal(await channel.deleteQueue(queue), 0)
    await channel.deleteExchange(other)
    await assert.rejects(channel.checkExchange(other), { replyCode: 404 })
  })

  test('consumes within its prefetch, and settles', async (t) => {
    const { channel } = await open(t)
    const { queue } = await channel.declareQueue('', { exclusive: true })
    for (let i = 0; i < 10; i++) channel.publish('', queue, null, body(`${i}`))
    await channel.prefetch(3)
    const got: Delivery[] = []
    const tag = await channel.consume(queue, (delivery) => got.push(delivery))
    await eventually(() => got.length === 3)
    channel.ack(got[1]!.deliveryTag, true)
    await eventually(() => got.length === 5)
    channel.reject(got[2]!.deliveryTag, false)
    await eventually(() => got.length === 6)
    channel.nack(got[5]!.deliveryTag, { multiple: true })
    await eventually(() => got.length === 9)
    assert.deepEqual(
      got.map((each) => each.body.toString()),
      ['0', '1', '2', '3', '4', '5', '3', '4', '5'],
    )
    assert.ok(got.slice(6).every((each) => each.redelivered && each.consumerTag === tag))
    await channel.cancel(tag)
    channel.nack(got[8]!.deliveryTag, { multiple: true })
    await eventually(async () => (await channel.checkQueue(queue)).messageCount === 7)
  })

  test('bodies of every size arrive as they were sent', async (t) => {
    const { channel } = await open(t)
    const { queue } = await channel.declareQueue('', { exclusive: true })
    const sizes = [0, 1, 100, 32_767, 32_768, 65_400, 131_063, 131_064, 131_065, 300_000, 3_000_000]
    const bodies = sizes.map((size) => Buffer.alloc(size, `${size}.`))
    const got: Delivery[] = []
    await channel.consume(queue, (delivery) => got.push(delivery), { noAck: true })
    for (const each of bodies) channel.publish('', queue, null, each)
    await eventually(() => got.length === sizes.length)
    for (const [i, each] of bodies.entries()) assert.ok(got[i]!.body.equals(each), `${sizes[i]} bytes`)
  })

  test('property bytes pass through as they came', async (t) => {
    const { channel } = await open(t)
    const { queue } = await channel.declareQueue('', { exclusive: true })
    const properties = new Properties()
    properties.timestamp = 12
    properties.deliveryMode = 2
    const bytes = encodeProperties(properties)
    channel.publish('', queue, bytes, body('a'))
    const first = (await channel.get(queue, true))!
    assert.ok(first.propertyBytes.equals(bytes))
    channel.publish('', queue, first.propertyBytes, first.body)
    assert.deepEqual((await channel.get(queue, true))!.properties, properties)
  })

  test('confirms settle what was published, refusals too', async (t) => {
    const open_ = new Unconfirmed<string>()
    const settled: string[] = []
    const { channel } = await open(t, {
      onConfirmed: (tag, multiple, positive) =>
        open_.settle(tag, multiple, (item) => settled.push(`${item}${positive ? '' : ' refused'}`)),
    })
    const args = new Map([
      ['x-max-length', signedint(2)],
      ['x-overflow', longstr('reject-publish')],
    ])
    const { queue } = await channel.declareQueue('', { exclusive: true, arguments: args })
    assert.equal(channel.publish('', unique('nowhere'), null, body('before')), 0)
    await channel.confirmSelect()
    for (const text of ['a', 'b']) open_.add(channel.publish('', queue, null, body(text)), text)
    await eventually(() => open_.size === 0)
    open_.add(channel.publish('', queue, null, body('c')), 'c')
    open_.add(channel.publish('', unique('nowhere'), null, body('d')), 'd')
    await eventually(() => open_.size === 0)
    assert.deepEqual(settled.toSorted(), ['a', 'b', 'c refused', 'd'])
    assert.equal(channel.published, 4)
  })

  test('what reaches no queue comes back if it is mandatory', async (t) => {
    const returned: Returned[] = []
    const { channel } = await open(t, { onReturned: (message) => returned.push(message) })
    const nowhere = unique('nowhere')
    channel.publish('', nowhere, null, body('a'), true)
    channel.publish('', nowhere, null, body('b'))
    await eventually(() => returned.length === 1)
    const [message] = returned
    assert.deepEqual(
      [message!.replyCode, message!.replyText, message!.routingKey, message!.body.toString()],
      [312, 'NO_ROUTE', nowhere, 'a'],
    )
  })

  test('a refusal ends the channel, tells why, and leaves the connection', async (t) => {
    const closed: unknown[] = []
    const { connection, channel } = await open(t, { onClosed: (error) => closed.push(error) })
    const queue = unique('none')
    const [refused, behind] = await Promise.allSettled([channel.checkQueue(queue), channel.declareQueue(queue)])
    assert.ok(refused.status === 'rejected' && behind.status === 'rejected')
    const error = refused.reason as AmqpReplyError
    assert.ok(error instanceof AmqpReplyError)
    assert.deepEqual(
      [error.scope, error.replyCode, error.replyText, error.method],
      ['channel', 404, `NOT_FOUND - no queue '${queue}' in vhost '/'`, 'queue.declare'],
    )
    assert.equal(behind.reason, error)
    assert.deepEqual(closed, [error])
    assert.equal(channel.isOpen, false)
    assert.throws(() => channel.publish('', queue, null, body('')), error)
    await assert.rejects(channel.declareQueue(queue), error)
    channel.ack(1)
    await channel.close()
    const other = await connection.openChannel()
    assert.notEqual(other.number, channel.number)
    await assert.rejects(other.checkQueue(queue), { replyCode: 404 })
  })

  test('a publish to an exchange that is not there is told by onClosed', async (t) => {
    const { promise, resolve } = Promise.withResolvers<Error>()
    const { channel } = await open(t, { onClosed: resolve })
    channel.publish(unique('x'), '', null, body(''))
    const error = (await promise) as AmqpReplyError
    assert.deepEqual([error.replyCode, error.method], [404, 'basic.publish'])
  })

  test('a consumer whose queue goes is told', async (t) => {
    const { connection, channel } = await open(t)
    const { queue } = await channel.declareQueue('', { exclusive: true })
    const cancelled = Promise.withResolvers<void>()
    await channel.consume(queue, () => {}, { onCancelled: cancelled.resolve, consumerTag: 'mine' })
    await (await connection.openChannel()).deleteQueue(queue)
    await cancelled.promise
    assert.equal(channel.isOpen, true)
  })

  test('a closed channel is closed, and others go on', async (t) => {
    const told: unknown[] = []
    const { connection, channel } = await open(t, { onClosed: (error) => told.push(error) })
    const other = await connection.openChannel()
    const { queue } = await other.declareQueue('', { exclusive: true })
    channel.publish('', queue, null, body('in time'))
    await channel.close()
    assert.equal((await other.get(queue, true))!.body.toString(), 'in time')
    await assert.rejects(channel.declareQueue(''), AmqpClosedError)
    assert.deepEqual(told, [])
    assert.equal(connection.channelCount, 1)
  })

  test('transactions', async (t) => {
    const { connection, channel } = await open(t)
    const other = await connection.openChannel()
    const { queue } = await other.declareQueue('', { exclusive: true })
    await channel.txSelect()
    channel.publish('', queue, null, body('no'))
    await channel.txRollback()
    channel.publish('', queue, null, body('yes'))
    assert.equal(await other.get(queue), null)
    await channel.txCommit()
    assert.equal((await other.get(queue, true))!.body.toString(), 'yes')
  })

  test('names that do not fit are refused here, and harm nothing', async (t) => {
    const { channel } = await open(t)
    const long = 'x'.repeat(256)
    await assert.rejects(channel.declareQueue(long), RangeError)
    assert.throws(() => channel.publish('', long, null, body('')), RangeError)
    assert.throws(() => channel.publish('', long, null, body('')), RangeError)
    const { queue } = await channel.declareQueue('', { exclusive: true })
    channel.publish('', queue, null, body('fine'))
    assert.equal((await channel.get(queue, true))!.body.toString(), 'fine')
  })

  test('one that is read when the channel is refused arrives, and goes back', async (t) => {
    const { connection, channel } = await open(t)
    const other = await connection.openChannel()
    const { queue } = await other.declareQueue('', { exclusive: true })
    other.publish('', queue, null, Buffer.alloc(2_000_000))
    await eventually(async () => (await channel.checkQueue(queue)).messageCount === 1)
    const got = channel.get(queue)
    const refused = channel.checkQueue(unique('none'))
    assert.equal((await got)!.body.length, 2_000_000)
    await assert.rejects(refused, { replyCode: 404 })
    const again = await eventually(() => other.get(queue))
    assert.equal(again.redelivered, true)
  })
})
