import assert from 'node:assert/strict'
import type { ConfirmChannel, GetMessage } from 'amqplib'
import { type Bench, collect, confirmed, fetch, fetchTexts, readyCount, send, textOf, untilReady } from './bench.ts'
import { brokerUnderTest, differs } from './support.ts'

const { scenario } = brokerUnderTest()

interface Death {
  readonly count: number
  readonly reason: string
  readonly queue: string
  readonly time: { readonly value: number }
  readonly exchange: string
  readonly 'routing-keys': readonly string[]
  readonly 'original-expiration'?: string
}

const deathsOf = ({ properties }: Pick<GetMessage, 'properties'>): Death[] => properties.headers?.['x-death'] ?? []

/** A queue whose dead letters go, by the default exchange, to a queue. */
async function mortal(
  b: Bench,
  channel: ConfirmChannel,
  to: string,
  args: Record<string, unknown> = {},
): Promise<string> {
  return b.queue(channel, { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': to, ...args })
}

for (const type of ['classic', 'quorum']) {
  scenario(`${type}: a rejected message goes to the dead letter exchange and tells where it died`, async (b) => {
    const channel = await b.channel()
    const dlx = await b.exchange(channel, 'fanout')
    const dead = await b.queue(channel)
    await channel.bindQueue(dead, dlx, '')
    const queue = await b.queue(channel, { 'x-queue-type': type, 'x-dead-letter-exchange': dlx })
    const exchange = await b.exchange(channel, 'topic')
    await channel.bindQueue(queue, exchange, '#')
    const before = Math.floor(Date.now() / 1000) - 1
    await confirmed(channel, exchange, 'a.b', 'x', { messageId: 'm', headers: { own: 'kept' }, persistent: true })
    channel.nack(await fetch(channel, queue, {}), false, false)
    const message = await fetch(channel, dead)
    assert.equal(message.fields.exchange, dlx)
    assert.equal(message.fields.routingKey, 'a.b')
    assert.equal(message.fields.redelivered, false)
    assert.equal(message.properties.messageId, 'm')
    assert.equal(message.properties.deliveryMode, 2)
    const [death, ...others] = deathsOf(message)
    assert.deepEqual(others, [])
    const { time, ...facts } = death!
    assert.deepEqual(facts, { count: 1, reason: 'rejected', queue, exchange, 'routing-keys': ['a.b'] })
    assert.ok(time.value >= before && time.value <= Date.now() / 1000 + 1)
    const { headers } = message.properties
    assert.equal(headers?.['own'], 'kept')
    assert.equal(headers?.['x-first-death-queue'], queue)
    assert.equal(headers?.['x-first-death-reason'], 'rejected')
    assert.equal(headers?.['x-first-death-exchange'], exchange)
    if (differs('lastDeath')) return
    assert.equal(headers?.['x-last-death-queue'], queue)
    assert.equal(headers?.['x-last-death-reason'], 'rejected')
    assert.equal(headers?.['x-last-death-exchange'], exchange)
  })

  scenario(`${type}: an expired message loses its expiration and keeps a note of it`, async (b) => {
    const channel = await b.channel()
    const dead = await b.queue(channel)
    const queue = await mortal(b, channel, dead, { 'x-queue-type': type })
    await send(channel, queue, ['x'], { expiration: '30' })
    const message = await fetch(channel, dead)
    assert.equal(message.properties.expiration, undefined)
    const [death] = deathsOf(message)
    assert.equal(death?.reason, 'expired')
    assert.equal(death?.['original-expiration'], '30')
  })
}

scenario('without a dead letter exchange, or with one that is missing, messages are dropped', async (b) => {
  const channel = await b.channel()
  const [plain, lost] = [
    await b.queue(channel),
    await b.queue(channel, { 'x-dead-letter-exchange': 'no-such-exchange' }),
  ]
  for (const queue of [plain, lost]) {
    await send(channel, queue, ['x', 'y'])
    channel.nack(await fetch(channel, queue, {}), false, false)
    assert.deepEqual(await fetchTexts(channel, queue), ['y'])
  }
})

scenario('purged and deleted messages are not dead-lettered', async (b) => {
  const channel = await b.channel()
  const dead = await b.queue(channel)
  const queue = await mortal(b, channel, dead)
  await send(channel, queue, ['a'])
  await channel.purgeQueue(queue)
  await send(channel, queue, ['b'])
  await channel.deleteQueue(queue)
  const witness = await mortal(b, channel, dead)
  await send(channel, witness, ['witness'])
  channel.reject(await fetch(channel, witness, {}), false)
  await untilReady(channel, dead, 1)
  assert.deepEqual(await fetchTexts(channel, dead), ['witness'])
})

scenario('a dead letter routing key replaces all of the keys', async (b) => {
  const channel = await b.channel()
  const [dead, copy] = [await b.queue(channel), await b.queue(channel)]
  const queue = await mortal(b, channel, dead)
  await confirmed(channel, '', queue, 'x', { CC: [copy] })
  await fetch(channel, copy)
  channel.reject(await fetch(channel, queue, {}), false)
  const message = await fetch(channel, dead)
  assert.equal(message.fields.routingKey, dead)
  assert.equal(message.properties.headers?.['CC'], undefined)
  assert.deepEqual(deathsOf(message)[0]?.['routing-keys'], [queue, copy])
  assert.equal(await readyCount(channel, copy), 0)
})

scenario('without one, the message keeps its keys, those of CC and BCC too', async (b) => {
  const channel = await b.channel()
  const dlx = await b.exchange(channel, 'direct')
  const [queue, byKey, byCopy, byBlindCopy] = [
    await b.queue(channel, { 'x-dead-letter-exchange': dlx }),
    await b.queue(channel),
    await b.queue(channel),
    await b.queue(channel),
  ]
  await channel.bindQueue(byKey, dlx, queue)
  await channel.bindQueue(byCopy, dlx, 'copy')
  await channel.bindQueue(byBlindCopy, dlx, 'blind')
  await confirmed(channel, '', queue, 'x', { CC: ['copy'], BCC: ['blind'] })
  channel.reject(await fetch(channel, queue, {}), false)
  for (const target of [byKey, byCopy, byBlindCopy]) {
    const message = await fetch(channel, target)
    assert.deepEqual(deathsOf(message)[0]?.['routing-keys'], [queue, 'copy'])
  }
})

scenario('deaths pile up along a chain, the latest first', async (b) => {
  const channel = await b.channel()
  const end = await b.queue(channel)
  const second = await mortal(b, channel, end, { 'x-message-ttl': 30 })
  const first = await mortal(b, channel, second)
  await send(channel, first, ['x'])
  channel.reject(await fetch(channel, first, {}), false)
  const message = await fetch(channel, end)
  assert.deepEqual(
    deathsOf(message).map(({ queue, reason, count }) => ({ queue, reason, count })),
    [
      { queue: second, reason: 'expired', count: 1 },
      { queue: first, reason: 'rejected', count: 1 },
    ],
  )
  assert.equal(message.properties.headers?.['x-first-death-queue'], first)
})

scenario('a retry by rejection and delay goes round and is counted', async (b) => {
  const channel = await b.channel()
  const work = b.queueName()
  const wait = await mortal(b, channel, work, { 'x-message-ttl': 20 })
  await channel.assertQueue(work, { deadLetterExchange: '', deadLetterRoutingKey: wait })
  await send(channel, work, ['x'])
  for (let round = 0; round < 4; round++) {
    const message = await fetch(channel, work, {})
    const rejected = deathsOf(message).find(({ reason }) => reason === 'rejected')
    assert.equal(rejected?.count ?? 0, round)
    channel.reject(message, false)
  }
  const message = await fetch(channel, work, {})
  assert.deepEqual(
    deathsOf(message).map(({ queue, reason, count }) => ({ queue, reason, count })),
    [
      { queue: wait, reason: 'expired', count: 4 },
      { queue: work, reason: 'rejected', count: 4 },
    ],
  )
})

scenario('a circle that nobody breaks by rejecting ends', async (b) => {
  const channel = await b.channel()
  const [fromOne, fromOther] = [await b.exchange(channel, 'fanout'), await b.exchange(channel, 'fanout')]
  const one = await b.queue(channel, { 'x-message-ttl': 20, 'x-dead-letter-exchange': fromOne })
  const other = await b.queue(channel, { 'x-message-ttl': 20, 'x-dead-letter-exchange': fromOther })
  const [leftOne, leftOther] = [await b.queue(channel), await b.queue(channel)]
  for (const queue of [other, leftOne]) await channel.bindQueue(queue, fromOne, '')
  for (const queue of [one, leftOther]) await channel.bindQueue(queue, fromOther, '')
  await send(channel, one, ['x'])
  await untilReady(channel, leftOther, 1)
  // by the time that it has gone the same way, x would have come round again
  await send(channel, one, ['witness'])
  await untilReady(channel, leftOther, 2)
  assert.deepEqual(await fetchTexts(channel, leftOne), ['x', 'witness'])
  assert.deepEqual(await fetchTexts(channel, leftOther), ['x', 'witness'])
})

scenario('a queue may be its own dead letter queue: rejected messages come again', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel, { 'x-dead-letter-exchange': '' })
  await send(channel, queue, ['x'])
  for (let round = 0; round < 3; round++) {
    const message = await fetch(channel, queue, {})
    assert.equal(deathsOf(message)[0]?.count ?? 0, round)
    assert.equal(message.fields.redelivered, false)
    channel.reject(message, false)
  }
  assert.equal(textOf(await fetch(channel, queue)), 'x')
})

