import { type Channel, type ChannelModel, connect } from 'amqplib'
import type { Held } from './broker-process.ts'
import type { MeasuredBroker } from './measured-broker.ts'
import { MqttClient } from './mqtt-client.ts'

/** What one more of something takes, in bytes. */
export interface Cost {
  readonly name: string
  readonly count: number
  readonly live: number
  readonly resident: number
}

export interface Counts {
  readonly connections: number
  readonly channels: number
  readonly queues: number
  readonly consumers: number
  readonly bindings: number
  readonly mqttConnections: number
  readonly messages: number
}

const BODY = Buffer.alloc(100, 'x')
/** What is under way at once. */
const BATCH = 1000
/** amqplib allows 2,047 channels for each connection. */
const CHANNELS_PER_CONNECTION = 1000

/** Makes many of each thing, one kind after the other, and measures before and after. */
export async function measureCosts(broker: MeasuredBroker, counts: Counts): Promise<Cost[]> {
  const { connections, channels, queues, consumers, bindings, mqttConnections, messages } = counts
  const opened: ChannelModel[] = []
  const open = async (): Promise<ChannelModel> => {
    const connection = await connect(broker.url, { noDelay: true })
    opened.push(connection)
    return connection
  }
  // what is there once, such as templates of frames and routes, is made before anything is counted
  const channel = await (await open()).createConfirmChannel()
  await useOnce(channel)
  const mqttClients = [await MqttClient.open(broker.mqttUrl, 'used')]
  await mqttClients[0]!.subscribe('used')
  const costs: Cost[] = []
  const measure = async (name: string, count: number, make: (n: number) => Promise<unknown>): Promise<void> => {
    const before = await broker.measure()
    for (let made = 0; made < count; made += BATCH) {
      const size = Math.min(BATCH, count - made)
      await Promise.all(Array.from({ length: size }, (_, i) => make(made + i)))
    }
    // so that everything has been done that was asked for
    await channel.checkQueue('used')
    costs.push({ name, count, ...difference(before, await broker.measure(), count) })
  }
  await measure('connection', connections, open)
  const carriers = [await open()]
  while (carriers.length * CHANNELS_PER_CONNECTION < channels) carriers.push(await open())
  await measure('channel', channels, (n) => carriers[Math.floor(n / CHANNELS_PER_CONNECTION)]!.createChannel())
  await measure('durable queue', queues, (n) => channel.assertQueue(`queue-${n}`, { durable: true }))
  await measure('binding', bindings, (n) => channel.bindQueue('used', 'amq.topic', `region.${n}.temperature`))
  await measure('consumer', consumers, (n) => channel.consume(`queue-${n % queues}`, () => {}))
  await measure('MQTT connection', mqttConnections, async (n) => {
    mqttClients[n + 1] = await MqttClient.open(broker.mqttUrl, `client-${n}`)
  })
  await measure('MQTT subscription', mqttConnections, (n) => mqttClients[n + 1]!.subscribe('region/temperature'))
  for (const client of mqttClients) client.destroy()
  const publish = (queue: string, persistent: boolean): Promise<void> =>
    new Promise((resolve, reject) => {
      channel.sendToQueue(queue, BODY, { persistent }, (error) => (error === null ? resolve() : reject(error as Error)))
    })
  await measure('transient message', messages, () => publish('used', false))
  await measure('persistent message', messages, () => publish('kept', true))
  await Promise.all(opened.map((connection) => connection.close()))
  return costs
}

async function useOnce(channel: Channel): Promise<void> {
  for (const name of ['used', 'kept']) await channel.assertQueue(name, { durable: true })
  const { consumerTag } = await channel.consume('used', () => {}, { noAck: true })
  channel.sendToQueue('used', BODY)
  channel.sendToQueue('kept', BODY, { persistent: true })
  await channel.checkQueue('used')
  await channel.cancel(consumerTag)
  await channel.purgeQueue('kept')
}

const difference = (before: Held, after: Held, count: number): Held => ({
  live: Math.round((after.live - before.live) / count),
  resident: Math.round((after.resident - before.resident) / count),
})
