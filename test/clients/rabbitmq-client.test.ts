import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AsyncMessage, Connection, ConsumerStatus, type ReturnedMessage } from 'rabbitmq-client'
import { type Bench, readyCount, within } from './bench.ts'
import { startCutProxy } from './cut-proxy.ts'
import { brokerUnderTest, eventually, inProcess } from './support.ts'

const { scenario } = brokerUnderTest()

async function withConnection(url: string, use: (connection: Connection) => Promise<void>): Promise<void> {
  const connection = new Connection({ url, retryLow: 20, retryHigh: 200 })
  // a cut connection is told here; the scenarios look at what comes of it
  connection.on('error', () => {})
  try {
    await connection.onConnect()
    await use(connection)
  } catch (error) {
    // a close waits for what a failed scenario has left open
    connection.unsafeDestroy()
    throw error
  }
  await connection.close()
}

const connected = (b: Bench, use: (connection: Connection) => Promise<void>): Promise<void> =>
  withConnection(b.url, use)

scenario('a confirmed message is consumed; what fails is given back, what is dropped stays away', (b) =>
  connected(b, async (connection) => {
    const queue = b.queueName()
    const seen: string[] = []
    const consumer = connection.createConsumer(
      { queue, queueOptions: { queue, durable: true }, qos: { prefetchCount: 2 } },
      (message: AsyncMessage) => {
        seen.push(`${String((message.body as { id: string }).id)} ${message.redelivered}`)
        if ((message.body as { id: string }).id === 'poison') return ConsumerStatus.DROP
        return message.redelivered ? ConsumerStatus.ACK : ConsumerStatus.REQUEUE
      },
    )
    await once(consumer, 'ready')
    const publisher = connection.createPublisher({ confirm: true })
    await publisher.send(queue, { id: 'a' })
    await eventually(() => seen.length === 2)
    await publisher.send({ routingKey: queue, durable: true }, { id: 'poison' })
    await eventually(() => seen.length === 3)
    assert.deepEqual(seen, ['a false', 'a true', 'poison false'])
    await consumer.close()
    await publisher.close()
    assert.equal(await connection.basicGet(queue), undefined)
  }),
)

scenario('unroutable mandatory messages come back', (b) =>
  connected(b, async (connection) => {
    const returned: ReturnedMessage[] = []
    const publisher = connection.createPublisher({ confirm: true })
    publisher.on('basic.return', (message) => returned.push(message))
    await publisher.send({ exchange: '', routingKey: b.queueName(), mandatory: true }, 'nobody')
    // this client tells of the return after the confirm, though the broker sends it before
    await eventually(() => returned.length === 1)
    assert.equal(returned[0]?.replyText, 'NO_ROUTE')
    assert.equal(returned[0]?.replyCode, 312)
    assert.equal(returned[0]?.body, 'nobody')
    await publisher.close()
  }),
)

scenario('a refused message rejects its sender', (b) =>
  connected(b, async (connection) => {
    const queue = b.queueName()
    const args = { 'x-max-length': 0, 'x-overflow': 'reject-publish' } as const
    await connection.queueDeclare({ queue, durable: true, arguments: args })
    const publisher = connection.createPublisher({ confirm: true })
    await assert.rejects(publisher.send(queue, 'x'), { name: 'AMQPError', code: 'NACK' })
    await publisher.close()
  }),
)

scenario('requests are answered by direct reply-to', (b) =>
  connected(b, async (connection) => {
    const queue = b.queueName()
    const server = connection.createConsumer(
      { queue, queueOptions: { queue, durable: true } },
      async (request, reply) => {
        await reply(`${String(request.body)}!`)
      },
    )
    await once(server, 'ready')
    const client = connection.createRPCClient({ confirm: true })
    const answers = await Promise.all(['a', 'b', 'c'].map((body) => client.send(queue, body)))
    assert.deepEqual(
      answers.map(({ body }) => String(body)),
      ['a!', 'b!', 'c!'],
    )
    await client.close()
    await server.close()
  }),
)

scenario('a consumer starts anew when its queue has been deleted', (b) =>
  connected(b, async (connection) => {
    const queue = b.queueName()
    const seen: unknown[] = []
    const consumer = connection.createConsumer({ queue, queueOptions: { queue, durable: true } }, ({ body }) => {
      seen.push(body)
    })
    await once(consumer, 'ready')
    consumer.on('error', () => {})
    const ready = new Promise<void>((resolve) => consumer.on('ready', resolve))
    await connection.queueDelete(queue)
    await within(ready, 'the consumer to start again')
    const publisher = connection.createPublisher({ confirm: true })
    await publisher.send(queue, 'after')
    await eventually(() => seen.length === 1)
    assert.deepEqual(seen, ['after'])
    await consumer.close()
    await publisher.close()
  }),
)

scenario('after a cut consumers and publishers go on', async (b) => {
  const proxy = await startCutProxy(b.url)
  try {
    await withConnection(proxy.url, async (connection) => {
      const queue = b.queueName()
      const seen = new Set<unknown>()
      const consumer = connection.createConsumer({ queue, queueOptions: { queue, durable: true } }, ({ body }) => {
        seen.add(body)
      })
      consumer.on('error', () => {})
      await once(consumer, 'ready')
      const publisher = connection.createPublisher({ confirm: true, maxAttempts: 10 })
      for (let i = 0; i < 30; i++) {
        if (i === 10 || i === 20) proxy.cut()
        await publisher.send(queue, i)
      }
      await eventually(() => seen.size === 30, 30_000)
      await consumer.close()
      await publisher.close()
    })
  } finally {
    await proxy.close()
  }
})

scenario('channel errors carry code and text', (b) =>
  connected(b, async (connection) => {
    const message = `NOT_FOUND - no ${b.queueText('no-such-queue')}`
    await assert.rejects(connection.queueDeclare({ queue: 'no-such-queue', passive: true }), (error: Error) => {
      assert.equal((error as Error & { code: string }).code, 'NOT_FOUND')
      assert.ok(error.message.includes(message.slice('NOT_FOUND - '.length)), error.message)
      return true
    })
    const queue = b.queueName()
    await connection.queueDeclare({ queue, durable: true })
    assert.equal(await readyCount(await b.channel(), queue), 0)
  }),
)

inProcess('publishers are told of alarms, those that only consume are not', async (b, { broker }) => {
  await connected(b, async (publishing) => {
    await connected(b, async (consuming) => {
      const queue = b.queueName()
      const events: string[] = []
      consuming.on('connection.blocked', () => events.push('the consumer is blocked'))
      const seen: unknown[] = []
      const consumer = consuming.createConsumer({ queue, queueOptions: { queue, durable: true } }, ({ body }) => {
        seen.push(body)
      })
      await once(consumer, 'ready')
      const publisher = publishing.createPublisher({ confirm: true })
      await publisher.send(queue, 'before')
      const blocked = once(publishing, 'connection.blocked')
      broker.alarms.set('memory', true)
      const held = publisher.send(queue, 'held')
      assert.deepEqual(await within(blocked, 'connection.blocked'), ['low on memory'])
      const unblocked = once(publishing, 'connection.unblocked')
      broker.alarms.set('memory', false)
      await within(unblocked, 'connection.unblocked')
      await held
      await eventually(() => seen.length === 2)
      assert.deepEqual(events, [])
      await publisher.close()
      await consumer.close()
    })
  })
})
