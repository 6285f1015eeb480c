import assert from 'node:assert/strict'
import { type Bench, collect, fetch, fetchTexts, readyCount, send, untilReady } from './bench.ts'
import { brokerUnderTest, differs, eventually } from './support.ts'

const { scenario } = brokerUnderTest()

/**
 * To declare a queue or to look for it would be a use, and RabbitMQ's quorum queues do not always survive a publish while they expire.
 * But an auto-delete exchange that feeds the queue alone goes with it.
 */
async function feed(b: Bench, queue: string): Promise<() => Promise<boolean>> {
  const channel = await b.channel()
  const feeder = await b.exchange(channel, 'fanout', { autoDelete: true })
  await channel.bindQueue(queue, feeder, '')
  return () => b.misses((probe) => probe.checkExchange(feeder))
}

for (const type of ['classic', 'quorum']) {
  const args = { 'x-queue-type': type }

  scenario(`${type}: messages expire after the queue's time`, async (b) => {
    const channel = await b.channel()
    const queue = await b.queue(channel, { ...args, 'x-message-ttl': 100 })
    await send(channel, queue, ['a', 'b'])
    await untilReady(channel, queue, 0)
  })

  scenario(`${type}: a message expires after its own time, or the queue's if that is shorter`, async (b) => {
    const channel = await b.channel()
    const patient = await b.queue(channel, { ...args, 'x-message-ttl': 600_000 })
    const hasty = await b.queue(channel, { ...args, 'x-message-ttl': 50 })
    const plain = await b.queue(channel, args)
    await send(channel, patient, ['a'], { expiration: '50' })
    await send(channel, hasty, ['b'], { expiration: '600000' })
    await send(channel, plain, ['c'], { expiration: 50 })
    for (const queue of [patient, hasty, plain]) await untilReady(channel, queue, 0)
  })
}

scenario('what is held by a client does not expire; when it comes back too late it does', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  await send(channel, queue, ['short'], { expiration: '1500' })
  const message = await fetch(channel, queue, {})
  const witness = await b.queue(channel)
  await send(channel, witness, ['x'], { expiration: '1600' })
  await untilReady(channel, witness, 0)
  channel.nack(message)
  await untilReady(channel, queue, 0)
})

scenario('a message that comes back in time keeps its time to live', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  await send(channel, queue, ['a'], { expiration: '2000' })
  channel.nack(await fetch(channel, queue, {}))
  const again = await fetch(channel, queue, {})
  assert.ok(again.fields.redelivered)
  assert.equal(again.properties.expiration, '2000')
  channel.nack(again)
  await untilReady(channel, queue, 0)
})

scenario('a time to live of 0 allows delivery to a consumer that waits, and nothing else', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel, { 'x-message-ttl': 0 })
  await send(channel, queue, ['nobody there'])
  assert.equal(await readyCount(channel, queue), 0)
  const collector = await collect(channel, queue)
  await send(channel, queue, ['taken'])
  assert.deepEqual(await collector.received(1), ['taken'])
  await channel.cancel(collector.tag)
  const plain = await b.queue(channel)
  await send(channel, plain, ['expires at once'], { expiration: '0' })
  assert.deepEqual(await fetchTexts(channel, plain), [])
})

scenario('expired messages leave wherever in the queue they stand', { differs: 'expiryAnywhere' }, async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  await send(channel, queue, ['long'], { expiration: '60000' })
  await send(channel, queue, ['short'], { expiration: '50' })
  await send(channel, queue, ['ever'])
  await untilReady(channel, queue, 2)
  assert.deepEqual(await fetchTexts(channel, queue), ['long', 'ever'])
})

scenario('an expired message behind a longer lived one is not delivered', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  await send(channel, queue, ['long'], { expiration: '60000' })
  await send(channel, queue, ['short'], { expiration: '50' })
  const witness = await b.queue(channel)
  await send(channel, witness, ['x'], { expiration: '200' })
  await untilReady(channel, witness, 0)
  assert.equal(await readyCount(channel, queue), differs('expiryAnywhere') ? 2 : 1)
  assert.deepEqual(await fetchTexts(channel, queue), ['long'])
})

scenario('expired messages of a low priority leave too', { differs: 'expiryAnywhere' }, async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel, { 'x-max-priority': 5 })
  await send(channel, queue, ['high'], { priority: 5 })
  await send(channel, queue, ['low'], { priority: 1, expiration: '50' })
  await untilReady(channel, queue, 1)
})

for (const type of ['classic', 'quorum']) {
  scenario(`${type}: an unused queue expires`, async (b) => {
    const channel = await b.channel()
    const queue = await b.queue(channel, { 'x-queue-type': type, 'x-expires': 1500 })
    await send(channel, queue, ['lost with it'])
    await eventually(await feed(b, queue), 30_000)
    await b.refuses(404, `no ${b.queueText(queue)}`, (c) => c.checkQueue(queue))
  })

  scenario(`${type}: a queue with a consumer does not expire`, async (b) => {
    const channel = await b.channel()
    const args = { 'x-queue-type': type, 'x-expires': 1500 }
    const [used, unused] = [await b.queue(channel, args), await b.queue(channel, args)]
    const collector = await collect(channel, used)
    await eventually(await feed(b, unused), 30_000)
    await send(channel, used, ['still here'])
    assert.deepEqual(await collector.received(1), ['still here'])
  })
}

scenario('get and declarations keep a queue from expiring', async (b) => {
  const channel = await b.channel()
  const args = { 'x-expires': 2500 }
  const [fetched, declared, unused] = [
    await b.queue(channel, args),
    await b.queue(channel, args),
    await b.queue(channel, args),
  ]
  const isGone = await feed(b, unused)
  await eventually(async () => {
    assert.equal(await channel.get(fetched), false)
    await channel.checkQueue(declared)
    return isGone()
  }, 30_000)
  await channel.checkQueue(fetched)
  await channel.checkQueue(declared)
})
