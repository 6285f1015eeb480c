import { type TestContext } from 'node:test'
import { type AmqpConnection, type Channel, connect, type Delivery, Properties } from '../../src/amqp-client/index.ts'
import type { Broker } from '../../src/core/broker.ts'
import type { RunningServer } from '../../src/server.ts'
import { eventually, startTestBroker, type TestBroker, type TestBrokerOptions } from '../support/with-broker.ts'

export { eventually }

/** A broker that is gone when the test is over. */
export async function startBrokerFor(t: TestContext, options: TestBrokerOptions = {}): Promise<TestBroker> {
  const broker = await startTestBroker(options)
  t.after(() => broker.server.stop('test'))
  return broker
}

/** A client of a broker, gone when the test is over. */
export async function clientOf(t: TestContext, url: string): Promise<{ connection: AmqpConnection; channel: Channel }> {
  const connection = await connect(url)
  t.after(() => connection.close())
  return { connection, channel: await connection.openChannel() }
}

export const persistent = (): Properties => Object.assign(new Properties(), { deliveryMode: 2 })

/** Publishes texts to a queue, and waits until they are safe. */
export async function publishAll(url: string, queue: string, texts: readonly string[]): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const connection = await connect(url)
  const channel = await connection.openChannel({
    onConfirmed: (tag, multiple) => {
      if (tag === texts.length && (multiple || texts.length === 1)) resolve()
      else if (!multiple && ++single === texts.length) resolve()
    },
  })
  let single = 0
  await channel.confirmSelect()
  const properties = persistent()
  for (const text of texts) channel.publish('', queue, properties, Buffer.from(text))
  await promise
  await connection.close()
}

/** Everything that is in a queue now, taken out of it. */
export async function takeAll(channel: Channel, queue: string): Promise<Delivery[]> {
  const taken: Delivery[] = []
  for (;;) {
    const delivery = await channel.get(queue, true)
    if (delivery === null) return taken
    taken.push(delivery)
  }
}

export const textsOf = (deliveries: readonly Delivery[]): string[] => deliveries.map(({ body }) => body.toString())

export const numbered = (count: number, prefix = 'm'): string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}${i}`)

export const readyIn = (broker: Broker, queue: string, vhost = '/'): number =>
  broker.findVhost(vhost).findQueue(queue).readyCount

export function declareQueue(server: RunningServer, name: string, vhost = '/'): void {
  const { broker } = server
  if (!broker.findVhost(vhost).queues.has(name)) {
    broker
      .findVhost(vhost)
      .createQueue('classic', { name, durable: true, autoDelete: false, owner: null, arguments: new Map() })
  }
}

/** Ready and unacknowledged ones. */
export function messagesIn(broker: Broker, queue: string): number {
  const { readyCount, unackedCount } = broker.findVhost('/').findQueue(queue)
  return readyCount + unackedCount
}
