import assert from 'node:assert/strict'
import type { ConfirmChannel } from 'amqplib'
import { callRaw, collect, confirmed, fetchTexts, send, tx } from './bench.ts'
import { brokerUnderTest, eventually } from './support.ts'

const { scenario } = brokerUnderTest()

interface Confirm {
  readonly tag: number
  readonly multiple: boolean
  readonly ack: boolean
}

/** The confirms as they come from the broker. */
function confirmsOf(channel: ConfirmChannel): Confirm[] {
  const confirms: Confirm[] = []
  const keep =
    (ack: boolean) =>
    ({ deliveryTag, multiple }: { deliveryTag: number; multiple: boolean }): void => {
      confirms.push({ tag: deliveryTag, multiple, ack })
    }
  channel.on('ack', keep(true))
  channel.on('nack', keep(false))
  return confirms
}

scenario('every message is confirmed once, by number or by a range', async (b) => {
  const channel = await b.channel()
  const [durable, transient] = [await b.queue(channel), await b.queue(channel, {}, { durable: false })]
  const confirms = confirmsOf(channel)
  const count = 500
  for (let i = 0; i < count; i++) {
    const queue = [durable, transient, 'nowhere'][i % 3]!
    channel.sendToQueue(queue, Buffer.from(`${i}`), { persistent: i % 2 === 0 })
  }
  await channel.waitForConfirms()
  const open = new Set(Array.from({ length: count }, (_, i) => i + 1))
  for (const { tag, multiple, ack } of confirms) {
    assert.ok(ack)
    assert.ok(open.delete(tag), `${tag} is confirmed again`)
    if (multiple) for (const other of open) if (other < tag) open.delete(other)
  }
  assert.equal(open.size, 0)
})

scenario('numbers start at 1 with the selection, which may be repeated', async (b) => {
  const channel = (await b.plainChannel()) as ConfirmChannel
  const confirms = confirmsOf(channel)
  channel.sendToQueue('nowhere', Buffer.from('before'))
  await callRaw(channel, 85, [10, 11])
  await callRaw(channel, 85, [10, 11])
  channel.sendToQueue('nowhere', Buffer.from('first'))
  await eventually(() => confirms.length > 0)
  assert.deepEqual(confirms, [{ tag: 1, multiple: false, ack: true }])
})

scenario('confirms and transactions exclude each other', async (b) => {
  await b.refuses(406, 'cannot switch from confirm to tx mode', (c) => tx.select(c))
  const channel = await b.plainChannel()
  await tx.select(channel)
  await Promise.allSettled([callRaw(channel, 85, [10, 11])])
  await b.closes(channel, 406, 'cannot switch from tx to confirm mode')
})

for (const overflow of ['reject-publish', 'reject-publish-dlx']) {
  scenario(`${overflow}: a full classic queue answers with a nack`, async (b) => {
    const channel = await b.channel()
    const queue = await b.queue(channel, { 'x-max-length': 2, 'x-overflow': overflow })
    const answers: boolean[] = []
    for (const text of ['a', 'b', 'c', 'd']) answers.push(await confirmed(channel, '', queue, text))
    assert.deepEqual(answers, [true, true, false, false])
    await channel.get(queue, { noAck: true })
    assert.ok(await confirmed(channel, '', queue, 'e'))
    assert.deepEqual(await fetchTexts(channel, queue), ['b', 'e'])
  })
}

scenario('a full quorum queue answers with a nack', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel, {
    'x-queue-type': 'quorum',
    'x-max-length': 1,
    'x-overflow': 'reject-publish',
  })
  // RabbitMQ's may take a few more before it knows that it is full
  await eventually(async () => !(await confirmed(channel, '', queue, 'x')))
  await channel.purgeQueue(queue)
  await eventually(() => confirmed(channel, '', queue, 'y'))
})

scenario('one queue that refuses is a nack, though others took the message', async (b) => {
  const channel = await b.channel()
  const exchange = await b.exchange(channel, 'fanout')
  const [roomy, full] = [
    await b.queue(channel),
    await b.queue(channel, { 'x-max-length': 0, 'x-overflow': 'reject-publish' }),
  ]
  for (const queue of [roomy, full]) await channel.bindQueue(queue, exchange, '')
  assert.equal(await confirmed(channel, exchange, '', 'x'), false)
  assert.deepEqual(await fetchTexts(channel, roomy), ['x'])
})

scenario('a nack repeats nothing: without confirms the message is lost in silence', async (b) => {
  const channel = await b.plainChannel()
  const queue = await b.queue(channel, { 'x-max-length': 1, 'x-overflow': 'reject-publish' })
  for (const text of ['a', 'b']) channel.sendToQueue(queue, Buffer.from(text))
  await channel.checkQueue(queue)
  await eventually(async () => (await channel.checkQueue(queue)).messageCount === 1)
  assert.deepEqual(await fetchTexts(channel, queue), ['a'])
})

scenario('messages that a consumer takes at once are confirmed too', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  const collector = await collect(channel, queue, { noAck: true })
  await send(channel, queue, ['a', 'b', 'c'], { persistent: true })
  assert.deepEqual(await collector.received(3), ['a', 'b', 'c'])
})

scenario('publishing to a queue while it is deleted is still confirmed', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  const other = await b.plainChannel()
  const confirms: Promise<boolean>[] = []
  for (let i = 0; i < 200; i++) {
    confirms.push(confirmed(channel, '', queue, `${i}`, { persistent: true }))
    if (i === 100) void other.deleteQueue(queue)
  }
  assert.deepEqual(new Set(await Promise.all(confirms)), new Set([true]))
})

scenario('a publisher on a channel that the broker closes gets no more confirms', async (b) => {
  const channel = await b.channel()
  channel.publish('no-such-exchange', '', Buffer.from('x'))
  assert.equal(await confirmed(channel, '', 'nowhere', 'too late'), false)
  await b.closes(channel, 404, `no ${b.exchangeText('no-such-exchange')}`)
})
