import assert from 'node:assert/strict'
import { collect, send, textOf } from './bench.ts'
import { brokerUnderTest, eventually } from './support.ts'

const { scenario } = brokerUnderTest()
const SINGLE = { 'x-single-active-consumer': true }

for (const type of ['classic', 'quorum']) {
  const args = { ...SINGLE, 'x-queue-type': type }

  scenario(`${type}: one consumer gets everything, the next one when it has gone`, async (b) => {
    const channel = await b.channel()
    const queue = await b.queue(channel, args)
    const [one, two, three] = [await b.channel(), await b.channel(), await b.channel()]
    const first = await collect(one, queue, {}, (message) => one.ack(message))
    const second = await collect(two, queue)
    const third = await collect(three, queue)
    await send(channel, queue, ['a', 'b', 'c'])
    assert.deepEqual(await first.received(3), ['a', 'b', 'c'])
    await one.cancel(first.tag)
    await send(channel, queue, ['d'])
    assert.deepEqual(await second.received(1), ['d'])
    await two.close()
    await eventually(() => third.messages.length === 1)
    assert.ok(third.messages[0]!.fields.redelivered)
    assert.deepEqual(third.texts, ['d'])
  })

  scenario(`${type}: ${type === 'classic' ? 'all count' : 'the active one counts'} as consumers`, async (b) => {
    const channel = await b.channel()
    const queue = await b.queue(channel, args)
    for (let i = 0; i < 3; i++) await collect(channel, queue)
    assert.equal((await channel.checkQueue(queue)).consumerCount, type === 'classic' ? 3 : 1)
  })

  scenario(`${type}: the active one stays so while its prefetch is used up`, async (b) => {
    const channel = await b.channel()
    const queue = await b.queue(channel, args)
    await channel.prefetch(1)
    const [active, waiting] = [await collect(channel, queue), await collect(channel, queue)]
    await send(channel, queue, ['a', 'b'])
    await active.received(1)
    await channel.checkQueue(queue)
    assert.deepEqual(waiting.texts, [])
    channel.ack(active.messages[0]!)
    await eventually(() => active.messages.length === 2)
    assert.deepEqual(active.texts, ['a', 'b'])
    assert.deepEqual(waiting.texts, [])
  })
}

scenario('classic: get takes messages beside the active consumer', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel, SINGLE)
  await send(channel, queue, ['a', 'b'])
  await channel.prefetch(1)
  await (await collect(channel, queue)).received(1)
  const message = await channel.get(queue)
  assert.ok(message !== false)
  assert.equal(textOf(message), 'b')
})

scenario('quorum: get is refused', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel, { ...SINGLE, 'x-queue-type': 'quorum' })
  await b.refuses(
    405,
    `cannot obtain access to locked ${b.queueText(queue)}. basic.get operations are not supported by quorum queues ` +
      'with single active consumer',
    (c) => c.get(queue),
  )
})

scenario('classic: nobody can be exclusive', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel, SINGLE)
  await b.refuses(403, `${b.queueText(queue)} in exclusive use`, (c) => collect(c, queue, { exclusive: true }))
})

scenario(
  'quorum: a higher priority takes over when nothing is held any more',
  { differs: 'activePriority' },
  async (b) => {
    const channel = await b.channel()
    const queue = await b.queue(channel, { ...SINGLE, 'x-queue-type': 'quorum' })
    const low = await collect(channel, queue, { priority: 1 })
    await send(channel, queue, ['a'])
    await low.received(1)
    const high = await collect(channel, queue, { priority: 2 })
    channel.ack(low.messages[0]!)
    await channel.checkQueue(queue)
    await send(channel, queue, ['b'])
    assert.deepEqual(await high.received(1), ['b'])
    assert.deepEqual(low.texts, ['a'])
  },
)

scenario('the argument has to be a boolean', async (b) => {
  const queue = b.queueName()
  await b.refuses(
    406,
    `invalid arg 'x-single-active-consumer' for ${b.queueText(queue)}: {unacceptable_type,longstr}`,
    (c) => c.assertQueue(queue, { arguments: { 'x-single-active-consumer': 'yes' } }),
  )
})
