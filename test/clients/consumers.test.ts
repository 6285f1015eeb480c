import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { callRaw, collect, confirmed, fetchTexts, readyCount, send, sendRaw, untilReady } from './bench.ts'
import { brokerUnderTest, eventually, inProcess } from './support.ts'

const { scenario } = brokerUnderTest()

scenario('the broker names a consumer that has no tag', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  const collector = await collect(channel, queue)
  assert.match(collector.tag, /^amq\.ctag-[\w-]{22}$/)
  await send(channel, queue, ['a'])
  await collector.received(1)
  assert.equal(collector.messages[0]!.fields.consumerTag, collector.tag)
})

scenario('a delivery says where it comes from', async (b) => {
  const channel = await b.channel()
  const exchange = await b.exchange(channel, 'topic')
  const queue = await b.queue(channel)
  await channel.bindQueue(queue, exchange, '#')
  const collector = await collect(channel, queue, { consumerTag: 'mine' })
  for (const key of ['a.b', 'c']) await confirmed(channel, exchange, key, key)
  await collector.received(2)
  assert.deepEqual(
    collector.messages.map(({ fields }) => ({ ...fields })),
    [
      { consumerTag: 'mine', deliveryTag: 1, redelivered: false, exchange, routingKey: 'a.b' },
      { consumerTag: 'mine', deliveryTag: 2, redelivered: false, exchange, routingKey: 'c' },
    ],
  )
})

scenario('a consumer of a missing queue is refused', async (b) => {
  await b.refuses(404, `no ${b.queueText('no-such-queue')}`, (c) => collect(c, 'no-such-queue'))
})

scenario('a tag can be used once per channel; its reuse ends the connection', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  await collect(channel, queue, { consumerTag: 'a' })
  await collect(await b.channel(), queue, { consumerTag: 'a' })
  await b.refusesConnection(530, "attempt to reuse consumer tag 'a'", async (c) => {
    await collect(c, queue, { consumerTag: 'a' })
    await collect(c, queue, { consumerTag: 'a' })
  })
})

scenario('a cancelled consumer gets no more; what it holds can still be acknowledged', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  const collector = await collect(channel, queue)
  await send(channel, queue, ['a'])
  await collector.received(1)
  await channel.cancel(collector.tag)
  await send(channel, queue, ['b'])
  assert.equal(await readyCount(channel, queue), 1)
  channel.ack(collector.messages[0]!)
  await channel.close()
  const other = await b.channel()
  assert.deepEqual(await fetchTexts(other, queue), ['b'])
})

scenario('cancelling an unknown consumer is a success', async (b) => {
  const channel = await b.channel()
  assert.equal((await channel.cancel('never seen')).consumerTag, 'never seen')
})

scenario('an exclusive consumer shuts others out, and is refused where there are some', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  const refusal = `${b.queueText(queue)} in exclusive use`
  const only = await collect(channel, queue, { exclusive: true })
  await b.refuses(403, refusal, (c) => collect(c, queue))
  await b.refuses(403, refusal, (c) => collect(c, queue, { exclusive: true }))
  await channel.cancel(only.tag)
  await collect(channel, queue)
  await b.refuses(403, refusal, (c) => collect(c, queue, { exclusive: true }))
})

scenario('a quorum queue ignores that a consumer wants to be the only one', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel, { 'x-queue-type': 'quorum' })
  await collect(channel, queue, { exclusive: true })
  await collect(channel, queue)
  assert.equal((await channel.checkQueue(queue)).consumerCount, 2)
})

scenario('consumers are told when their queue is deleted', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  const [own, other] = [await collect(channel, queue), await collect(await b.channel(), queue)]
  const remote = await collect(await b.channel(await b.connect()), queue)
  await channel.deleteQueue(queue)
  for (const collector of [own, other, remote]) await collector.untilCancelled()
  await channel.checkExchange('amq.direct')
})

scenario('consumers of a quorum queue are told too', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel, { 'x-queue-type': 'quorum' })
  const collector = await collect(channel, queue)
  await channel.deleteQueue(queue)
  await collector.untilCancelled()
})

scenario('a deleted queue leaves the tags of its consumers free', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  const first = await collect(channel, queue, { consumerTag: 'again' })
  await channel.deleteQueue(queue)
  await first.untilCancelled()
  await channel.assertQueue(queue)
  const second = await collect(channel, queue, { consumerTag: 'again' })
  await send(channel, queue, ['a'])
  assert.deepEqual(await second.received(1), ['a'])
})

