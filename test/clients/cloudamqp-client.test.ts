import assert from 'node:assert/strict'
import { AMQPClient, type AMQPError, type AMQPMessage, AMQPSession } from '@cloudamqp/amqp-client'
import { type Bench, within } from './bench.ts'
import { startCutProxy } from './cut-proxy.ts'
import { brokerUnderTest, eventually, inProcess } from './support.ts'

const { scenario } = brokerUnderTest()

async function connected(b: Bench, use: (client: AMQPClient) => Promise<void>): Promise<void> {
  const client = new AMQPClient(b.url)
  client.onerror = () => {}
  await client.connect()
  try {
    await use(client)
  } finally {
    if (!client.closed) await client.close()
  }
}

scenario('publish with confirms, consume, acknowledge', (b) =>
  connected(b, async (client) => {
    const channel = await client.channel()
    const name = b.queueName()
    const queue = await channel.queueDeclare(name)
    assert.deepEqual({ ...queue }, { name, messageCount: 0, consumerCount: 0 })
    await channel.confirmSelect()
    assert.equal(await channel.basicPublish('', name, 'one', { deliveryMode: 2, headers: { a: 1 } }), 1)
    assert.equal(await channel.basicPublish('', name, 'two'), 2)
    await channel.prefetch(1)
    const seen: string[] = []
    const consumer = await channel.basicConsume(name, { noAck: false }, async (message) => {
      seen.push(`${message.bodyString()} ${message.redelivered}`)
      if (message.redelivered) await message.ack()
      else await message.nack(true)
    })
    await eventually(() => seen.length === 4)
    assert.deepEqual(seen, ['one false', 'one true', 'two false', 'two true'])
    await consumer.cancel()
    assert.equal(await channel.basicGet(name), null)
  }),
)

scenario('get, reject and delete', (b) =>
  connected(b, async (client) => {
    const channel = await client.channel()
    const queue = b.queueName()
    await channel.queueDeclare(queue)
    await channel.basicPublish('', queue, 'x', { contentType: 'text/plain', timestamp: new Date(1_700_000_000_000) })
    const message = await eventually(() => channel.basicGet(queue, { noAck: false }))
    assert.equal(message.messageCount, 0)
    assert.equal(message.properties.contentType, 'text/plain')
    assert.equal(message.properties.timestamp?.getTime(), 1_700_000_000_000)
    await message.reject(true)
    const again = await eventually(() => channel.basicGet(queue, { noAck: true }))
    assert.ok(again.redelivered)
    assert.deepEqual({ ...(await channel.queueDelete(queue)) }, { messageCount: 0 })
  }),
)

scenario('unroutable mandatory messages come back, before the confirm', (b) =>
  connected(b, async (client) => {
    const channel = await client.channel()
    await channel.confirmSelect()
    const returned: AMQPMessage[] = []
    channel.onReturn = (message) => returned.push(message)
    await channel.basicPublish('amq.direct', b.queueName(), 'nobody', {}, true)
    assert.equal(returned.length, 1)
    assert.equal(returned[0]!.replyCode, 312)
    assert.equal(returned[0]!.replyText, 'NO_ROUTE')
    assert.equal(returned[0]!.bodyString(), 'nobody')
  }),
)

scenario('transactions commit and roll back', (b) =>
  connected(b, async (client) => {
    const channel = await client.channel()
    const queue = b.queueName()
    await channel.queueDeclare(queue)
    await channel.txSelect()
    await channel.basicPublish('', queue, 'rolled back')
    await channel.txRollback()
    await channel.basicPublish('', queue, 'committed')
    await channel.txCommit()
    assert.equal((await channel.queueDeclare(queue, { passive: true })).messageCount, 1)
    assert.equal((await channel.basicGet(queue))?.bodyString(), 'committed')
  }),
)

scenario('a consumer ends with an error when its queue is deleted', (b) =>
  connected(b, async (client) => {
    const [channel, other] = [await client.channel(), await client.channel()]
    const queue = b.queueName()
    await channel.queueDeclare(queue)
    const consumer = await channel.basicConsume(queue, {}, () => {})
    const ended = assert.rejects(consumer.wait())
    await other.queueDelete(queue)
    await within(ended, 'the consumer to end')
  }),
)

scenario('channel errors carry code and text', (b) =>
  connected(b, async (client) => {
    const channel = await client.channel()
    await assert.rejects(channel.queueDeclare('no-such-queue', { passive: true }), (error: AMQPError) => {
      assert.ok(error.message.includes(`NOT_FOUND - no ${b.queueText('no-such-queue')} (404)`), error.message)
      return true
    })
    assert.ok(channel.closed)
    await (await client.channel()).exchangeDeclare('amq.direct', 'direct', { passive: true })
  }),
)

scenario('a session asks and answers by direct reply-to', async (b) => {
  const session = await AMQPSession.connect(b.url)
  try {
    const queue = b.queueName()
    const server = await session.rpcServer(queue, (message) => `${message.bodyString()}!`)
    const client = await session.rpcClient()
    const answers = await Promise.all(['a', 'b'].map((body) => client.call(queue, body)))
    assert.deepEqual(
      answers.map((message) => message.bodyString()),
      ['a!', 'b!'],
    )
    await server.close()
  } finally {
    await session.stop()
  }
})

scenario('after a cut a session consumes on', async (b) => {
  const proxy = await startCutProxy(b.url)
  const session = await AMQPSession.connect(proxy.url, { reconnectInterval: 20, logger: null })
  try {
    const queue = await session.queue(b.queueName())
    const seen: (string | null)[] = []
    // acknowledging by itself, this client fails when the connection ends just then
    await queue.subscribe({ noAck: true }, (message) => void seen.push(message.bodyString()))
    await queue.publish('before')
    await eventually(() => seen.length === 1)
    proxy.cut()
    await eventually(() => queue.publish('after').then(() => true), 30_000)
    await eventually(() => seen.includes('after'), 30_000)
  } finally {
    proxy.cut()
    await session.stop()
    await proxy.close()
  }
})

inProcess('publishers are told of alarms', async (b, { broker }) => {
  await connected(b, async (client) => {
    const channel = await client.channel()
    const blocked = new Promise<string>((resolve) => (client.onblocked = resolve))
    const unblocked = new Promise<void>((resolve) => (client.onunblocked = resolve))
    broker.alarms.set('disk', true)
    await channel.basicPublish('amq.fanout', '', 'x')
    assert.equal(await within(blocked, 'connection.blocked'), 'low on disk')
    assert.equal(client.blocked, 'low on disk')
    await assert.rejects(channel.basicPublish('amq.fanout', '', 'held back by the client'))
    broker.alarms.set('disk', false)
    await within(unblocked, 'connection.unblocked')
    await channel.basicPublish('amq.fanout', '', 'x')
  })
})
