/** What goes on during a soak: each load does one thing over and over, leaves nothing behind when it ends, and counts what it got. */
import { once } from 'node:events'
import { connect } from 'node:net'
import amqp, { type Channel, type ChannelModel, type ConfirmChannel, type ConsumeMessage } from 'amqplib'
import { Connection, ConsumerStatus } from 'rabbitmq-client'
import type { Random } from '../fuzz/frames.ts'

export interface SoakContext {
  readonly port: number
  readonly random: Random
  stopping: boolean
  /** Messages that came out, all loads together. */
  delivered: number
}

export type Load = (context: SoakContext) => Promise<void>

/** Pace of the load. */
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

const url = ({ port }: SoakContext): string => `amqp://guest:guest@127.0.0.1:${port}`

async function withConnection(context: SoakContext, use: (connection: ChannelModel) => Promise<void>): Promise<void> {
  const connection = await amqp.connect(url(context), { noDelay: true })
  connection.on('error', () => {})
  try {
    await use(connection)
  } finally {
    await connection.close().catch(() => {})
  }
}

/** Takes so many messages out of a queue, or what `until` says, by a consumer that `settle`s each. */
async function take(
  channel: Channel,
  queue: string,
  enough: (count: number) => boolean,
  settle: (message: ConsumeMessage) => void,
): Promise<number> {
  let count = 0
  let wake: () => void = () => {}
  const { consumerTag } = await channel.consume(queue, (message) => {
    if (message === null) return
    count++
    settle(message)
    wake()
  })
  while (!enough(count)) await new Promise<void>((resolve) => (wake = resolve))
  await channel.cancel(consumerTag)
  return count
}

// ---- the loads ----

/** Publish, consume, acknowledge, give back now and then: what brokers do all day. */
const traffic: Load = (context) =>
  withConnection(context, async (connection) => {
    const { random } = context
    const consuming = await connection.createChannel()
    await consuming.assertQueue('soak-traffic', { durable: true })
    await consuming.prefetch(100)
    const { consumerTag } = await consuming.consume('soak-traffic', (message) => {
      if (message === null) return
      if (random.once(20)) return consuming.nack(message, false, true)
      context.delivered++
      consuming.ack(message)
    })
    const publishing = await connection.createConfirmChannel()
    while (!context.stopping) {
      for (let i = random.below(100); i >= 0; i--) {
        publishing.sendToQueue('soak-traffic', random.bytes(random.below(300)), { persistent: random.below(4) > 0 })
      }
      await publishing.waitForConfirms()
      await pause(random.below(20))
    }
    await consuming.cancel(consumerTag)
    await publishing.deleteQueue('soak-traffic')
  })

/** A queue that grows to some ten thousands and is emptied, over and over. */
const backlog: Load = (context) =>
  withConnection(context, async (connection) => {
    const { random } = context
    const channel = await connection.createConfirmChannel()
    for (let turn = 0; !context.stopping; turn++) {
      const queue = `soak-backlog-${turn % 3}`
      await channel.assertQueue(queue, { durable: true, arguments: turn % 3 === 2 ? { 'x-queue-type': 'quorum' } : {} })
      const count = 5000 + random.below(40_000)
      const body = random.bytes(100 + random.below(200))
      for (let sent = 0; sent < count; sent += 1000) {
        for (let i = sent; i < Math.min(count, sent + 1000); i++) channel.sendToQueue(queue, body, { persistent: true })
        await channel.waitForConfirms()
      }
      await emptied(connection, queue, count)
      context.delivered += count
    }
    for (let i = 0; i < 3; i++) await channel.deleteQueue(`soak-backlog-${i}`)
  })

async function emptied(connection: ChannelModel, queue: string, count: number): Promise<void> {
  const channel = await connection.createChannel()
  await channel.prefetch(500)
  let got = 0
  await take(
    channel,
    queue,
    (taken) => taken >= count,
    (message) => {
      if (++got % 100 === 0 || got === count) channel.ack(message, true)
    },
  )
  const { messageCount } = await channel.checkQueue(queue)
  if (got !== count || messageCount !== 0)
    throw new Error(`${queue}: ${got} of ${count} came, ${messageCount} are left`)
  await channel.close()
}

