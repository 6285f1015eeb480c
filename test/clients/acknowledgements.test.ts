import assert from 'node:assert/strict'
import type { GetMessage } from 'amqplib'
import { type Bench, collect, fetchAll, fetchTexts, readyCount, send, sendRaw, textOf, untilReady } from './bench.ts'
import { brokerUnderTest } from './support.ts'

const { scenario } = brokerUnderTest()

/** A queue whose messages are all fetched and unacknowledged. */
async function fetched(
  b: Bench,
  texts: readonly string[],
  type = 'classic',
): Promise<{ channel: Awaited<ReturnType<Bench['channel']>>; queue: string; messages: GetMessage[] }> {
  const channel = await b.channel()
  const queue = await b.queue(channel, { 'x-queue-type': type })
  await send(channel, queue, texts)
  return { channel, queue, messages: await fetchAll(channel, queue, {}) }
}

scenario('get counts what is left, and answers when there is nothing', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  assert.equal(await channel.get(queue), false)
  await send(channel, queue, ['a', 'b'])
  const message = await channel.get(queue)
  assert.ok(message !== false)
  assert.deepEqual(
    { ...message.fields },
    { deliveryTag: 1, redelivered: false, exchange: '', routingKey: queue, messageCount: 1 },
  )
  await b.refuses(404, `no ${b.queueText('no-such-queue')}`, (c) => c.get('no-such-queue'))
})

scenario('get and deliver share the numbers of a channel, acknowledged or not', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  await send(channel, queue, ['a', 'b', 'c'])
  await channel.get(queue, { noAck: true })
  await channel.get(queue)
  const collector = await collect(channel, queue)
  await collector.received(1)
  assert.equal(collector.messages[0]!.fields.deliveryTag, 3)
})

scenario('an acknowledged message is gone', async (b) => {
  const { channel, queue, messages } = await fetched(b, ['a', 'b'])
  channel.ack(messages[0]!)
  await channel.close()
  assert.deepEqual(await fetchTexts(await b.channel(), queue), ['b'])
})

scenario('multiple acknowledges all up to the number; 0 stands for all', async (b) => {
  const { channel, queue, messages } = await fetched(b, ['a', 'b', 'c', 'd', 'e'])
  channel.ack(messages[2]!, true)
  channel.nack(messages[3]!, false, true)
  await channel.checkQueue(queue)
  assert.deepEqual(await fetchTexts(channel, queue), ['d'])
  channel.ackAll()
  channel.ackAll()
  await channel.close()
  assert.equal(await readyCount(await b.channel(), queue), 0)
})

scenario('unknown numbers close the channel', async (b) => {
  const unknown = (tag: number): string => `unknown delivery tag ${tag}`
  const ack = (deliveryTag: number, multiple = false) => ({ deliveryTag, multiple })
  await b.refuses(406, unknown(7), (c) => sendRaw(c, 60, 80, ack(7)))
  await b.refuses(406, unknown(7), (c) => sendRaw(c, 60, 80, ack(7, true)))
  await b.refuses(406, unknown(0), (c) => sendRaw(c, 60, 80, ack(0)))
  await b.refuses(406, unknown(7), (c) => sendRaw(c, 60, 120, { ...ack(7), requeue: true }))
  await b.refuses(406, unknown(7), (c) => sendRaw(c, 60, 90, { deliveryTag: 7, requeue: false }))
})

scenario('a message can be settled once', async (b) => {
  const { channel, messages } = await fetched(b, ['a'])
  channel.ack(messages[0]!)
  channel.ack(messages[0]!)
  await b.closes(channel, 406, 'unknown delivery tag 1')
})

scenario('multiple with a number that is settled settles nothing', async (b) => {
  const { channel, queue, messages } = await fetched(b, ['a', 'b', 'c'])
  channel.ack(messages[1]!)
  channel.ack(messages[1]!, true)
  await b.closes(channel, 406, 'unknown delivery tag 2')
  const other = await b.channel()
  await untilReady(other, queue, 2)
  assert.deepEqual(await fetchTexts(other, queue), ['a', 'c'])
})

scenario('what is delivered without acknowledgement cannot be acknowledged', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  await send(channel, queue, ['a'])
  const message = await channel.get(queue, { noAck: true })
  assert.ok(message !== false)
  channel.ack(message)
  await b.closes(channel, 406, 'unknown delivery tag 1')
})

