import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import type { ChannelModel } from 'amqplib'
import { collect, confirmed, fetchAll, send, untilReady } from './bench.ts'
import { brokerUnderTest, eventually, inProcess } from './support.ts'

const { scenario } = brokerUnderTest()

const socketOf = (connection: ChannelModel): Socket => (connection.connection as unknown as { stream: Socket }).stream

async function lose(connection: ChannelModel): Promise<void> {
  const closed = new Promise<void>((resolve) => connection.once('close', () => resolve()))
  socketOf(connection).destroy(new Error('lost'))
  await closed
}

/** Lets a client read no more: what is for it has to wait at the broker. @returns what lets it read on */
function deafen(connection: ChannelModel): () => void {
  const socket = socketOf(connection)
  const readers = socket.listeners('readable') as (() => void)[]
  socket.removeAllListeners('readable')
  return () => {
    for (const reader of readers) socket.on('readable', reader)
  }
}

const MIB = 1024 * 1024

scenario('a consumer that does not read holds nobody else up, and gets everything when it does', async (b) => {
  const channel = await b.channel()
  const exchange = await b.exchange(channel, 'fanout')
  const [stuck, free] = [await b.queue(channel), await b.queue(channel)]
  for (const queue of [stuck, free]) await channel.bindQueue(queue, exchange, '')
  const deaf = await b.connect()
  const sleeper = await collect(await b.channel(deaf), stuck, { noAck: true })
  const reader = await collect(await b.channel(await b.connect()), free, { noAck: true })
  const listen = deafen(deaf)
  const body = Buffer.alloc(256 * 1024, 'b')
  for (let i = 0; i < 200; i++) assert.ok(await confirmed(channel, exchange, '', body))
  await reader.received(200)
  assert.ok(sleeper.messages.length < 200)
  listen()
  await sleeper.received(200)
  assert.ok(sleeper.messages.every(({ content }) => content.equals(body)))
})

inProcess(
  'what a consumer does not read stays in its queue, not in the buffers of its connection',
  async (b, server) => {
    const channel = await b.channel()
    const queue = await b.queue(channel)
    const deaf = await b.connect()
    await collect(await b.channel(deaf), queue, { noAck: true })
    deafen(deaf)
    const body = Buffer.alloc(MIB)
    for (let i = 0; i < 64; i++) assert.ok(await confirmed(channel, '', queue, body))
    const { readyCount } = server.broker.findVhost('/').queues.get(queue)!
    assert.ok(readyCount > 32, `${readyCount} of 64 MiB are still in the queue`)
    await lose(deaf)
  },
)

scenario('two consumers of one queue: one that does not read leaves the rest to the other', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  const deaf = await b.connect()
  const sleeper = await collect(await b.channel(deaf), queue)
  const reader = await collect(await b.channel(await b.connect()), queue, { noAck: true })
  deafen(deaf)
  const body = Buffer.alloc(256 * 1024)
  for (let i = 0; i < 200; i++) assert.ok(await confirmed(channel, '', queue, body))
  await untilReady(channel, queue, 0)
  await eventually(() => reader.messages.length >= 100)
  await lose(deaf)
  await eventually(() => reader.messages.length === 200)
  assert.equal(sleeper.cancelled, false)
})

scenario('consumers of one connection, which cannot take all at once, are served in turn', async (b) => {
  const channel = await b.channel()
  const queues = await Promise.all(['first', 'second', 'third'].map(() => b.queue(channel)))
  const connection = await b.connect()
  const served: string[] = []
  for (const queue of queues) {
    const consumer = await b.channel(connection)
    await collect(consumer, queue, { noAck: true }, () => served.push(queue))
  }
  const listen = deafen(connection)
  const body = Buffer.alloc(MIB / 4)
  for (const queue of queues) for (let i = 0; i < 100; i++) assert.ok(await confirmed(channel, '', queue, body))
  listen()
  await eventually(() => served.length === 300)
  for (const queue of queues) assert.ok(served.indexOf(queue) < 150, 'a queue had to wait for the end of another')
})

scenario('a publisher that does not read its confirms and returns is not lost', async (b) => {
  const connection = await b.connect()
  const channel = await b.channel(connection)
  let returned = 0
  channel.on('return', () => returned++)
  const listen = deafen(connection)
  const nowhere = b.queueName()
  for (let i = 0; i < 2000; i++) channel.sendToQueue(nowhere, Buffer.alloc(4096), { mandatory: true })
  const other = await b.channel(await b.connect())
  const queue = await b.queue(other)
  await send(other, queue, ['not held up'])
  assert.equal((await fetchAll(other, queue)).length, 1)
  listen()
  await channel.waitForConfirms()
  assert.equal(returned, 2000)
})

scenario('a fast publisher and a slow consumer: nothing is lost', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  const consumer = await b.channel(await b.connect())
  await consumer.prefetch(10)
  const collector = await collect(consumer, queue, {}, (message) => {
    setImmediate(() => consumer.ack(message))
  })
  const texts = Array.from({ length: 5000 }, (_, i) => `${i}`)
  await send(channel, queue, texts)
  await eventually(() => collector.messages.length === texts.length, 30_000)
  assert.deepEqual(collector.texts, texts)
})

inProcess('alarms hold publishers, not consumers', async (b, { broker }) => {
  const publishing = await b.connect()
  const [publisher, consumer] = [await b.channel(publishing), await b.channel()]
  const queue = await b.queue(consumer)
  await send(publisher, queue, ['a', 'b'])
  const reasons: string[] = []
  publishing.on('blocked', (reason) => reasons.push(reason))
  broker.alarms.set('memory', true)
  broker.alarms.set('disk', true)
  publisher.sendToQueue(queue, Buffer.from('c'))
  await eventually(() => reasons.length > 0)
  assert.deepEqual(reasons, ['low on memory & disk'])
  const collector = await collect(consumer, queue, {}, (message) => consumer.ack(message))
  await collector.received(3)
  publisher.sendToQueue(queue, Buffer.from('d'))
  const unblocked = new Promise<void>((resolve) => publishing.once('unblocked', resolve))
  broker.alarms.set('memory', false)
  await consumer.checkQueue(queue)
  assert.equal(collector.messages.length, 3)
  broker.alarms.set('disk', false)
  await unblocked
  await publisher.waitForConfirms()
  assert.deepEqual(await collector.received(4), ['a', 'b', 'c', 'd'])
  assert.deepEqual(reasons, ['low on memory & disk'])
})
