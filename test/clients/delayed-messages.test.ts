import assert from 'node:assert/strict'
import type { ConfirmChannel } from 'amqplib'
import { type Bench, collect, fetch, fetchTexts } from './bench.ts'
import { brokerUnderTest } from './support.ts'

const { scenario } = brokerUnderTest()

async function delayed(
  b: Bench,
  type = 'direct',
): Promise<{ channel: ConfirmChannel; exchange: string; queue: string }> {
  const channel = await b.channel()
  const exchange = await b.exchange(channel, 'x-delayed-message', { arguments: { 'x-delayed-type': type } })
  const queue = await b.queue(channel)
  await channel.bindQueue(queue, exchange, 'k')
  return { channel, exchange, queue }
}

scenario('x-delayed-message: delivers by due time, the delay negative', { differs: 'delayedMessages' }, async (b) => {
  const { channel, exchange, queue } = await delayed(b)
  const send = (text: string, headers: object): boolean =>
    channel.publish(exchange, 'k', Buffer.from(text), { persistent: true, headers })
  const collector = await collect(channel, queue)
  const began = Date.now()
  send('last', { 'x-deliver-at': began + 300 })
  send('second', { 'x-delay': 200 })
  send('first', { 'x-delay': '100' })
  send('at once', {})
  await channel.waitForConfirms()
  assert.deepEqual(await collector.received(4), ['at once', 'first', 'second', 'last'])
  assert.ok(Date.now() - began >= 300)
  assert.deepEqual(
    collector.messages.map(({ properties }) => properties.headers?.['x-delay'] as unknown),
    [undefined, -100, -200, undefined],
  )
})

scenario('x-delayed-message: its type is checked', { differs: 'delayedMessages' }, async (b) => {
  const name = b.exchangeName()
  const text = "Invalid argument, 'x-delayed-type' must be an existing exchange type"
  for (const args of [{}, { 'x-delayed-type': 'nothing' }]) {
    await b.refuses(406, text, (channel) => channel.assertExchange(name, 'x-delayed-message', { arguments: args }))
  }
})

scenario('a queue that delays', { differs: 'delayedMessages' }, async (b) => {
  const channel = await b.channel()
  for (const type of ['classic', 'quorum']) {
    const queue = await b.queue(channel, { 'x-queue-type': type, 'x-delayed-message': true })
    channel.sendToQueue(queue, Buffer.from('late'), { headers: { 'x-delay': 50 } })
    channel.sendToQueue(queue, Buffer.from('now'))
    await channel.waitForConfirms()
    assert.deepEqual(await fetchTexts(channel, queue), ['now'])
    assert.equal((await fetch(channel, queue)).content.toString(), 'late')
  }
})
