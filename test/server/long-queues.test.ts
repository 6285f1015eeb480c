import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import type { Queue } from '../../src/core/queues/queue.ts'
import * as m from '../../src/protocols/amqp091/wire/methods.gen.ts'
import { declareQueue, NO_ARGUMENTS, RawAmqp } from '../support/raw-amqp.ts'
import { temporaryFolder } from '../support/warren-process.ts'
import { eventually, type TestBroker, withBroker } from '../support/with-broker.ts'

// Queues that are longer than the memory for messages, through the protocol. What a client sees must not tell where a message was.

const MESSAGES = 5000
/** Next to nothing: only the heads of queues stay in memory. */
const LITTLE_MEMORY = ['--message-memory', '100KiB']

async function withBacklog(t: TestContext, use: (broker: TestBroker, client: RawAmqp) => Promise<void>): Promise<void> {
  await withBroker({ dataDir: temporaryFolder(t), flags: LITTLE_MEMORY }, async (broker) => {
    const client = await RawAmqp.open(broker.port)
    await client.openChannel()
    client.send(1, declareQueue('q', { durable: true }))
    await client.expect(m.QueueDeclareOk)
    for (let i = 0; i < MESSAGES; i++) client.publish(1, '', 'q', Buffer.from(String(i).padStart(200, '.')))
    await client.sync(1)
    await eventually(() => queueOf(broker).readyInStore > MESSAGES - 500)
    await use(broker, client)
    client.destroy()
  })
}

const queueOf = ({ server }: TestBroker): Queue => server.broker.vhosts.get('/')!.findQueue('q')

const get = (noAck: boolean): m.BasicGet => new m.BasicGet('q', noAck)

describe('a queue longer than the memory', () => {
  test('is consumed whole, and in order', async (t) => {
    await withBacklog(t, async (broker, client) => {
      client.send(1, new m.BasicQos(0, 100, false))
      client.send(1, new m.BasicConsume('q', 'c', false, false, false, false, NO_ARGUMENTS))
      await client.expect(m.BasicQosOk)
      await client.expect(m.BasicConsumeOk)
      for (let i = 1; i <= MESSAGES; i++) {
        const { deliveryTag, redelivered } = await client.expect(m.BasicDeliver)
        assert.deepEqual([deliveryTag, redelivered], [i, false])
        if (i % 20 === 0) client.send(1, new m.BasicAck(i, true))
      }
      await client.sync(1)
      const { readyCount, unackedCount } = queueOf(broker)
      assert.deepEqual([readyCount, unackedCount, client.bodyBytes], [0, 0, MESSAGES * 200])
    })
  })

  test('answers gets in their turn, and what comes after them after them', async (t) => {
    await withBacklog(t, async (broker, client) => {
      const gets = 700
      const frames: m.Method[] = []
      for (let i = 1; i <= gets; i++) {
        frames.push(get(false))
        if (i % 7 === 0) frames.push(declareQueue('q', { passive: true }))
        if (i % 100 === 0) frames.push(new m.BasicAck(i, true))
      }
      // everything in as few reads as there can be, with a publish in between
      client.socket.cork()
      for (const frame of frames) client.send(1, frame)
      client.publish(1, '', 'q', Buffer.from('last'))
      client.send(1, declareQueue('q', { passive: true }))
      client.socket.uncork()
      let taken = 0
      for (const frame of frames) {
        if (frame.id === m.BasicGet.id) {
          const got = await client.expect(m.BasicGetOk)
          assert.deepEqual([got.deliveryTag, got.messageCount], [++taken, MESSAGES - taken])
        } else if (frame.id === m.QueueDeclare.id) {
          assert.equal((await client.expect(m.QueueDeclareOk)).messageCount, MESSAGES - taken)
        }
      }
      assert.equal((await client.expect(m.QueueDeclareOk)).messageCount, MESSAGES - gets + 1)
      assert.equal(queueOf(broker).unackedCount, 0)
    })
  })

  test('may lose its client while an answer is on its way', async (t) => {
    await withBacklog(t, async (broker, client) => {
      for (const end of ['channel', 'connection', 'socket'] as const) {
        const other = await RawAmqp.open(broker.port)
        await other.openChannel()
        for (let i = 0; i < 100; i++) other.send(1, get(false))
        if (end === 'channel') {
          other.send(1, new m.ChannelClose(200, '', 0, 0))
          for (let i = 0; i < 100; i++) await other.expect(m.BasicGetOk)
          await other.expect(m.ChannelCloseOk)
        } else if (end === 'connection') {
          other.send(0, new m.ConnectionClose(200, '', 0, 0))
          await other.rest()
        }
        other.destroy()
      }
      // what the last one sent may still have been on its way
      await eventually(() => broker.server.broker.connections.size === 1)
      await eventually(() => queueOf(broker).readyCount === MESSAGES)
      client.send(1, get(true))
      const { redelivered } = await client.expect(m.BasicGetOk)
      assert.equal(redelivered, true)
    })
  })

  test('fails a channel for what comes after a get, not before its answer', async (t) => {
    await withBacklog(t, async (_broker, client) => {
      client.socket.cork()
      client.send(1, get(false))
      client.send(1, new m.BasicAck(99, false))
      client.send(1, get(false))
      client.socket.uncork()
      await client.expect(m.BasicGetOk)
      const { replyCode } = await client.expect(m.ChannelClose)
      assert.equal(replyCode, 406)
      client.send(1, new m.ChannelCloseOk())
      await client.openChannel()
      client.send(1, get(true))
      await client.expect(m.BasicGetOk)
    })
  })
})
