import assert from 'node:assert/strict'
import { confirmed, fetch, fetchTexts, readyCount, send, textOf, untilReady } from './bench.ts'
import { brokerUnderTest } from './support.ts'

const { scenario } = brokerUnderTest()

for (const type of ['classic', 'quorum']) {
  const args = { 'x-queue-type': type }

  scenario(`${type}: the oldest make room for the newest`, async (b) => {
    const channel = await b.channel()
    const queue = await b.queue(channel, { ...args, 'x-max-length': 3 })
    await send(channel, queue, ['a', 'b', 'c', 'd', 'e'])
    await untilReady(channel, queue, 3)
    assert.deepEqual(await fetchTexts(channel, queue), ['c', 'd', 'e'])
  })

  scenario(`${type}: a limit in bytes counts bodies`, async (b) => {
    const channel = await b.channel()
    const queue = await b.queue(channel, { ...args, 'x-max-length-bytes': 10 })
    await send(channel, queue, ['12345', '67890'], { headers: { big: 'x'.repeat(100) } })
    assert.equal(await readyCount(channel, queue), 2)
    await send(channel, queue, ['1'])
    await untilReady(channel, queue, 2)
    assert.deepEqual(await fetchTexts(channel, queue), ['67890', '1'])
  })

  scenario(`${type}: the tighter of two limits holds`, async (b) => {
    const channel = await b.channel()
    const queue = await b.queue(channel, { ...args, 'x-max-length': 10, 'x-max-length-bytes': 3 })
    await send(channel, queue, ['a', 'b', 'c', 'd'])
    await untilReady(channel, queue, 3)
  })

  scenario(`${type}: what is with clients does not count`, async (b) => {
    const channel = await b.channel()
    const queue = await b.queue(channel, { ...args, 'x-max-length': 1 })
    await send(channel, queue, ['held'])
    const held = await fetch(channel, queue, {})
    await send(channel, queue, ['ready'])
    assert.equal(await readyCount(channel, queue), 1)
    channel.ack(held)
    assert.deepEqual(await fetchTexts(channel, queue), ['ready'])
  })

  scenario(`${type}: a message may be larger than the limit in bytes, and is dropped at once`, async (b) => {
    const channel = await b.channel()
    const queue = await b.queue(channel, { ...args, 'x-max-length-bytes': 5 })
    assert.ok(await confirmed(channel, '', queue, 'far too large'))
    await untilReady(channel, queue, 0)
  })

  scenario(`${type}: dropped messages are dead-lettered`, async (b) => {
    const channel = await b.channel()
    const dead = await b.queue(channel)
    const queue = await b.queue(channel, {
      ...args,
      'x-max-length': 1,
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': dead,
    })
    await send(channel, queue, ['a', 'b'])
    const { properties, content } = await fetch(channel, dead)
    assert.equal(content.toString(), 'a')
    assert.equal(properties.headers?.['x-first-death-reason'], 'maxlen')
    assert.deepEqual(await fetchTexts(channel, queue), ['b'])
  })
}

scenario('a limit of 0 keeps nothing', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel, { 'x-max-length': 0 })
  assert.ok(await confirmed(channel, '', queue, 'dropped'))
  assert.equal(await readyCount(channel, queue), 0)
})

scenario('reject-publish: what comes back from a client is kept beyond the limit', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel, { 'x-max-length': 1, 'x-overflow': 'reject-publish' })
  await send(channel, queue, ['held'])
  const held = await fetch(channel, queue, {})
  assert.ok(await confirmed(channel, '', queue, 'ready'))
  assert.equal(await confirmed(channel, '', queue, 'refused'), false)
  channel.nack(held)
  assert.deepEqual(await fetchTexts(channel, queue), ['held', 'ready'])
})

scenario('reject-publish: a refused message is not dead-lettered', async (b) => {
  const channel = await b.channel()
  const dead = await b.queue(channel)
  const queue = await b.queue(channel, {
    'x-max-length': 1,
    'x-overflow': 'reject-publish',
    'x-dead-letter-exchange': '',
    'x-dead-letter-routing-key': dead,
  })
  await send(channel, queue, ['a'])
  assert.equal(await confirmed(channel, '', queue, 'refused'), false)
  assert.equal(await readyCount(channel, dead), 0)
})

scenario('reject-publish-dlx: a refused message is dead-lettered as well', async (b) => {
  const channel = await b.channel()
  const dead = await b.queue(channel)
  const queue = await b.queue(channel, {
    'x-max-length': 1,
    'x-overflow': 'reject-publish-dlx',
    'x-dead-letter-exchange': '',
    'x-dead-letter-routing-key': dead,
  })
  await send(channel, queue, ['a'])
  assert.equal(await confirmed(channel, '', queue, 'refused'), false)
  const message = await fetch(channel, dead)
  assert.equal(textOf(message), 'refused')
  assert.equal(message.properties.headers?.['x-first-death-reason'], 'maxlen')
})

scenario('reject-publish by bytes', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel, { 'x-max-length-bytes': 4, 'x-overflow': 'reject-publish' })
  assert.ok(await confirmed(channel, '', queue, '1234'))
  assert.equal(await confirmed(channel, '', queue, '5'), false)
  assert.deepEqual(await fetchTexts(channel, queue), ['1234'])
})

scenario('a priority queue drops its head: the highest priority goes first', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel, { 'x-max-length': 2, 'x-max-priority': 5 })
  await send(channel, queue, ['high'], { priority: 5 })
  await send(channel, queue, ['low', 'low too'])
  assert.deepEqual(await fetchTexts(channel, queue), ['low', 'low too'])
})
