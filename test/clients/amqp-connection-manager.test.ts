import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AmqpConnectionManager, connect } from 'amqp-connection-manager'
import type { Channel } from 'amqplib'
import { within } from './bench.ts'
import { startCutProxy } from './cut-proxy.ts'
import { brokerUnderTest, eventually, inProcess } from './support.ts'

const { scenario } = brokerUnderTest()

async function managed(url: string, use: (manager: AmqpConnectionManager) => Promise<void>): Promise<void> {
  const manager = connect([url], { reconnectTimeInSeconds: 0.05 })
  try {
    await use(manager)
  } finally {
    await manager.close()
  }
}

/** Declares what a channel needs each time that it comes up. */
const declare =
  (queue: string) =>
  async (channel: Channel): Promise<void> => {
    await channel.assertQueue(queue)
  }

scenario('what is sent before the connection is there arrives', (b) =>
  managed(b.url, async (manager) => {
    const queue = b.queueName()
    const channel = manager.createChannel({ json: true, setup: declare(queue) })
    const sent = [1, 2, 3].map((id) => channel.sendToQueue(queue, { id }))
    const seen: unknown[] = []
    await channel.consume(queue, (message) => {
      seen.push(JSON.parse(message.content.toString()))
      channel.ack(message)
    })
    assert.deepEqual(await Promise.all(sent), [true, true, true])
    await eventually(() => seen.length === 3)
    assert.deepEqual(seen, [{ id: 1 }, { id: 2 }, { id: 3 }])
  }),
)

scenario('after a cut everything is set up again and every message arrives', async (b) => {
  const proxy = await startCutProxy(b.url)
  try {
    await managed(proxy.url, async (manager) => {
      const queue = b.queueName()
      const channel = manager.createChannel({ setup: declare(queue) })
      channel.on('error', () => {})
      const seen = new Set<string>()
      await channel.consume(queue, (message) => {
        seen.add(message.content.toString())
        channel.ack(message)
      })
      const sent: Promise<boolean>[] = []
      for (let i = 0; i < 50; i++) {
        if (i === 20 || i === 40) {
          const reconnected = new Promise<void>((resolve) => channel.once('connect', resolve))
          proxy.cut()
          await within(reconnected, 'the channel to come back')
        }
        // what was unconfirmed when the connection ended is the sender's to send again
        sent.push(eventually(() => channel.sendToQueue(queue, Buffer.from(`${i}`), { persistent: true }), 30_000))
      }
      await within(Promise.all(sent), 'all confirms')
      await eventually(() => seen.size === 50, 30_000)
    })
  } finally {
    await proxy.close()
  }
})

scenario('a refused message rejects its sender', (b) =>
  managed(b.url, async (manager) => {
    const queue = b.queueName()
    const args = { 'x-max-length': 0, 'x-overflow': 'reject-publish' }
    const setup = async (channel: Channel): Promise<void> => {
      await channel.assertQueue(queue, { arguments: args })
    }
    const channel = manager.createChannel({ setup })
    await channel.waitForConnect()
    await assert.rejects(channel.sendToQueue(queue, Buffer.from('x')), { message: 'message nacked' })
  }),
)

scenario('a consumer is set up again when its channel is closed by the broker', (b) =>
  managed(b.url, async (manager) => {
    const queue = b.queueName()
    const channel = manager.createChannel({ setup: declare(queue) })
    channel.on('error', () => {})
    await channel.waitForConnect()
    const seen: string[] = []
    await channel.consume(queue, (message) => void seen.push(message.content.toString()), { noAck: true })
    await channel.sendToQueue(queue, Buffer.from('before'))
    await assert.rejects(channel.publish('no-such-exchange', '', Buffer.from('x')))
    await eventually(() => channel.sendToQueue(queue, Buffer.from('after')).then(() => true), 30_000)
    await eventually(() => seen.includes('before') && seen.includes('after'), 30_000)
  }),
)

inProcess('publishers are told of alarms', async (b, { broker }) => {
  await managed(b.url, async (manager) => {
    const channel = manager.createChannel({ setup: declare(b.queueName()) })
    await channel.waitForConnect()
    const blocked = once(manager, 'blocked')
    broker.alarms.set('memory', true)
    const held = channel.publish('amq.fanout', '', Buffer.from('x'))
    assert.deepEqual(await within(blocked, 'connection.blocked'), [{ reason: 'low on memory' }])
    const unblocked = once(manager, 'unblocked')
    broker.alarms.set('memory', false)
    await within(unblocked, 'connection.unblocked')
    assert.ok(await held)
  })
})
