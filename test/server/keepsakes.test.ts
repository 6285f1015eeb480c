import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import * as m from '../../src/protocols/amqp091/wire/methods.gen.ts'
import { collectGarbage } from '../support/collect-garbage.ts'
import { MqttWire } from '../support/mqtt-wire.ts'
import { encodeFrame, RawAmqp } from '../support/raw-amqp.ts'
import { eventually, withBroker } from '../support/with-broker.ts'

/** As large as a message may be, unless configured. */
const BODY_BYTES = 16 * 1024 * 1024

async function consuming(port: number, queue: string): Promise<RawAmqp> {
  const client = await RawAmqp.open(port)
  await client.openChannel()
  client.send(1, new m.QueueDeclare(queue, false, false, true))
  await client.expect(m.QueueDeclareOk)
  client.send(1, new m.BasicConsume(queue, 'tag'))
  await client.expect(m.BasicConsumeOk)
  return client
}

describe('what is kept for the compiler', () => {
  test('is the last session and the last consumer, which are of nobody any more', async () => {
    await withBroker({}, async ({ port, server: { broker } }) => {
      const kept = (): typeof broker.keepsakes.all => broker.keepsakes.all
      assert.deepEqual(kept(), { sessions: [], consumer: null, entry: null })
      for (const queue of ['first', 'second']) {
        const client = await consuming(port, queue)
        client.destroy()
        await eventually(() => broker.connections.size === 0)
        const { sessions, consumer, entry } = kept()
        assert.equal(sessions.length, 1)
        assert.equal(sessions[0]!.closed, true)
        assert.equal(consumer!.queue.name, queue)
        assert.equal(consumer!.session, sessions[0])
        assert.equal(entry!.queue, consumer!.queue)
        assert.equal(broker.vhosts.get('/')!.queues.size, 0)
      }
    })
  })

  test('has nothing of the messages', async () => {
    await withBroker({}, async ({ port, server: { broker } }) => {
      const client = await consuming(port, 'q')
      await collectGarbage()
      const before = process.memoryUsage().arrayBuffers
      // a message of which half comes
      const header = Buffer.alloc(14)
      header.writeUInt16BE(60, 0)
      header.writeUInt32BE(BODY_BYTES, 8)
      client.send(1, new m.BasicPublish('', 'q'))
      client.socket.write(encodeFrame(2, 1, header))
      const part = encodeFrame(3, 1, Buffer.alloc(100_000))
      for (let sent = 0; sent < BODY_BYTES / 2; sent += 100_000) client.socket.write(part)
      if (client.socket.writableLength > 0) await once(client.socket, 'drain')
      const grown = (): number => process.memoryUsage().arrayBuffers - before
      await eventually(() => grown() > BODY_BYTES / 2)
      client.destroy()
      await eventually(() => broker.connections.size === 0)
      assert.equal(broker.keepsakes.all.sessions.length, 1)
      // what is freed is counted when another thread has swept it
      await eventually(async () => {
        await collectGarbage()
        return grown() < BODY_BYTES / 4
      })
    })
  })

  test('is of protocols alone that let go of what is large', async () => {
    await withBroker(
      { flags: ['--protocols', 'amqp,mqtt', '--mqtt-port', '0'] },
      async ({ server: { broker, urls } }) => {
        const client = await MqttWire.connect(urls.mqtt[0]!, 4)
        await eventually(() => broker.connections.size === 1)
        await client.send({ cmd: 'disconnect' } as never)
        await eventually(() => broker.connections.size === 0)
        assert.deepEqual(broker.keepsakes.all.sessions, [])
      },
    )
  })
})
