import assert from 'node:assert/strict'
import { test } from 'node:test'
import amqp from 'amqplib'
import * as m from '../../src/protocols/amqp091/wire/methods.gen.ts'
import { declareQueue, RawAmqp } from '../support/raw-amqp.ts'
import { residentBytes, withoutProc } from '../support/process-memory.ts'
import { startWarren, temporaryFolder } from '../support/warren-process.ts'
import { eventually, withBroker } from '../support/with-broker.ts'

const BODY = Buffer.from('x')

async function open(port: number, capabilities?: readonly string[]): Promise<RawAmqp> {
  const client = await RawAmqp.open(port, capabilities === undefined ? {} : { capabilities })
  await client.openChannel()
  return client
}

test('a memory alarm blocks who publishes, and tells who wants to know', async (t) => {
  const warren = await startWarren(t, ['--vm-memory-high-watermark-absolute', '1MB'])
  const publisher = await open(warren.port())
  const consumer = await open(warren.port())
  const deaf = await open(warren.port(), [])
  consumer.send(1, declareQueue('q'))
  await consumer.expect(m.QueueDeclareOk)
  consumer.send(1, new m.BasicConsume('q'))
  await consumer.expect(m.BasicConsumeOk)
  assert.equal(publisher.waiting, 0, 'only who publishes is held')

  publisher.publish(1, '', 'q', BODY)
  assert.equal((await publisher.expect(m.ConnectionBlocked)).reason, 'low on memory')
  await consumer.expect(m.BasicDeliver) // What came with the publish that was too much is not lost.
  deaf.publish(1, '', 'q', BODY)
  await consumer.expect(m.BasicDeliver)
  // The consumer is served throughout, the publisher is not even read from.
  publisher.send(1, declareQueue('q', { passive: true }))
  for (let i = 0; i < 3; i++) await consumer.sync(1)
  assert.deepEqual([publisher.waiting, deaf.waiting], [0, 0])
  assert.match(warren.stderr, /\[warn\] resource alarm: publishers are held reason="low on memory"\n/)
  for (const client of [publisher, consumer, deaf]) client.destroy()
})

test('a disk alarm blocks in the same way', async (t) => {
  const warren = await startWarren(t, ['--data-dir', temporaryFolder(t), '--disk-free-limit-absolute', '8000TB'])
  await eventually(() => warren.stderr.includes('reason="low on disk"'))
  const publisher = await open(warren.port())
  publisher.publish(1, '', 'q', BODY)
  assert.equal((await publisher.expect(m.ConnectionBlocked)).reason, 'low on disk')
  publisher.destroy()
})

test('amqplib hears of alarms and of their end', async () => {
  await withBroker({}, async ({ server, url }) => {
    const { alarms } = server.broker
    const connection = await amqp.connect(url)
    const blocked = new Promise((resolve) => connection.once('blocked', resolve))
    const unblocked = new Promise<void>((resolve) => connection.once('unblocked', () => resolve()))
    const channel = await connection.createConfirmChannel()
    const { queue } = await channel.assertQueue('')
    alarms.set('disk', true)
    alarms.set('memory', true)
    channel.sendToQueue(queue, BODY)
    assert.equal(await blocked, 'low on memory & disk')
    channel.sendToQueue(queue, BODY)
    alarms.set('memory', false)
    alarms.set('disk', false)
    await unblocked
    await channel.waitForConfirms()
    assert.equal((await channel.checkQueue(queue)).messageCount, 2)
    await connection.close()
  })
})

test('a connection is told once per alarm, and again of the next', async () => {
  await withBroker({}, async ({ server, port }) => {
    const { alarms } = server.broker
    const client = await open(port)
    for (let round = 0; round < 3; round++) {
      alarms.set('memory', true)
      client.publish(1, '', 'nowhere', BODY)
      client.publish(1, '', 'nowhere', BODY)
      await client.expect(m.ConnectionBlocked)
      alarms.set('disk', true)
      alarms.set('memory', false)
      alarms.set('disk', false)
      await client.expect(m.ConnectionUnblocked)
      await client.sync(1)
    }
    client.destroy()
  })
})

test('a blocked publisher is not taken for dead', async () => {
  await withBroker({}, async ({ server, port }) => {
    server.broker.alarms.set('memory', true)
    const client = await RawAmqp.open(port, { heartbeatSec: 1 })
    await client.openChannel()
    client.publish(1, '', 'nowhere', BODY)
    await client.expect(m.ConnectionBlocked)
    // Eight half intervals: long after silence would have ended the connection.
    for (let i = 0; i < 8; i++) await client.heartbeat()
    assert.equal(client.ended, false)
    server.broker.alarms.set('memory', false)
    await client.expect(m.ConnectionUnblocked)
    client.destroy()
  })
})

test('a blocked publisher whose client is gone is forgotten with its heartbeats', async () => {
  await withBroker({}, async ({ server, port }) => {
    const { alarms, connections } = server.broker
    alarms.set('memory', true)
    const client = await RawAmqp.open(port, { heartbeatSec: 1 })
    await client.openChannel()
    client.publish(1, '', 'nowhere', BODY)
    await client.expect(m.ConnectionBlocked)
    assert.equal(connections.size, 1)
    client.destroy()
    await eventually(() => connections.size === 0)
  })
})

for (const [size, bytes] of [
  ['large', 100_000],
  ['small', 100],
] as const) {
  test(`a flood of ${size} messages is held until they are consumed`, { skip: withoutProc }, async (t) => {
    const idle = await startWarren(t)
    const watermark = Math.round(residentBytes(idle.pid) + 100e6)
    await idle.stop()

    const warren = await startWarren(t, ['--vm-memory-high-watermark-absolute', String(watermark)])
    const consumer = await open(warren.port())
    consumer.send(1, declareQueue('q'))
    await consumer.expect(m.QueueDeclareOk)
    const publisher = await open(warren.port())
    const body = Buffer.alloc(bytes)
    let sent = 0
    while (publisher.waiting === 0) {
      const room = publisher.publish(1, '', 'q', body)
      sent++
      if (!room) await new Promise((resolve) => setTimeout(resolve, 1))
    }
    assert.equal((await publisher.expect(m.ConnectionBlocked)).reason, 'low on memory')
    // Goes on as if nothing had been said, but is not read from any more.
    for (let more = 0; more < 40e6; more += bytes) publisher.publish(1, '', 'q', body)
    for (let i = 0; i < 20; i++) await consumer.sync(1)
    const most = residentBytes(warren.pid)
    t.diagnostic(`${sent} messages, ${Math.round(most / 1e6)} MB with a limit of ${Math.round(watermark / 1e6)} MB`)
    assert.ok(most < watermark + 300e6, `${most} bytes`)

    // Once the queue has been read, the publisher goes on, although nothing else happens.
    consumer.send(1, new m.BasicConsume('q', '', false, true))
    await publisher.expect(m.ConnectionUnblocked)
    publisher.destroy()
    consumer.destroy()
  })
}
