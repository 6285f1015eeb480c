import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import amqp from 'amqplib'
import { startBroker, virtualClock, type VirtualClock, type WarrenBroker } from '../../src/index.ts'

const START = Date.UTC(2026, 0, 1)

describe('a virtual clock', () => {
  let clock: VirtualClock
  let broker: WarrenBroker<VirtualClock>

  beforeEach(async () => {
    clock = virtualClock(START)
    broker = await startBroker({ clock })
  })

  afterEach(() => broker.stop())

  test('is the clock of the broker', async () => {
    assert.equal(broker.clock, clock)
    await broker.clock.advance('1h')
    assert.equal(clock.now(), START + 3_600_000)
  })

  test('expires messages at their time and not before', async () => {
    await broker.declareQueue('q', { arguments: { 'x-message-ttl': 1_800_000 } })
    await broker.sendToQueue('q', 'half an hour')
    await broker.sendToQueue('q', 'a minute', { expiration: 60_000 })
    const texts = (): string[] => broker.messages('q').map((message) => message.text())
    await clock.advance(59_999)
    assert.deepEqual(texts(), ['half an hour', 'a minute'])
    await clock.advance(1)
    assert.deepEqual(texts(), ['half an hour'])
    await clock.advance('28m59s999ms')
    assert.deepEqual(texts(), ['half an hour'])
    await clock.advance(1)
    assert.deepEqual(texts(), [])
  })

  test('ends the pause of a retry, whose random share is what the test says', async () => {
    await using own = await startBroker({ clock, random: () => 0.5 })
    const args = { 'x-retry-initial-delay': 1000, 'x-retry-jitter': 0.2 }
    await own.declareQueue('q', { arguments: args })
    await own.sendToQueue('q', 'fails')
    const connection = await amqp.connect(own.url)
    const channel = await connection.createChannel()
    channel.nack((await channel.get('q')) as amqp.GetMessage)
    await connection.close()
    await clock.advance(899)
    assert.deepEqual([own.queue('q').ready, own.queue('q').delayed], [0, 1])
    await clock.advance(1)
    assert.deepEqual([own.queue('q').ready, own.queue('q').delayed], [1, 0])
  })

  test('makes delayed messages due; what waits is listed, cancelled, and given another time', async () => {
    await broker.declareExchange('late', 'x-delayed-message', { arguments: { 'x-delayed-type': 'fanout' } })
    await broker.declareQueue('q')
    await broker.bind('q', 'late')
    for (let day = 1; day <= 30; day++) {
      await broker.publish('late', '', `day ${day}`, { messageId: `m${day}`, headers: { 'x-delay': day * 86_400_000 } })
    }
    const listed = await broker.delayedMessages({ exchange: 'late' }, 2)
    assert.deepEqual(
      listed.map(({ message }) => message.text()),
      ['day 1', 'day 2'],
    )
    assert.equal(listed[0]!.dueAt.getTime(), START + 86_400_000)
    assert.equal(await broker.cancelDelayed({ exchange: 'late' }, 'm2'), 1)
    assert.equal(await broker.rescheduleDelayed({ exchange: 'late' }, 'm30', listed[0]!.dueAt), 1)
    await clock.advance('2d')
    const texts = (): string[] => broker.messages('q').map((message) => message.text())
    assert.deepEqual(texts(), ['day 1', 'day 30'])
    await clock.advance('28d')
    assert.equal(texts().length, 29)
    await assert.rejects(broker.delayedMessages({ queue: 'q' }), /queue 'q' does not delay messages/)
  })

  test('dead-letters on time, with the time of it', async () => {
    await broker.declareExchange('dead', 'fanout')
    await broker.declareQueue('failed')
    await broker.bind('failed', 'dead')
    await broker.declareQueue('q', { arguments: { 'x-message-ttl': 10_000, 'x-dead-letter-exchange': 'dead' } })
    await broker.sendToQueue('q', 'x')
    await clock.advance('10s')
    const [message] = broker.messages('failed')
    assert.equal(message?.headers['x-first-death-reason'], 'expired')
    const [death] = message.headers['x-death'] as { time: number; queue: string; count: number }[]
    assert.deepEqual([death!.time, death!.queue, death!.count], [START / 1000 + 10, 'q', 1])
  })

  test('turns a chain of delays within one advance', async () => {
    const steps = ['1', '2', '3', '4']
    for (const [i, name] of steps.entries()) {
      const next = steps[i + 1]
      const delay = { 'x-message-ttl': 60_000, 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': next }
      await broker.declareQueue(name, next === undefined ? {} : { arguments: delay })
    }
    await broker.sendToQueue('1', 'x')
    await clock.advance('3m')
    assert.equal(broker.messages('4')[0]?.text(), 'x')
  })

  test('deletes unused queues', async () => {
    await broker.declareQueue('q', { arguments: { 'x-expires': 60_000 } })
    await clock.advance(59_999)
    assert.equal(broker.queues().length, 1)
    await clock.advance(1)
    assert.equal(broker.queues().length, 0)
  })

  test('brings back messages after their retry delay', async () => {
    await broker.declareQueue('q', {
      type: 'quorum',
      arguments: { 'x-delayed-retry-type': 'all', 'x-delayed-retry-min': 30_000, 'x-delayed-retry-max': 60_000 },
    })
    await broker.sendToQueue('q', 'x')
    const connection = await amqp.connect(broker.url, { noDelay: true })
    const channel = await connection.createChannel()
    const first = await channel.get('q')
    assert.ok(first)
    channel.nack(first)
    await broker.waitForQueue('q', ({ delayed }) => delayed === 1)
    await clock.advance(29_999)
    assert.equal(broker.queue('q').ready, 0)
    await clock.advance(1)
    assert.deepEqual([broker.queue('q').ready, broker.queue('q').delayed], [1, 0])
    assert.equal(broker.messages('q')[0]?.redelivered, true)
  })

  test('runs out the time to acknowledge, while the client stays connected', async () => {
    await broker.declareQueue('q', { type: 'quorum' })
    await broker.sendToQueue('q', 'x')
    const connection = await amqp.connect(broker.url, { noDelay: true })
    const channel = await connection.createChannel()
    const cancelled = new Promise<void>((resolve, reject) => {
      channel.consume('q', (message) => message === null && resolve()).catch(reject)
    })
    await broker.waitForQueue('q', ({ unacked }) => unacked === 1)
    await clock.advance('29m59s')
    assert.deepEqual([broker.queue('q').unacked, broker.queue('q').consumers], [1, 1])
    await clock.advance('1s')
    await cancelled
    assert.deepEqual([broker.queue('q').unacked, broker.queue('q').ready, broker.queue('q').consumers], [0, 1, 0])
    assert.equal(broker.connections().length, 1)
    await connection.close()
  })

  test('does not drop clients, also those that insist on heartbeats', async () => {
    const quiet = await amqp.connect(broker.url, { noDelay: true })
    const insisting = await amqp.connect(`${broker.url}?heartbeat=1`, { noDelay: true })
    const negotiated = (connection: unknown): number =>
      (connection as { connection: { heartbeat: number } }).connection.heartbeat
    assert.deepEqual([negotiated(quiet), negotiated(insisting)], [0, 1])
    await clock.advance('30d')
    assert.equal(broker.connections().length, 2)
    for (const connection of [quiet, insisting]) {
      await (await connection.createChannel()).assertQueue('q')
      await connection.close()
    }
  })

  test('drives heartbeats where the options ask for them', async () => {
    await using strict = await startBroker({ clock: virtualClock(), heartbeat: 10 })
    const connection = await amqp.connect(strict.url, { noDelay: true })
    connection.on('error', () => {})
    const closed = new Promise<void>((resolve) => connection.once('close', () => resolve()))
    await strict.clock.advance('19s')
    assert.equal(strict.connections().length, 1)
    await strict.clock.advance('12s')
    await closed
    assert.equal(strict.connections().length, 0)
  })

  test('is its owner’s: it runs on after the broker has stopped, for the next one', async () => {
    await broker.declareQueue('q', { arguments: { 'x-expires': 1000 } })
    await broker.stop()
    await clock.advance('1h')
    await using next = await startBroker({ clock })
    await next.declareQueue('q', { arguments: { 'x-message-ttl': 1000 } })
    await next.sendToQueue('q', 'x')
    await clock.advance('1s')
    assert.equal(next.queue('q').ready, 0)
  })

  test('drives several brokers', async () => {
    await using other = await startBroker({ clock })
    for (const each of [broker, other]) {
      await each.declareQueue('q', { arguments: { 'x-message-ttl': 1000 } })
      await each.sendToQueue('q', 'x')
    }
    await clock.advance('1s')
    assert.deepEqual([broker.queue('q').ready, other.queue('q').ready], [0, 0])
  })
})

test('without one a broker goes by the system’s time', async () => {
  await using broker = await startBroker()
  const before = Date.now()
  assert.ok(broker.clock.now() >= before)
  await broker.declareQueue('q', { arguments: { 'x-message-ttl': 20 } })
  await broker.sendToQueue('q', 'x')
  await broker.assertEmpty('q')
  assert.ok(Date.now() - before >= 20)
})
