import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import amqp from 'amqplib'
import { startBroker, type WarrenBroker } from '../../src/index.ts'

/** Changes everything that can be changed. */
async function clutter(broker: WarrenBroker): Promise<void> {
  await broker.declareExchange('events', 'topic')
  await broker.declareQueue('durable')
  await broker.declareQueue('transient', { durable: false })
  await broker.bind('durable', 'events', '#')
  await broker.bind('durable', 'amq.topic', '#')
  await broker.bindExchange('amq.fanout', 'amq.direct', 'k')
  await broker.bindExchange('events', 'amq.topic', 'k')
  await broker.setPolicy('p', { pattern: '.*', definition: { 'max-length': 1, 'alternate-exchange': 'events' } })
  await broker.publish('events', 'a', 'left over', { persistent: true })
  broker.setAlarm('memory', true)
  broker.setAlarm('disk', true)
}

async function requireClean(broker: WarrenBroker): Promise<void> {
  assert.deepEqual(broker.queues(), [])
  await broker.declareQueue('durable', { durable: false })
  assert.deepEqual(broker.queue('durable').policy, null)
  for (const exchange of ['amq.topic', 'amq.direct']) {
    assert.deepEqual(await broker.publish(exchange, 'k', 'x'), { routed: false }, exchange)
  }
  await broker.bind('durable', 'amq.fanout')
  assert.deepEqual(await broker.publish('amq.direct', 'k', 'x'), { routed: false })
  await broker.declareExchange('events', 'fanout', { durable: false })
}

describe('reset', () => {
  test('leaves what a fresh broker has', async () => {
    await using broker = await startBroker()
    await clutter(broker)
    await broker.reset()
    await requireClean(broker)
    await broker.reset()
    await requireClean(broker)
  })

  test('sets up again what the options ask for, and removes the rest', async () => {
    await using broker = await startBroker({
      vhosts: ['kept'],
      users: [{ name: 'worker', password: 'w' }],
      definitions: {
        vhosts: [{ name: '/' }, { name: 'defined' }],
        users: [{ name: 'defined', password: 'd', tags: '' }],
        permissions: [{ user: 'defined', vhost: 'defined', configure: '.*', write: '.*', read: '.*' }],
        queues: [{ vhost: '/', name: 'orders', durable: true, auto_delete: false, arguments: {} }],
      },
    })
    const urls = {
      worker: `${broker.url.replace('guest:guest', 'worker:w')}/kept`,
      defined: `${broker.url.replace('guest:guest', 'defined:d')}/defined`,
    }
    await broker.sendToQueue('orders', 'left over')
    await broker.vhost('kept').declareQueue('q')
    await broker.vhost('defined').declareQueue('q')
    await broker.reset()
    assert.deepEqual(
      broker.queues().map(({ name, ready }) => ({ name, ready })),
      [{ name: 'orders', ready: 0 }],
    )
    assert.deepEqual(broker.vhost('kept').queues(), [])
    assert.deepEqual(broker.vhost('defined').queues(), [])
    for (const url of Object.values(urls)) {
      const connection = await amqp.connect(url, { noDelay: true })
      await connection.close()
    }
  })

  test('keeps clients connected, and cancels their consumers', async () => {
    await using broker = await startBroker()
    const connection = await amqp.connect(broker.url, { noDelay: true })
    const channel = await connection.createConfirmChannel()
    await channel.assertQueue('work')
    const cancelled = new Promise<void>((resolve, reject) => {
      channel.consume('work', (message) => message === null && resolve()).catch(reject)
    })
    channel.sendToQueue('work', Buffer.from('held'))
    await broker.waitForQueue('work', ({ unacked }) => unacked === 1)
    await broker.reset()
    await cancelled
    assert.equal(broker.connections().length, 1)
    await channel.assertQueue('work', { durable: false })
    channel.sendToQueue('work', Buffer.from('new'))
    await channel.waitForConfirms()
    assert.deepEqual(
      broker.messages('work').map((message) => message.text()),
      ['new'],
    )
    await connection.close()
  })

  test('lets held publishers go on', async () => {
    await using broker = await startBroker()
    const connection = await amqp.connect(broker.url, { noDelay: true })
    const blocked = new Promise<string>((resolve) => connection.once('blocked', resolve))
    const unblocked = new Promise<void>((resolve) => connection.once('unblocked', () => resolve()))
    const channel = await connection.createConfirmChannel()
    broker.setAlarm('memory', true)
    channel.publish('', 'nowhere', Buffer.from('x'))
    assert.equal(await blocked, 'low on memory')
    assert.equal(broker.connections()[0]?.blocked, true)
    await broker.reset()
    await unblocked
    await channel.waitForConfirms()
    assert.equal(broker.connections()[0]?.blocked, false)
    await connection.close()
  })

  test('ends the subscriptions and confirms of the helpers', async () => {
    await using broker = await startBroker()
    await broker.declareQueue('q')
    let taken = 0
    await broker.consume('q', () => void taken++)
    const unconfirmed = broker.publish('', 'nowhere', 'x')
    const refused = assert.rejects(unconfirmed, { message: /stopped or reset before it confirmed/ })
    await broker.reset()
    await refused
    await broker.declareQueue('q')
    await broker.sendToQueue('q', 'x')
    assert.deepEqual([taken, broker.queue('q').ready, broker.queue('q').consumers], [0, 1, 0])
  })

  test('reaches the data folder', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'warren-testkit-'))
    try {
      const first = await startBroker({ dataDir })
      await clutter(first)
      await first.reset()
      await first.stop()
      await using second = await startBroker({ dataDir })
      await requireClean(second)
    } finally {
      await rm(dataDir, { recursive: true, force: true })
    }
  })
})
