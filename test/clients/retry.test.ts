import assert from 'node:assert/strict'
import type { Channel, ConfirmChannel, GetMessage } from 'amqplib'
import { virtualClock } from '../../src/util/virtual-clock.ts'
import { type Bench, collect, confirmed, fetch, readyCount, send, tx, untilReady } from './bench.ts'
import { eventually, inProcess } from './support.ts'

const clock = virtualClock()
const NO_ARGUMENTS = {}

/** A queue with these arguments, and one for what dies in it. */
async function retrying(
  b: Bench,
  args: Record<string, unknown>,
): Promise<{ channel: ConfirmChannel; queue: string; dead: string }> {
  const channel = await b.channel()
  const dead = await b.queue(channel)
  const toDead = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': dead }
  return { channel, queue: await b.queue(channel, { ...toDead, ...args }), dead }
}

const headersOf = ({ properties }: Pick<GetMessage, 'properties'>): Record<string, unknown> => properties.headers ?? {}

function askFor(channel: Channel, deliveryTag: number, delayMs: number): void {
  const headers = { 'x-delivery-tag': deliveryTag, 'x-retry-delay': delayMs }
  channel.publish('', 'amq.retry', Buffer.alloc(0), { headers, mandatory: true })
}

/** Nothing comes until `ms` have passed, and then something does. */
async function restsFor(ms: number, channel: Channel, queue: string): Promise<void> {
  await eventually(async () => (await channel.checkQueue(queue)).messageCount === 0)
  await clock.advance(ms - 1)
  assert.equal(await readyCount(channel, queue), 0)
  await clock.advance(1)
  await untilReady(channel, queue, 1)
}

for (const type of ['classic', 'quorum']) {
  inProcess(
    `${type}: a failed message rests longer each time, and dies after its last attempt`,
    { clock },
    async (b) => {
      const { channel, queue, dead } = await retrying(b, {
        'x-queue-type': type,
        'x-retry-max-attempts': 3,
        'x-retry-initial-delay': 1000,
        'x-retry-multiplier': 2.5,
      })
      await send(channel, queue, ['poison'], { headers: { mine: 1 }, persistent: true })
      const first = await fetch(channel, queue, NO_ARGUMENTS)
      assert.deepEqual(headersOf(first), { mine: 1 })
      const started = clock.now()
      channel.reject(first, true)
      await restsFor(1000, channel, queue)
      const second = await fetch(channel, queue, NO_ARGUMENTS)
      const { 'x-last-retry-time': time, 'x-acquired-count': _, ...told } = headersOf(second)
      assert.deepEqual(told, { mine: 1, 'x-delivery-count': 1, 'x-retry-count': 1, 'x-last-retry-reason': 'rejected' })
      assert.deepEqual(time, { '!': 'timestamp', value: Math.floor((started + 1000) / 1000) })
      assert.equal(second.fields.redelivered, true)
      channel.nack(second)
      await restsFor(2500, channel, queue)
      const third = await fetch(channel, queue, NO_ARGUMENTS)
      assert.deepEqual([headersOf(third)['x-retry-count'], headersOf(third)['x-last-retry-reason']], [2, 'returned'])
      channel.reject(third, true)
      const headers = headersOf(await fetch(channel, dead))
      const [death] = headers['x-death'] as Record<string, unknown>[]
      const { count, reason, queue: where, 'retry-count': returns, 'last-retry-reason': last } = death!
      assert.deepEqual([count, reason, where, returns, last], [1, 'delivery_limit', queue, 3, 'rejected'])
      assert.deepEqual(
        [headers['x-retry-count'], headers['x-delivery-count'], headers['mine']],
        [undefined, undefined, 1],
      )
    },
  )

  inProcess(`${type}: a lost connection is a failed attempt, and others are served meanwhile`, { clock }, async (b) => {
    const { channel, queue } = await retrying(b, { 'x-queue-type': type, 'x-retry-initial-delay': 60_000 })
    await send(channel, queue, ['a', 'b'])
    const connection = await b.connect()
    const victim = await b.channel(connection)
    await victim.prefetch(1)
    await (await collect(victim, queue)).received(1)
    await connection.close()
    assert.equal((await fetch(channel, queue)).content.toString(), 'b')
    await restsFor(60_000, channel, queue)
    const { 'x-last-retry-reason': reason, 'x-retry-count': count } = headersOf(await fetch(channel, queue))
    assert.deepEqual([reason, count], ['lost', 1])
  })

  inProcess(`${type}: a delivery that is not acknowledged in time is a failed attempt`, { clock }, async (b) => {
    const { channel, queue } = await retrying(b, {
      'x-queue-type': type,
      'x-retry-initial-delay': 500,
      'x-consumer-timeout': 10_000,
    })
    const slow = await b.channel()
    const deliveries = await collect(slow, queue)
    await send(channel, queue, ['a'])
    await deliveries.received(1)
    await clock.advance(10_000)
    await restsFor(500, channel, queue)
    assert.equal(headersOf(await fetch(channel, queue))['x-last-retry-reason'], 'timed_out')
  })

  inProcess(`${type}: a consumer gives the pause of one retry`, { clock }, async (b) => {
    const { channel, queue } = await retrying(b, { 'x-queue-type': type })
    await send(channel, queue, ['a'])
    const message = await fetch(channel, queue, NO_ARGUMENTS)
    askFor(channel, message.fields.deliveryTag, 90_000)
    channel.nack(message)
    await channel.waitForConfirms()
    await restsFor(90_000, channel, queue)
    const again = await fetch(channel, queue, NO_ARGUMENTS)
    assert.equal(headersOf(again)['x-retry-count'], 1)
    channel.nack(again)
    await untilReady(channel, queue, 1)
  })
}

