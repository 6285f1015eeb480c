import assert from 'node:assert/strict'
import { confirmed, fetch, fetchTexts, readyCount, send } from './bench.ts'
import { inProcess } from './support.ts'

const DEDUPLICATED = { 'x-message-deduplication': true }
const PRECONDITION_FAILED = 406

const valued = (value: unknown): { headers: Record<string, unknown>; persistent: true } => ({
  headers: { 'x-deduplication-header': value },
  persistent: true,
})

inProcess('the exchange type of the plugin: duplicates are confirmed, and neither routed nor returned', async (b) => {
  const channel = await b.channel()
  const exchange = await b.exchange(channel, 'x-message-deduplication', { arguments: { 'x-cache-size': 10 } })
  const queue = await b.queue(channel)
  await channel.bindQueue(queue, exchange, '')
  const returned: string[] = []
  channel.on('return', (message: { content: Buffer }) => returned.push(message.content.toString()))
  for (const body of ['a', 'b']) {
    for (const value of ['one', 1, 1.5, true]) {
      const options = { ...valued(value), mandatory: true }
      assert.equal(await confirmed(channel, exchange, 'any key', `${body} ${value}`, options), true)
    }
  }
  assert.deepEqual(await fetchTexts(channel, queue), ['a one', 'a 1', 'a 1.5', 'a true'])
  assert.deepEqual(returned, [])
})

inProcess('an exchange of any type, and another header', async (b) => {
  const channel = await b.channel()
  const args = { ...DEDUPLICATED, 'x-deduplication-header': 'order', 'x-cache-ttl': 60_000 }
  const exchange = await b.exchange(channel, 'topic', { arguments: args })
  const queue = await b.queue(channel)
  await channel.bindQueue(queue, exchange, '#')
  for (const body of ['a', 'b']) {
    await confirmed(channel, exchange, 'eu.order', body, { headers: { order: 7 } })
    await confirmed(channel, exchange, 'eu.order', `${body} without`, {})
  }
  assert.deepEqual(await fetchTexts(channel, queue), ['a', 'a without', 'b without'])
})

for (const type of ['classic', 'quorum']) {
  inProcess(`${type}: a queue has each value once, until it is acknowledged`, async (b) => {
    const channel = await b.channel()
    const queue = await b.queue(channel, { ...DEDUPLICATED, 'x-queue-type': type })
    await send(channel, queue, ['a', 'b'], valued('one'))
    const first = await fetch(channel, queue, {})
    await send(channel, queue, ['c'], valued('one'))
    assert.equal(await readyCount(channel, queue), 0)
    channel.nack(first)
    await send(channel, queue, ['d'], valued('one'))
    channel.ack(await fetch(channel, queue, {}))
    await send(channel, queue, ['e'], valued('one'))
    assert.deepEqual(await fetchTexts(channel, queue), ['e'])
  })

  inProcess(`${type}: with a cache, also afterwards`, async (b) => {
    const channel = await b.channel()
    const queue = await b.queue(channel, { ...DEDUPLICATED, 'x-queue-type': type, 'x-cache-size': 2 })
    for (const value of ['one', 'two', 'one', 'three', 'one']) await send(channel, queue, [value], valued(value))
    assert.deepEqual(await fetchTexts(channel, queue), ['one', 'two', 'three', 'one'])
  })

  inProcess(`${type}: publishers number their messages`, async (b) => {
    const channel = await b.channel()
    const queue = await b.queue(channel, { 'x-publisher-deduplication': true, 'x-queue-type': type })
    for (const id of [1, 2, 2, 1, 3]) {
      const headers = { 'x-publisher-name': 'p', 'x-publishing-id': id }
      await send(channel, queue, [String(id)], { headers, persistent: true })
    }
    assert.deepEqual(await fetchTexts(channel, queue), ['1', '2', '3'])
  })
}

inProcess('arguments that are refused, and that are not the same', async (b) => {
  const queue = b.queueName()
  const bad = { ...DEDUPLICATED, 'x-cache-size': 0 }
  const why = `invalid arg 'x-cache-size' for ${b.queueText(queue)}: {value_zero,0}`
  await b.refuses(PRECONDITION_FAILED, why, (channel) => channel.assertQueue(queue, { arguments: bad }))
  const exchange = b.exchangeName()
  const missingSize = "Missing or invalid argument, 'x-cache-size' must be an integer greater than 0"
  await b.refuses(PRECONDITION_FAILED, missingSize, (channel) =>
    channel.assertExchange(exchange, 'x-message-deduplication'),
  )
  const channel = await b.channel()
  await channel.assertQueue(queue, { arguments: DEDUPLICATED })
  const not = `inequivalent arg 'x-message-deduplication' for ${b.queueText(queue)}: received none but current is the value 'true' of type 'bool'`
  await b.refuses(PRECONDITION_FAILED, not, (other) => other.assertQueue(queue))
})