scenario('rejected messages go away, or back as redelivered', async (b) => {
  const { channel, queue, messages } = await fetched(b, ['a', 'b', 'c', 'd'])
  channel.reject(messages[0]!, true)
  channel.reject(messages[1]!, false)
  channel.nack(messages[2]!, false, true)
  channel.nack(messages[3]!, false, false)
  await channel.checkQueue(queue)
  const back = await fetchAll(channel, queue)
  assert.deepEqual(back.map(textOf), ['a', 'c'])
  assert.ok(back.every(({ fields }) => fields.redelivered))
})

scenario('nack with multiple takes all up to the number; 0 stands for all', async (b) => {
  const { channel, queue, messages } = await fetched(b, ['a', 'b', 'c', 'd'])
  channel.nack(messages[1]!, true, false)
  channel.nackAll(true)
  await channel.checkQueue(queue)
  assert.deepEqual(await fetchTexts(channel, queue), ['c', 'd'])
})

scenario('classic: requeued messages go back to their place', async (b) => {
  const { channel, queue, messages } = await fetched(b, ['a', 'b', 'c'])
  await send(channel, queue, ['d'])
  for (const index of [2, 0, 1]) channel.nack(messages[index]!)
  await channel.checkQueue(queue)
  assert.deepEqual(await fetchTexts(channel, queue), ['a', 'b', 'c', 'd'])
})

scenario(
  'quorum: requeued messages come first, in the order in which they came back',
  { differs: 'requeueOrder' },
  async (b) => {
    const { channel, queue, messages } = await fetched(b, ['a', 'b', 'c'], 'quorum')
    await send(channel, queue, ['d'])
    for (const index of [2, 0, 1]) channel.nack(messages[index]!)
    assert.deepEqual(await fetchTexts(channel, queue), ['c', 'a', 'b', 'd'])
  },
)

for (const type of ['classic', 'quorum']) {
  scenario(`${type}: a closed channel puts back what it held, in order, before what is new`, async (b) => {
    const { channel, queue } = await fetched(b, ['a', 'b', 'c'], type)
    await send(channel, queue, ['d', 'e'])
    await channel.close()
    const other = await b.channel()
    await untilReady(other, queue, 5)
    const back = await fetchAll(other, queue)
    assert.deepEqual(back.map(textOf), ['a', 'b', 'c', 'd', 'e'])
    assert.deepEqual(
      back.map(({ fields }) => fields.redelivered),
      [true, true, true, false, false],
    )
  })

  scenario(`${type}: recover puts everything back, what was fetched too`, async (b) => {
    const { channel, queue } = await fetched(b, ['a', 'b'], type)
    await channel.recover()
    await untilReady(channel, queue, 2)
    const back = await fetchAll(channel, queue)
    assert.deepEqual(back.map(textOf), ['a', 'b'])
    assert.ok(back.every(({ fields }) => fields.redelivered))
  })
}

scenario('recover gives a consumer its messages again, under new numbers', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  const collector = await collect(channel, queue)
  await send(channel, queue, ['a', 'b'])
  await collector.received(2)
  channel.ack(collector.messages[0]!)
  await channel.recover()
  assert.deepEqual(await collector.received(3), ['a', 'b', 'b'])
  const { deliveryTag, redelivered } = collector.messages[2]!.fields
  assert.deepEqual({ deliveryTag, redelivered }, { deliveryTag: 3, redelivered: true })
})

scenario('recover without requeue is not implemented', async (b) => {
  await b.refusesConnection(540, 'requeue=false', (c) => sendRaw(c, 60, 110, { requeue: false }))
  await b.refusesConnection(540, 'requeue=false', (c) => sendRaw(c, 60, 100, { requeue: false }))
})

scenario('thousands of deliveries settle in any order', async (b) => {
  const texts = Array.from({ length: 3000 }, (_, i) => `${i}`)
  const channel = await b.channel()
  const queue = await b.queue(channel)
  await send(channel, queue, texts)
  const collector = await collect(channel, queue)
  await collector.received(3000)
  const even = collector.messages.filter((_, i) => i % 2 === 0).reverse()
  for (const message of even) channel.ack(message)
  channel.nackAll(true)
  await channel.close()
  const other = await b.channel()
  assert.deepEqual(
    await fetchTexts(other, queue),
    texts.filter((_, i) => i % 2 === 1),
  )
})