inProcess('a pause is asked for in a transaction', { clock }, async (b) => {
  const { channel, queue } = await retrying(b, {})
  await send(channel, queue, ['a'])
  const transactional = await b.plainChannel()
  await tx.select(transactional)
  const message = (await transactional.get(queue)) as GetMessage
  askFor(transactional, message.fields.deliveryTag, 5000)
  transactional.nack(message)
  await tx.rollback(transactional)
  askFor(transactional, message.fields.deliveryTag, 7000)
  transactional.nack(message)
  await tx.commit(transactional)
  await restsFor(7000, channel, queue)
})

inProcess('a policy turns retries on', { clock }, async (b, { broker }) => {
  const { channel, queue } = await retrying(b, {})
  const definition = { 'retry-initial-delay': 250, 'retry-multiplier': 1, 'retry-jitter': 0 }
  broker.setPolicy('user', '/', 'retries', { pattern: `^${queue}$`, definition, applyTo: 'queues' })
  await send(channel, queue, ['a'])
  for (let i = 0; i < 3; i++) {
    channel.nack(await fetch(channel, queue, NO_ARGUMENTS))
    await restsFor(250, channel, queue)
  }
})

inProcess('what is wrong with a request closes the channel, and says so', async (b) => {
  const other = await b.channel()
  const queue = await b.queue(other)
  const request = async (text: string, headers?: object): Promise<void> => {
    await send(other, queue, ['a'])
    await b.refuses(406, text, async (channel) => {
      await fetch(channel, queue, NO_ARGUMENTS)
      channel.publish('', 'amq.retry', Buffer.alloc(0), { headers })
    })
  }
  const invalid = "invalid message to 'amq.retry': header"
  await request(`${invalid} 'x-delivery-tag' is missing`)
  await request(`${invalid} 'x-retry-delay' is missing`, { 'x-delivery-tag': 1 })
  await request(`${invalid} 'x-retry-delay' must be an integer, got longstr`, {
    'x-delivery-tag': 1,
    'x-retry-delay': '1s',
  })
  await request('unknown delivery tag 2', { 'x-delivery-tag': 2, 'x-retry-delay': 1 })
})

inProcess('there is no queue of that name', async (b) => {
  await b.refuses(404, "no queue 'amq.retry' in vhost '/'", (channel) => channel.checkQueue('amq.retry'))
  await b.refuses(403, "queue name 'amq.retry' contains reserved prefix 'amq.*'", (channel) =>
    channel.assertQueue('amq.retry'),
  )
  const channel = await b.channel()
  const queue = await b.queue(channel)
  await send(channel, queue, ['a'])
  const { fields } = await fetch(channel, queue, NO_ARGUMENTS)
  const headers = { 'x-delivery-tag': fields.deliveryTag, 'x-retry-delay': 1 }
  assert.equal(await confirmed(channel, '', 'amq.retry', '', { headers, mandatory: true }), true)
})

inProcess('arguments of retries are checked', async (b) => {
  const refuses = (name: string, value: unknown, reason: string): Promise<void> => {
    const queue = b.queueName()
    const text = `invalid arg '${name}' for ${b.queueText(queue)}: ${reason}`
    return b.refuses(406, text, (channel) => channel.assertQueue(queue, { arguments: { [name]: value } }))
  }
  await refuses('x-retry-max-attempts', 0, '{value_zero,0}')
  await refuses('x-retry-initial-delay', 'soon', '"expected integer, got longstr"')
  await refuses('x-retry-multiplier', 0.5, '{value_too_small,0.5}')
  await refuses('x-retry-jitter', 1.5, '{value_too_large,1.5}')
})