/** Clients that are gone in the middle of a frame, or with deliveries that they never settled. */
const crashes: Load = async (context) => {
  const { random } = context
  await withConnection(context, async (connection) => {
    const channel = await connection.createConfirmChannel()
    await channel.assertQueue('soak-crashes', { durable: true, maxLength: 500 })
    while (!context.stopping) {
      channel.sendToQueue('soak-crashes', random.bytes(50), { persistent: true })
      await channel.waitForConfirms()
      await crashOnce(context)
      await pause(random.below(60))
    }
    await channel.deleteQueue('soak-crashes')
  })
}

async function crashOnce(context: SoakContext): Promise<void> {
  const { random } = context
  const connection = await amqp.connect(url(context), { noDelay: true })
  connection.on('error', () => {})
  const channel = await connection.createConfirmChannel()
  const closed = new Promise<void>((resolve) => connection.once('close', resolve))
  const { stream } = connection.connection as unknown as { stream: NodeJS.WritableStream & { destroy(e: Error): void } }
  await channel.prefetch(10)
  await channel.consume('soak-crashes', () => {})
  channel.sendToQueue('soak-crashes', random.bytes(1000), { persistent: true })
  // a method frame that says it has 100 octets, and has three
  if (random.once(2)) stream.write(Buffer.from([1, 0, 1, 0, 0, 0, 100, 0, 60, 0]))
  stream.destroy(new Error('crashed on purpose'))
  await closed
}

/** Queues, exchanges and bindings come and go, with messages in them. */
const topology: Load = (context) =>
  withConnection(context, async (connection) => {
    const { random } = context
    const channel = await connection.createConfirmChannel()
    for (let turn = 0; !context.stopping; turn++) {
      const exchange = `soak-exchange-${turn % 7}`
      const queues = Array.from({ length: 1 + random.below(8) }, (_, i) => `soak-topology-${turn}-${i}`)
      await channel.assertExchange(exchange, random.of(['topic', 'fanout', 'direct', 'headers']), { durable: true })
      for (const queue of queues) {
        await channel.assertQueue(queue, { durable: random.below(3) > 0, autoDelete: false })
        await channel.bindQueue(queue, exchange, 'key', { some: 'argument' })
      }
      for (let i = random.below(200); i >= 0; i--)
        channel.publish(exchange, 'key', random.bytes(100), { persistent: true })
      await channel.waitForConfirms()
      for (const queue of queues) {
        if (random.once(2)) await channel.unbindQueue(queue, exchange, 'key', { some: 'argument' })
        if (random.once(3)) await channel.purgeQueue(queue)
        await channel.deleteQueue(queue)
      }
      await channel.deleteExchange(exchange)
      await pause(random.below(30))
    }
  })

/** Messages that expire or are rejected, and all of which end in one queue. */
const deadLetters: Load = (context) =>
  withConnection(context, async (connection) => {
    const { random } = context
    const channel = await connection.createConfirmChannel()
    await channel.assertQueue('soak-dead', { durable: true })
    const dead = { deadLetterExchange: '', deadLetterRoutingKey: 'soak-dead' }
    const short = { durable: true, ...dead, messageTtl: 300 }
    await channel.assertQueue('soak-short', short)
    const limited = { 'x-queue-type': 'quorum', 'x-delivery-limit': 2 }
    await channel.assertQueue('soak-failing', { durable: true, ...dead, arguments: limited })
    let got = 0
    let sent = 0
    let wake: () => void = () => {}
    const failing = await connection.createChannel()
    await failing.prefetch(50)
    await failing.consume('soak-failing', (message) => message !== null && failing.reject(message, true))
    const burying = await connection.createChannel()
    await burying.prefetch(200)
    await burying.consume('soak-dead', (message) => {
      if (message === null) return
      burying.ack(message)
      got++
      context.delivered++
      wake()
    })
    while (!context.stopping) {
      for (let i = random.below(100); i >= 0; i--, sent++) {
        const options = { persistent: true, ...(random.once(2) ? { expiration: random.below(500) } : {}) }
        channel.sendToQueue(random.of(['soak-short', 'soak-failing']), random.bytes(100), options)
      }
      await channel.waitForConfirms()
      await pause(random.below(50))
    }
    while (got < sent) await new Promise<void>((resolve) => (wake = resolve))
    await failing.close()
    await burying.close()
    for (const queue of ['soak-dead', 'soak-short', 'soak-failing']) await channel.deleteQueue(queue)
  })