scenario('the dead keep their order', async (b) => {
  const channel = await b.channel()
  const dead = await b.queue(channel)
  const queue = await mortal(b, channel, dead)
  const texts = Array.from({ length: 100 }, (_, i) => `${i}`)
  await send(channel, queue, texts)
  await (await collect(channel, queue)).received(100)
  channel.nackAll(false)
  await untilReady(channel, dead, 100)
  assert.deepEqual(await fetchTexts(channel, dead), texts)
})

scenario('quorum, at least once: dead letters arrive when there is a place for them', async (b) => {
  const channel = await b.channel()
  const dlx = await b.exchange(channel, 'direct')
  const dead = await b.queue(channel)
  await channel.bindQueue(dead, dlx, 'dead')
  const queue = await b.queue(channel, {
    'x-queue-type': 'quorum',
    'x-dead-letter-exchange': dlx,
    'x-dead-letter-routing-key': 'dead',
    'x-dead-letter-strategy': 'at-least-once',
    'x-overflow': 'reject-publish',
  })
  await send(channel, queue, ['x'])
  channel.reject(await fetch(channel, queue, {}), false)
  const message = await fetch(channel, dead)
  assert.equal(textOf(message), 'x')
  assert.equal(deathsOf(message)[0]?.reason, 'rejected')
})

scenario('what a publisher writes into x-death is no death', { differs: 'foreignDeaths' }, async (b) => {
  const channel = await b.channel()
  const dead = await b.queue(channel)
  const queue = await mortal(b, channel, dead)
  const forged = [{ queue, reason: 'rejected', count: 41, exchange: '', 'routing-keys': [queue] }]
  await send(channel, queue, ['x'], { headers: { 'x-death': forged } })
  channel.reject(await fetch(channel, queue, {}), false)
  assert.equal(deathsOf(await fetch(channel, dead))[0]?.count, 1)
})

scenario('large messages die whole', async (b) => {
  const channel = await b.channel()
  const dead = await b.queue(channel)
  const queue = await mortal(b, channel, dead)
  const body = Buffer.alloc(400_000, 'd')
  await confirmed(channel, '', queue, body)
  channel.reject(await fetch(channel, queue, {}), false)
  assert.ok((await fetch(channel, dead)).content.equals(body))
})
