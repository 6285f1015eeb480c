import assert from 'node:assert/strict'
import type { ConsumeMessage } from 'amqplib'
import { callRaw, collect, fetchTexts, readyCount, send, untilReady } from './bench.ts'
import { brokerUnderTest, eventually } from './support.ts'

const { scenario } = brokerUnderTest()

for (const type of ['classic', 'quorum']) {
  scenario(`${type}: each consumer holds so many, and gets the next for each it settles`, async (b) => {
    const channel = await b.channel()
    const queue = await b.queue(channel, { 'x-queue-type': type })
    await send(channel, queue, ['a', 'b', 'c', 'd', 'e', 'f'])
    await channel.prefetch(2)
    const one = await collect(channel, queue)
    await untilReady(channel, queue, 4)
    const other = await collect(channel, queue)
    await untilReady(channel, queue, 2)
    assert.deepEqual(await one.received(2), ['a', 'b'])
    assert.deepEqual(await other.received(2), ['c', 'd'])
    channel.ack(one.messages[0]!)
    await eventually(() => one.messages.length === 3)
    channel.nack(other.messages[0]!, false, false)
    await eventually(() => other.messages.length === 3)
    assert.equal(one.texts[2], 'e')
    assert.equal(other.texts[2], 'f')
  })
}

scenario('a new limit holds for the consumers that come after it', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  await channel.prefetch(1)
  const narrow = await collect(channel, queue)
  await channel.prefetch(3)
  const wide = await collect(channel, queue)
  for (let i = 0; i < 6; i++) await send(channel, queue, [`${i}`])
  await untilReady(channel, queue, 2)
  await narrow.received(1)
  await wide.received(3)
})

scenario('zero means no limit', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  await channel.prefetch(1)
  await channel.prefetch(0)
  await send(channel, queue, ['a', 'b', 'c'])
  await (await collect(channel, queue)).received(3)
})

scenario('the limit of a channel is for all of its consumers together', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  const one = await collect(channel, queue)
  await channel.prefetch(3, true)
  const other = await collect(channel, queue)
  for (let i = 0; i < 6; i++) await send(channel, queue, [`${i}`])
  await untilReady(channel, queue, 3)
  assert.equal(one.messages.length + other.messages.length, 3)
  channel.ack(one.messages[0] ?? other.messages[0]!)
  await eventually(() => one.messages.length + other.messages.length === 4)
  assert.equal(await readyCount(channel, queue), 2)
  await channel.prefetch(0, true)
  await eventually(() => one.messages.length + other.messages.length === 6)
})

for (const place of ['queues', 'one queue']) {
  scenario(`the limit of a channel is shared in turn by its consumers of ${place}`, async (b) => {
    const channel = await b.channel()
    const first = await b.queue(channel)
    const second = place === 'queues' ? await b.queue(channel) : first
    for (const queue of new Set([first, second])) await send(channel, queue, Array<string>(20).fill('x'))
    await channel.prefetch(1, true)
    const served: string[] = []
    const held: ConsumeMessage[] = []
    for (const [name, queue] of Object.entries({ first, second })) {
      await collect(channel, queue, {}, (message) => {
        served.push(name)
        held.push(message)
      })
    }
    for (let i = 0; i < 10; i++) {
      await eventually(() => held.length === 1)
      channel.ack(held.pop()!)
    }
    assert.deepEqual(new Set(served), new Set(['first', 'second']))
  })
}

scenario('both limits hold at once', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  await channel.prefetch(2)
  await channel.prefetch(3, true)
  const [one, other] = [await collect(channel, queue), await collect(channel, queue)]
  for (let i = 0; i < 6; i++) await send(channel, queue, [`${i}`])
  await untilReady(channel, queue, 3)
  assert.deepEqual(
    [one.messages.length, other.messages.length].toSorted((x, y) => x - y),
    [1, 2],
  )
})

scenario('a limit per consumer lifts the limit of the channel', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  await channel.prefetch(3, true)
  const [one, other] = [await collect(channel, queue), await collect(channel, queue)]
  for (let i = 0; i < 6; i++) await send(channel, queue, [`${i}`])
  await untilReady(channel, queue, 3)
  await channel.prefetch(2)
  await collect(channel, queue)
  await untilReady(channel, queue, 0)
  assert.ok(one.messages.length + other.messages.length >= 4)
})

scenario('a quorum queue has no limit per channel', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel, { 'x-queue-type': 'quorum' })
  await b.refusesConnection(540, `${b.queueText(queue)} does not support global qos`, async (c) => {
    await c.prefetch(1, true)
    await collect(c, queue)
  })
})

scenario('get does not count against the limit of a consumer', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  await send(channel, queue, ['a', 'b', 'c'])
  await channel.prefetch(1)
  await channel.get(queue)
  const collector = await collect(channel, queue)
  assert.deepEqual(await collector.received(1), ['b'])
  assert.deepEqual(await fetchTexts(channel, queue), ['c'])
})

scenario('what is held by a cancelled consumer leaves the limit of another alone', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  await channel.prefetch(1)
  const first = await collect(channel, queue)
  await send(channel, queue, ['a', 'b'])
  await first.received(1)
  await channel.cancel(first.tag)
  const second = await collect(channel, queue)
  assert.deepEqual(await second.received(1), ['b'])
})

scenario('a limit in bytes is not implemented', async (b) => {
  await b.refusesConnection(540, 'prefetch_size!=0 (4096)', (c) =>
    callRaw(c, 60, [10, 11], { prefetchSize: 4096, prefetchCount: 1, global: false }),
  )
})
