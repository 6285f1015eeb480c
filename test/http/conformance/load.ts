import { type Channel, type ChannelModel, connect, type ConfirmChannel } from 'amqplib'
import { once } from 'node:events'
import { eventually } from '../../support/with-broker.ts'
import type { Target } from './loaded-broker.ts'

/** A client that does a little of everything, so that every number has something to count. */
export interface Load {
  readonly connection: ChannelModel
  /** Some more of the same. */
  round(): Promise<void>
  close(): Promise<void>
}

export async function startLoad({ amqpUrl }: Target): Promise<Load> {
  const connection = await connect(amqpUrl, { clientProperties: { connection_name: 'conformance' } })
  const publisher = await connection.createConfirmChannel()
  publisher.on('return', () => {})
  const consumer = await connection.createChannel()
  await declare(publisher)
  await consume(consumer)
  let rounds = 0
  return {
    connection,
    async round() {
      rounds++
      for (let i = 0; i < 5; i++) publish(publisher, rounds * 5 + i)
      await publisher.waitForConfirms()
      for (const noAck of [true, false]) {
        const got = await consumer.get('fetched', { noAck })
        if (got !== false && !noAck) consumer.ack(got)
      }
      await consumer.get('idle')
    },
    async close() {
      const closed = once(connection, 'close')
      await connection.close()
      await closed
    },
  }
}

async function declare(channel: ConfirmChannel): Promise<void> {
  const queue = (name: string, args: object = {}) => channel.assertQueue(name, { durable: true, arguments: args })
  await queue('fed', { 'x-max-length': 1000 })
  await queue('quorum', { 'x-queue-type': 'quorum' })
  await queue('single', { 'x-single-active-consumer': true })
  await queue('fetched')
  await queue('idle')
  await channel.assertQueue('exclusive', { exclusive: true })
  await channel.assertExchange('topic', 'topic')
  await channel.bindQueue('fed', 'topic', '#')
  await channel.bindQueue('quorum', 'topic', '#')
}

async function consume(channel: Channel): Promise<void> {
  await channel.prefetch(5)
  let count = 0
  await channel.consume(
    'fed',
    (message) => {
      if (message === null) return
      if (++count % 2 === 0) channel.ack(message)
      else channel.nack(message, false, !message.fields.redelivered)
    },
    { arguments: { 'x-priority': 3 } },
  )
  const acknowledge = (message: Parameters<Channel['ack']>[0] | null): void => {
    if (message !== null) channel.ack(message)
  }
  await channel.consume('quorum', acknowledge)
  await channel.consume('single', acknowledge, { consumerTag: 'first' })
  await channel.consume('single', acknowledge, { consumerTag: 'second' })
}

function publish(channel: ConfirmChannel, n: number): void {
  const body = Buffer.from(`message ${n}`)
  channel.publish('topic', `key.${n}`, body, { persistent: n % 2 === 0, timestamp: 1_700_000_000 })
  channel.sendToQueue('single', body)
  channel.sendToQueue('fetched', body, { persistent: true, timestamp: 1_700_000_000 })
  channel.publish('', 'nowhere', body)
  channel.publish('', 'nowhere', body, { mandatory: true })
}

/** The answers that are compared, by what they are. */
export async function answersOf(target: Target): Promise<Record<string, unknown>> {
  const { vhost, nodeName } = target
  const ranges = ['lengths', 'msg_rates', 'data_rates', 'node_stats'].map((name) => `${name}_age=60&${name}_incr=5`)
  const query = ranges.join('&')
  const connection = await eventually(async () => {
    const all = (await target.get(`vhosts/${vhost}/connections`)) as { name: string; channels?: number }[]
    return all.find(({ channels }) => channels === 2)
  }, 20_000)
  const name = encodeURIComponent(connection.name)
  const paths: Record<string, string> = {
    overview: `overview?${query}`,
    node: `nodes/${nodeName}?${query}`,
    memory: `nodes/${nodeName}/memory`,
    'memory, relative': `nodes/${nodeName}/memory/relative`,
    connections: `vhosts/${vhost}/connections?${query}`,
    connection: `connections/${name}`,
    'connections of a user': 'connections/username/guest',
    channels: `vhosts/${vhost}/channels?${query}`,
    'publishing channel': `channels/${name}%20(1)`,
    'consuming channel': `channels/${name}%20(2)?${query}`,
    consumers: `consumers/${vhost}`,
    queues: `queues/${vhost}?${query}`,
    'page of queues': `queues/${vhost}?page=1&page_size=2`,
    'queues without numbers': `queues/${vhost}?disable_stats=true`,
    'queues with totals': `queues/${vhost}?disable_stats=true&enable_queue_totals=true`,
    ...Object.fromEntries(
      ['fed', 'quorum', 'single', 'fetched', 'idle', 'exclusive'].map((queue) => [
        `queue ${queue}`,
        `queues/${vhost}/${queue}?${query}`,
      ]),
    ),
    'health: alarms': 'health/checks/alarms',
    'health: local alarms': 'health/checks/local-alarms',
    'health: virtual hosts': 'health/checks/virtual-hosts',
    'health: protocol': 'health/checks/protocol-listener/amqp',
    'health: quorum': 'health/checks/node-is-quorum-critical',
    'health: certificates': 'health/checks/certificate-expiration/1/days',
    'health: node': 'healthchecks/node',
  }
  const answers: Record<string, unknown> = {}
  for (const [what, path] of Object.entries(paths)) answers[what] = await target.get(path)
  return answers
}
