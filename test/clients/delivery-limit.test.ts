import assert from 'node:assert/strict'
import type { ConfirmChannel, GetMessage } from 'amqplib'
import { type Bench, collect, fetch, fetchTexts, readyCount, send, untilReady } from './bench.ts'
import { brokerUnderTest, eventually, inProcess } from './support.ts'
import { virtualClock } from '../../src/util/virtual-clock.ts'

const { scenario } = brokerUnderTest()

/** Absent and 0 are the same: RabbitMQ 3 tells it of the first delivery too, by get alone. */
const countOf = ({ properties }: Pick<GetMessage, 'properties'>): number =>
  Number(properties.headers?.['x-delivery-count'] ?? 0)

/** A queue of a type with a delivery limit, and one for what reaches it. */
async function limited(
  b: Bench,
  type: string,
  limit: number,
): Promise<{ channel: ConfirmChannel; queue: string; dead: string }> {
  const channel = await b.channel()
  const dead = await b.queue(channel)
  const queue = await b.queue(channel, {
    'x-queue-type': type,
    'x-delivery-limit': limit,
    'x-dead-letter-exchange': '',
    'x-dead-letter-routing-key': dead,
  })
  return { channel, queue, dead }
}

async function rejectUntilDead(b: Bench, type: string): Promise<void> {
  const { channel, queue, dead } = await limited(b, type, 2)
  await send(channel, queue, ['poison'])
  const counts: number[] = []
  for (let i = 0; i < 3; i++) {
    const message = await fetch(channel, queue, {})
    counts.push(countOf(message))
    channel.reject(message, true)
  }
  assert.deepEqual(counts, [0, 1, 2])
  const { properties } = await fetch(channel, dead)
  assert.equal(properties.headers?.['x-first-death-reason'], 'delivery_limit')
  assert.equal(countOf({ properties }), 0)
  assert.equal(await readyCount(channel, queue), 0)
}

scenario('quorum: a message that fails too often is dead-lettered', (b) => rejectUntilDead(b, 'quorum'))

scenario('classic: the same', { differs: 'classicDeliveryLimit' }, (b) => rejectUntilDead(b, 'classic'))

for (const type of ['classic', 'quorum']) {
  const options = type === 'classic' ? ({ differs: 'classicDeliveryLimit' } as const) : {}

  scenario(`${type}: a lost channel counts as a failure`, options, async (b) => {
    const { channel, queue, dead } = await limited(b, type, 1)
    await send(channel, queue, ['poison'])
    for (let i = 0; i < 2; i++) {
      const consumer = await b.channel()
      await (await collect(consumer, queue)).received(1)
      await consumer.close()
    }
    await untilReady(channel, dead, 1)
    assert.equal(await readyCount(channel, queue), 0)
  })
}

scenario('quorum: without a dead letter exchange it is dropped', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel, { 'x-queue-type': 'quorum', 'x-delivery-limit': 0 })
  await send(channel, queue, ['poison', 'next'])
  channel.reject(await fetch(channel, queue, {}), true)
  assert.deepEqual(await fetchTexts(channel, queue), ['next'])
})

scenario('quorum: giving a message back by nack is no failure', { differs: 'nackIsNoFailure' }, async (b) => {
  const { channel, queue } = await limited(b, 'quorum', 1)
  await send(channel, queue, ['x'])
  for (let i = 0; i < 5; i++) channel.nack(await fetch(channel, queue, {}))
  const message = await fetch(channel, queue)
  assert.equal(countOf(message), 0)
  assert.equal(message.properties.headers?.['x-acquired-count'], 5)
})

scenario('classic: every return counts, nack too', { differs: 'classicDeliveryLimit' }, async (b) => {
  const { channel, queue, dead } = await limited(b, 'classic', 2)
  await send(channel, queue, ['x'])
  for (let i = 0; i < 3; i++) channel.nack(await fetch(channel, queue, {}))
  await untilReady(channel, dead, 1)
})

scenario('quorum: 20 failures are the limit unless told otherwise', { differs: 'defaultDeliveryLimit' }, async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel, { 'x-queue-type': 'quorum' })
  await send(channel, queue, ['x'])
  for (let i = 0; i < 20; i++) channel.reject(await fetch(channel, queue, {}), true)
  const last = await fetch(channel, queue, {})
  assert.equal(countOf(last), 20)
  channel.reject(last, true)
  assert.equal(await readyCount(channel, queue), 0)
})

scenario('quorum: a negative limit is none', { differs: 'defaultDeliveryLimit' }, async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel, { 'x-queue-type': 'quorum', 'x-delivery-limit': -1 })
  await send(channel, queue, ['x'])
  for (let i = 0; i < 25; i++) channel.reject(await fetch(channel, queue, {}), true)
  assert.equal(countOf(await fetch(channel, queue)), 25)
})

scenario('the broker counts: a header of the publisher does not', async (b) => {
  const { channel, queue } = await limited(b, 'quorum', 1)
  await send(channel, queue, ['x'], { headers: { kept: 1 } })
  channel.reject(await fetch(channel, queue, {}), true)
  const { properties } = await fetch(channel, queue)
  assert.equal(properties.headers?.['x-delivery-count'], 1)
  assert.equal(properties.headers?.['kept'], 1)
})

const clock = virtualClock()

inProcess('delayed retry: a failed message waits longer each time', { clock }, async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel, {
    'x-queue-type': 'quorum',
    'x-delayed-retry-type': 'failed',
    'x-delayed-retry-min': 1000,
    'x-delayed-retry-max': 2500,
  })
  await send(channel, queue, ['x'])
  for (const delay of [1000, 2000, 2500]) {
    channel.reject(await fetch(channel, queue, {}), true)
    assert.equal(await readyCount(channel, queue), 0)
    await clock.advance(delay - 1)
    assert.equal(await readyCount(channel, queue), 0)
    await clock.advance(1)
    await eventually(async () => (await readyCount(channel, queue)) === 1)
  }
  channel.nack(await fetch(channel, queue, {}))
  assert.equal(await readyCount(channel, queue), 1)
})