/** A few megabytes at a time. */
const large: Load = (context) =>
  withConnection(context, async (connection) => {
    const { random } = context
    const channel = await connection.createConfirmChannel()
    await channel.assertQueue('soak-large', { durable: true })
    const body = Buffer.alloc(4_000_000, 'large')
    while (!context.stopping) {
      const count = 1 + random.below(4)
      for (let i = 0; i < count; i++) {
        channel.sendToQueue('soak-large', body.subarray(0, 100_000 + random.below(3_900_000)), { persistent: true })
      }
      await channel.waitForConfirms()
      await take(
        channel,
        'soak-large',
        (taken) => taken >= count,
        (message) => channel.ack(message),
      )
      context.delivered += count
      await pause(random.below(200))
    }
    await channel.deleteQueue('soak-large')
  })

/** Connect, publish, fetch, be gone: as scripts do. Every tenth only knocks. */
const shortLives: Load = async (context) => {
  const { random } = context
  while (!context.stopping) {
    if (random.once(10)) {
      const socket = connect(context.port, '127.0.0.1')
      await once(socket, 'connect')
      socket.destroy()
    }
    await withConnection(context, async (connection) => {
      const channel = await connection.createChannel()
      const { queue } = await channel.assertQueue('', { exclusive: true })
      channel.sendToQueue(queue, Buffer.from('short'))
      const message = await channel.get(queue, { noAck: true })
      if (message === false) throw new Error('a message of a short connection is lost')
      context.delivered++
    })
    await pause(random.below(40))
  }
}

/** Everything in transactions, with priorities. */
const transactions: Load = (context) =>
  withConnection(context, async (connection) => {
    const { random } = context
    const channel = await connection.createChannel()
    const queue = 'soak-transactions'
    await channel.assertQueue(queue, { durable: true, maxPriority: 5 })
    const raw = channel as unknown as { rpc(method: number, fields: object, expect: number): Promise<unknown> }
    const tx = (method: number): Promise<unknown> => raw.rpc((90 << 16) | method, {}, (90 << 16) | (method + 1))
    await tx(10)
    while (!context.stopping) {
      const count = 1 + random.below(20)
      for (let i = 0; i < count; i++) {
        channel.sendToQueue(queue, random.bytes(100), { persistent: true, priority: random.below(7) })
      }
      if (random.once(5)) {
        await tx(30)
        continue
      }
      await tx(20)
      for (let i = 0; i < count; i++) {
        const message = await channel.get(queue)
        if (message === false) throw new Error('a message of a transaction is lost')
        channel.ack(message)
        context.delivered++
      }
      await tx(20)
      await pause(random.below(30))
    }
    await channel.deleteQueue(queue)
  })

/** The other client library. */
const otherClient: Load = async (context) => {
  const connection = new Connection({ url: url(context) })
  const queue = 'soak-other'
  const publisher = connection.createPublisher({ confirm: true, queues: [{ queue, durable: true }] })
  await publisher.send({ routingKey: queue, durable: true }, 'the first')
  const consumer = connection.createConsumer({ queue, qos: { prefetchCount: 20 } }, () => {
    context.delivered++
    return ConsumerStatus.ACK
  })
  consumer.on('error', () => {})
  while (!context.stopping) {
    await publisher.send({ routingKey: queue, durable: true }, { n: context.random.below(1000) })
    await pause(context.random.below(10))
  }
  await consumer.close()
  await publisher.close()
  await connection.queueDelete({ queue })
  await connection.close()
}

/** Confirms of many channels on one connection. */
const manyChannels: Load = (context) =>
  withConnection(context, async (connection) => {
    const { random } = context
    while (!context.stopping) {
      const channels: ConfirmChannel[] = []
      for (let i = random.below(40); i >= 0; i--) channels.push(await connection.createConfirmChannel())
      await channels[0]!.assertQueue('soak-channels', { durable: true, maxLength: 1000 })
      for (const channel of channels) channel.sendToQueue('soak-channels', random.bytes(64), { persistent: true })
      await Promise.all(channels.map((channel) => channel.waitForConfirms()))
      context.delivered += channels.length
      await Promise.all(channels.map((channel) => channel.close()))
      await pause(random.below(100))
    }
    const channel = await connection.createChannel()
    await channel.deleteQueue('soak-channels')
  })

export const LOADS: Readonly<Record<string, Load>> = {
  traffic,
  backlog,
  crashes,
  topology,
  deadLetters,
  large,
  shortLives,
  transactions,
  otherClient,
  manyChannels,
}