for (const type of ['classic', 'quorum']) {
  scenario(`${type}: equal consumers take turns`, async (b) => {
    const channel = await b.channel()
    const queue = await b.queue(channel, { 'x-queue-type': type })
    const collectors = [await collect(channel, queue), await collect(channel, queue), await collect(channel, queue)]
    for (let i = 0; i < 30; i++) await send(channel, queue, [`${i}`])
    const total = (): number => collectors.reduce((sum, { messages }) => sum + messages.length, 0)
    await eventually(() => total() === 30)
    assert.deepEqual(
      collectors.map(({ messages }) => messages.length),
      [10, 10, 10],
    )
  })

  scenario(`${type}: a higher priority is served first, a lower one when it is busy`, async (b) => {
    const channel = await b.channel()
    const queue = await b.queue(channel, { 'x-queue-type': type })
    await channel.prefetch(2)
    const low = await collect(channel, queue, { priority: -5 })
    const high = await collect(channel, queue, { priority: 10 })
    const middle = await collect(channel, queue)
    for (let i = 0; i < 6; i++) await send(channel, queue, [`${i}`])
    await low.received(2)
    assert.deepEqual(await high.received(2), ['0', '1'])
    assert.deepEqual(await middle.received(2), ['2', '3'])
    assert.deepEqual(low.texts, ['4', '5'])
    channel.ack(middle.messages[0]!)
    channel.ack(high.messages[0]!)
    await channel.checkQueue(queue)
    await send(channel, queue, ['6'])
    await eventually(() => high.messages.length === 3)
    assert.deepEqual(high.texts, ['0', '1', '6'])
  })
}

scenario('a priority has to be a number', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  await b.refuses(406, `invalid arg 'x-priority' for ${b.queueText(queue)}: "expected integer, got longstr"`, (c) =>
    collect(c, queue, { arguments: { 'x-priority': 'high' } }),
  )
})

scenario('arguments of streams are refused by other queues', { differs: 'consumerArguments' }, async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  await b.refuses(
    406,
    `invalid arg 'x-stream-offset' for ${b.queueText(queue)} of queue type rabbit_classic_queue`,
    (c) => collect(c, queue, { arguments: { 'x-stream-offset': 'first' } }),
  )
})

scenario('unknown arguments and no-local are ignored', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  const collector = await collect(channel, queue, { noLocal: true, arguments: { 'x-own': 1 } })
  await send(channel, queue, ['from here'])
  assert.deepEqual(await collector.received(1), ['from here'])
})

scenario('without acknowledgements a consumer gets everything at once', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  await channel.prefetch(1)
  const texts = Array.from({ length: 50 }, (_, i) => `${i}`)
  await send(channel, queue, texts)
  const collector = await collect(channel, queue, { noAck: true })
  assert.deepEqual(await collector.received(50), texts)
  assert.deepEqual(await channel.deleteQueue(queue), { messageCount: 0 })
})

scenario('a closed channel gives back what its consumers hold', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  await send(channel, queue, ['a', 'b', 'c'])
  const consumer = await b.channel()
  const collector = await collect(consumer, queue)
  await collector.received(3)
  consumer.ack(collector.messages[1]!)
  await consumer.close()
  assert.deepEqual(await fetchTexts(channel, queue), ['a', 'c'])
})

scenario('a lost connection gives back what its consumers hold', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  await send(channel, queue, ['a', 'b'])
  const connection = await b.connect()
  const collector = await collect(await b.channel(connection), queue)
  await collector.received(2)
  const { stream } = connection.connection as unknown as { stream: Socket }
  stream.destroy(new Error('lost'))
  await untilReady(channel, queue, 2)
})

scenario('a client may answer the cancellation by the broker', { differs: 'cancelOk' }, async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  const collector = await collect(channel, queue)
  await channel.deleteQueue(queue)
  await collector.untilCancelled()
  sendRaw(channel, 60, 31, { consumerTag: collector.tag })
  await channel.checkExchange('amq.direct')
})

scenario('channel.flow: on is answered, off is not implemented', async (b) => {
  const channel = await b.plainChannel()
  assert.equal((await callRaw(channel, 20, [20, 21], { active: true }))['active'], true)
  await b.refusesConnection(540, 'active=false', (c) => callRaw(c, 20, [20, 21], { active: false }))
})

inProcess('a channel has room for so many consumers', { flags: ['--consumer-max-per-channel', '2'] }, async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  await b.refusesConnection(530, 'reached maximum (2) of consumers per channel', async (c) => {
    for (let i = 0; i < 3; i++) await collect(c, queue)
  })
})
