import assert from 'node:assert/strict'
import type { Channel } from 'amqplib'
import { type Bench, collect, type Collector, confirmed, fetch, textOf } from './bench.ts'
import { brokerUnderTest } from './support.ts'

const { scenario } = brokerUnderTest()
const REPLY_TO = 'amq.rabbitmq.reply-to'

async function requester(b: Bench): Promise<{ channel: Channel; replies: Collector }> {
  const channel = await b.plainChannel()
  const replies = await collect(channel, REPLY_TO, { noAck: true })
  return { channel, replies }
}

scenario('a request is answered without a queue for the answer', async (b) => {
  const server = await b.plainChannel(await b.connect())
  const queue = await b.queue(server)
  await collect(server, queue, { noAck: true }, ({ properties, content }) => {
    const { replyTo, correlationId } = properties
    server.sendToQueue(String(replyTo), Buffer.from(`${content.toString()} back`), {
      correlationId: String(correlationId),
    })
  })
  const { channel, replies } = await requester(b)
  for (const id of ['1', '2']) channel.sendToQueue(queue, Buffer.from(id), { replyTo: REPLY_TO, correlationId: id })
  assert.deepEqual(await replies.received(2), ['1 back', '2 back'])
  const { fields, properties } = replies.messages[0]!
  assert.equal(properties.correlationId, '1')
  assert.equal(fields.exchange, '')
  assert.equal(fields.redelivered, false)
  assert.ok(fields.routingKey.startsWith(`${REPLY_TO}.`))
})

scenario('the address of the requester is rewritten, and the same for all its requests', async (b) => {
  const { channel } = await requester(b)
  const queue = await b.queue(channel)
  const addresses: unknown[] = []
  for (let i = 0; i < 2; i++) {
    channel.sendToQueue(queue, Buffer.from('x'), { replyTo: REPLY_TO })
    addresses.push((await fetch(channel, queue)).properties.replyTo)
  }
  assert.match(String(addresses[0]), /^amq\.rabbitmq\.reply-to\..+/)
  assert.equal(addresses[0], addresses[1])
  const other = await b.plainChannel()
  assert.equal((await other.checkQueue(String(addresses[0]))).consumerCount, 1)
})

scenario('replies need a consumer, one, that does not acknowledge', async (b) => {
  await b.refuses(406, 'reply consumer cannot acknowledge', (c) => collect(c, REPLY_TO))
  await b.refuses(406, 'fast reply consumer does not exist', (c) =>
    c.publish('', 'x', Buffer.from('x'), { replyTo: REPLY_TO }),
  )
  await b.refuses(406, 'reply consumer already set', async (c) => {
    await collect(c, REPLY_TO, { noAck: true })
    await collect(c, REPLY_TO, { noAck: true })
  })
})

scenario('a reply to nobody is dropped, and its address is missing', async (b) => {
  const { channel } = await requester(b)
  const other = await b.channel()
  const queue = await b.queue(other)
  channel.sendToQueue(queue, Buffer.from('x'), { replyTo: REPLY_TO })
  const address = String((await fetch(other, queue)).properties.replyTo)
  await channel.close()
  assert.ok(await confirmed(other, '', address, 'too late'))
  await b.refuses(404, `no ${b.queueText(address)}`, (c) => c.checkQueue(address))
})

scenario('after a cancellation another consumer may wait for replies', async (b) => {
  const { channel, replies } = await requester(b)
  await channel.cancel(replies.tag)
  const again = await collect(channel, REPLY_TO, { noAck: true })
  const queue = await b.queue(channel)
  channel.sendToQueue(queue, Buffer.from('x'), { replyTo: REPLY_TO })
  const { properties } = await fetch(channel, queue)
  channel.sendToQueue(String(properties.replyTo), Buffer.from('here'))
  assert.deepEqual(await again.received(1), ['here'])
})

scenario('an address is not to be bound', { differs: 'replyBinding' }, async (b) => {
  await b.refuses(403, 'cannot bind or unbind to a volatile (direct reply-to) queue', async (c) => {
    await collect(c, REPLY_TO, { noAck: true })
    await c.bindQueue(`${REPLY_TO}.x`, 'amq.direct', 'x')
  })
})

scenario('a large reply comes whole', async (b) => {
  const { channel, replies } = await requester(b)
  const queue = await b.queue(channel)
  channel.sendToQueue(queue, Buffer.from('x'), { replyTo: REPLY_TO })
  const { properties } = await fetch(channel, queue)
  channel.sendToQueue(String(properties.replyTo), Buffer.alloc(500_000, 'r'))
  await replies.received(1)
  assert.equal(textOf(replies.messages[0]!).length, 500_000)
})
