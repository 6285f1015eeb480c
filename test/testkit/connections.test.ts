import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import amqp, { type ChannelModel } from 'amqplib'
import { connect as connectManaged } from 'amqp-connection-manager'
import { Connection } from 'rabbitmq-client'
import { startBroker } from '../../src/index.ts'

const closing = (connection: ChannelModel): Promise<Error | undefined> => {
  connection.on('error', () => {})
  return new Promise((resolve) => connection.once('close', resolve))
}

describe('connections', () => {
  test('are listed with what clients say of themselves', async () => {
    await using broker = await startBroker({ vhosts: ['shop'] })
    assert.deepEqual(broker.connections(), [])
    const connection = await amqp.connect(`${broker.url}/shop`, {
      noDelay: true,
      clientProperties: { connection_name: 'orders service' },
    })
    await connection.createChannel()
    await connection.createChannel()
    const [info] = broker.connections()
    assert.match(info!.name, new RegExp(`^127\\.0\\.0\\.1:\\d+ -> 127\\.0\\.0\\.1:${broker.port}$`))
    const { clientName, user, vhost, channels, blocked } = info!
    assert.deepEqual(
      { clientName, user, vhost, channels, blocked },
      { clientName: 'orders service', user: 'guest', vhost: 'shop', channels: 2, blocked: false },
    )
    assert.equal(info!.clientProperties['product'], 'amqplib')
    await connection.close()
    assert.deepEqual(broker.connections(), [])
  })

  test('are closed as by an operator', async () => {
    await using broker = await startBroker()
    const connections = await Promise.all([1, 2, 3].map(() => amqp.connect(broker.url, { noDelay: true })))
    const ends = connections.map(closing)
    assert.equal(broker.closeConnections('maintenance'), 3)
    for (const end of ends) assert.match((await end)!.message, /320.*CONNECTION.FORCED.*maintenance/)
    assert.equal(broker.closeConnections(), 0)
  })

  test('are cut without a word', async () => {
    await using broker = await startBroker()
    const connection = await amqp.connect(broker.url, { noDelay: true })
    const end = closing(connection)
    assert.equal(broker.dropConnections(), 1)
    assert.doesNotMatch((await end)?.message ?? '', /320/)
  })

  test('come back, with their consumers, where a client reconnects by itself', async () => {
    await using broker = await startBroker()
    await broker.declareQueue('work')
    const received: string[] = []
    const connection = new Connection({ url: broker.url, retryLow: 10 })
    connection.on('error', () => {})
    const consumer = connection.createConsumer({ queue: 'work', queueOptions: { durable: true } }, ({ body }) => {
      received.push(String(body))
    })
    consumer.on('error', () => {})
    try {
      for (const [i, end] of [() => broker.closeConnections(), () => broker.dropConnections()].entries()) {
        await broker.waitForQueue('work', ({ consumers }) => consumers === 1, { timeoutMs: 20_000 })
        assert.equal(end(), 1)
        await broker.waitForQueue('work', ({ consumers }) => consumers === 1, { timeoutMs: 20_000 })
        await broker.sendToQueue('work', `after ${i}`)
        await broker.assertEmpty('work')
      }
      assert.deepEqual(received, ['after 0', 'after 1'])
    } finally {
      await consumer.close()
      await connection.close()
    }
  })

  test('come back after a restart on the same port', async () => {
    const first = await startBroker()
    const manager = connectManaged([first.url], { reconnectTimeInSeconds: 0.01, heartbeatIntervalInSeconds: 0 })
    try {
      const wrapper = manager.createChannel({
        setup: (channel: amqp.ConfirmChannel) => channel.assertQueue('work', { durable: false }),
      })
      await wrapper.waitForConnect()
      const gone = new Promise<void>((resolve) => manager.once('disconnect', () => resolve()))
      await first.stop()
      await gone
      await using second = await startBroker({ port: first.port })
      await second.waitForQueue('work', undefined, { timeoutMs: 20_000 })
      await wrapper.sendToQueue('work', Buffer.from('again'))
      await second.assertMessage('work', { body: 'again' })
    } finally {
      await manager.close()
    }
  })
})

describe('alarms', () => {
  test('hold clients that publish, not the helpers', async () => {
    await using broker = await startBroker()
    await broker.declareQueue('q')
    const connection = await amqp.connect(broker.url, { noDelay: true })
    const channel = await connection.createConfirmChannel()
    const blocked = new Promise<string>((resolve) => connection.once('blocked', resolve))
    const unblocked = new Promise<void>((resolve) => connection.once('unblocked', () => resolve()))
    broker.setAlarm('disk', true)
    channel.sendToQueue('q', Buffer.from('held 1'))
    assert.equal(await blocked, 'low on disk')
    channel.sendToQueue('q', Buffer.from('held 2'))
    await broker.sendToQueue('q', 'not held')
    assert.deepEqual(
      broker.messages('q').map((message) => message.text()),
      ['held 1', 'not held'],
    )
    broker.setAlarm('disk', false)
    await unblocked
    await channel.waitForConfirms()
    assert.equal(broker.queue('q').ready, 3)
    await connection.close()
  })
})
