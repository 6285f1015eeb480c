import assert from 'node:assert/strict'
import { collect, fetch, fetchTexts, send } from './bench.ts'
import { brokerUnderTest } from './support.ts'

const { scenario } = brokerUnderTest()

scenario('classic: higher priorities first, within one in order', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel, { 'x-max-priority': 5 })
  await send(channel, queue, ['none'])
  for (const priority of [1, 9, 3, 5, 1, 0]) await send(channel, queue, [`${priority}`], { priority })
  assert.deepEqual(await fetchTexts(channel, queue), ['9', '5', '3', '1', '1', 'none', '0'])
})

scenario('classic: the priority is delivered as it was given', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel, { 'x-max-priority': 5 })
  await send(channel, queue, ['x'], { priority: 200 })
  assert.equal((await fetch(channel, queue)).properties.priority, 200)
})

scenario('classic: without x-max-priority there are no priorities', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  for (const priority of [1, 9, 5]) await send(channel, queue, [`${priority}`], { priority })
  assert.deepEqual(await fetchTexts(channel, queue), ['1', '9', '5'])
})

scenario('classic: what comes back stays within its priority', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel, { 'x-max-priority': 5 })
  await send(channel, queue, ['low 1', 'low 2'], { priority: 1 })
  await send(channel, queue, ['high'], { priority: 2 })
  const [high, low] = [await fetch(channel, queue, {}), await fetch(channel, queue, {})]
  channel.nack(low)
  await send(channel, queue, ['middle'], { priority: 2 })
  channel.nack(high)
  await channel.checkQueue(queue)
  assert.deepEqual(await fetchTexts(channel, queue), ['high', 'middle', 'low 1', 'low 2'])
})

scenario('classic: a busy consumer gets the highest next', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel, { 'x-max-priority': 3 })
  await channel.prefetch(1)
  const collector = await collect(channel, queue)
  await send(channel, queue, ['first'])
  await collector.received(1)
  for (const priority of [1, 3, 2]) await send(channel, queue, [`${priority}`], { priority })
  for (let i = 1; i < 4; i++) {
    channel.ack(collector.messages[i - 1]!)
    await collector.received(i + 1)
  }
  assert.deepEqual(collector.texts, ['first', '3', '2', '1'])
})

scenario('quorum: 32 priorities, absent counts as 4', { differs: 'quorumPriorities' }, async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel, { 'x-queue-type': 'quorum' })
  await send(channel, queue, ['none'])
  for (const priority of [0, 3, 5, 31, 200, 4]) await send(channel, queue, [`${priority}`], { priority })
  assert.deepEqual(await fetchTexts(channel, queue), ['31', '200', '5', 'none', '4', '3', '0'])
})
