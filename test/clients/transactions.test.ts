import assert from 'node:assert/strict'
import type { Channel } from 'amqplib'
import { type Bench, fetchTexts, readyCount, send, textOf, tx } from './bench.ts'
import { brokerUnderTest, eventually } from './support.ts'

const { scenario } = brokerUnderTest()

async function transactional(b: Bench): Promise<Channel> {
  const channel = await b.plainChannel()
  await tx.select(channel)
  await tx.select(channel)
  return channel
}

scenario('what is published shows after the commit, in all queues', async (b) => {
  const [channel, other] = [await transactional(b), await b.channel()]
  const queues = [await b.queue(other), await b.queue(other, {}, { durable: false })]
  for (const queue of queues) {
    channel.sendToQueue(queue, Buffer.from('a'), { persistent: true })
    channel.sendToQueue(queue, Buffer.from('b'))
  }
  await channel.checkExchange('amq.direct')
  for (const queue of queues) assert.equal(await readyCount(other, queue), 0)
  await tx.commit(channel)
  for (const queue of queues) assert.deepEqual(await fetchTexts(other, queue), ['a', 'b'])
})

scenario('a rollback forgets what was published', async (b) => {
  const channel = await transactional(b)
  const queue = await b.queue(channel)
  channel.sendToQueue(queue, Buffer.from('a'))
  await tx.rollback(channel)
  channel.sendToQueue(queue, Buffer.from('b'))
  await tx.commit(channel)
  await tx.commit(channel)
  assert.deepEqual(await fetchTexts(channel, queue), ['b'])
})

scenario('acknowledgements count at the commit', async (b) => {
  const [channel, other] = [await transactional(b), await b.channel()]
  const queue = await b.queue(other)
  await send(other, queue, ['a', 'b'])
  const [first, second] = [await channel.get(queue), await channel.get(queue)]
  assert.ok(first !== false && second !== false)
  channel.ack(first)
  await tx.commit(channel)
  channel.ack(second)
  await channel.close()
  assert.deepEqual(await fetchTexts(other, queue), ['b'])
})

scenario('a rejection counts at the commit too', async (b) => {
  const [channel, other] = [await transactional(b), await b.channel()]
  const queue = await b.queue(other)
  await send(other, queue, ['a'])
  const message = await channel.get(queue)
  assert.ok(message !== false)
  channel.nack(message)
  await channel.checkExchange('amq.direct')
  assert.equal(await readyCount(other, queue), 0)
  await tx.commit(channel)
  assert.equal(await readyCount(other, queue), 1)
})

scenario('a rollback takes acknowledgements back; the delivery stays with the client', async (b) => {
  const [channel, other] = [await transactional(b), await b.channel()]
  const queue = await b.queue(other)
  await send(other, queue, ['a'])
  const message = await channel.get(queue)
  assert.ok(message !== false)
  channel.ack(message)
  await tx.rollback(channel)
  assert.equal(await readyCount(other, queue), 0)
  channel.ack(message)
  await tx.commit(channel)
  await channel.close()
  assert.equal(await readyCount(other, queue), 0)
})

scenario('acknowledging twice in one transaction is an error at once', async (b) => {
  const channel = await transactional(b)
  const queue = await b.queue(channel)
  channel.sendToQueue(queue, Buffer.from('a'))
  await tx.commit(channel)
  const message = await channel.get(queue)
  assert.ok(message !== false)
  channel.ack(message)
  channel.ack(message)
  await b.closes(channel, 406, 'unknown delivery tag 1')
})

scenario('errors of publishing come at once', async (b) => {
  const channel = await transactional(b)
  channel.publish('no-such-exchange', '', Buffer.from('x'))
  await b.closes(channel, 404, `no ${b.exchangeText('no-such-exchange')}`)
})

scenario('a closed channel has committed nothing', async (b) => {
  const [channel, other] = [await transactional(b), await b.channel()]
  const queue = await b.queue(other)
  channel.sendToQueue(queue, Buffer.from('a'))
  await channel.close()
  assert.equal(await readyCount(other, queue), 0)
})

scenario('returns come with the commit, before its answer', async (b) => {
  const channel = await transactional(b)
  const returned: string[] = []
  channel.on('return', (message) => returned.push(textOf(message)))
  channel.publish('', b.queueName(), Buffer.from('back'), { mandatory: true })
  await channel.checkExchange('amq.direct')
  assert.deepEqual(returned, [])
  await tx.commit(channel)
  assert.deepEqual(returned, ['back'])
})

scenario('without a transaction there is nothing to commit or roll back', async (b) => {
  await b.refuses(406, 'channel is not transactional', (c) => tx.commit(c))
  await b.refuses(406, 'channel is not transactional', (c) => tx.rollback(c))
})

scenario('a queue that refuses its part fails the commit', async (b) => {
  const [channel, other] = [await transactional(b), await b.channel()]
  const full = await b.queue(other, { 'x-max-length': 1, 'x-overflow': 'reject-publish' })
  await send(other, full, ['first'])
  channel.sendToQueue(full, Buffer.from('second'))
  await Promise.allSettled([tx.commit(channel)])
  await b.closes(channel, 406, 'partial tx completion')
  assert.deepEqual(await fetchTexts(other, full), ['first'])
})

scenario('a commit is for all its queues or for none', { differs: 'atomicCommit' }, async (b) => {
  const [channel, other] = [await transactional(b), await b.channel()]
  const roomy = await b.queue(other)
  const tight = await b.queue(other, { 'x-max-length': 1, 'x-overflow': 'reject-publish' })
  await send(other, roomy, ['held'])
  const held = await channel.get(roomy)
  assert.ok(held !== false)
  channel.ack(held)
  channel.sendToQueue(roomy, Buffer.from('a'))
  channel.sendToQueue(tight, Buffer.from('b'))
  channel.sendToQueue(tight, Buffer.from('c'))
  await Promise.allSettled([tx.commit(channel)])
  await b.closes(channel, 406, 'partial tx completion')
  assert.deepEqual(await fetchTexts(other, tight), [])
  assert.deepEqual(await fetchTexts(other, roomy), ['held'])
})

scenario('what waiting consumers take at once needs no room', async (b) => {
  const [channel, other] = [await transactional(b), await b.channel()]
  const tight = await b.queue(other, { 'x-max-length': 1, 'x-overflow': 'reject-publish' })
  const taken: string[] = []
  await other.consume(tight, (message) => taken.push(textOf(message!)), { noAck: true })
  for (const text of ['a', 'b', 'c']) channel.sendToQueue(tight, Buffer.from(text))
  await tx.commit(channel)
  await eventually(() => taken.length === 3)
  assert.deepEqual(taken, ['a', 'b', 'c'])
})
