import { tableFromJson, type AmqpConnection, type Channel } from '../../amqp-client/index.ts'
import type { PerfConfig } from './config.ts'

/** Declares the exchange and the queues that have names, and binds them. */
export async function declareTopology(connection: AmqpConnection, config: PerfConfig): Promise<void> {
  const { exchange, queues, predeclared } = config
  if (
    isDeclarable(exchange.name) &&
    !(predeclared && (await exists(connection, (c) => c.checkExchange(exchange.name))))
  ) {
    await onChannel(connection, (channel) => channel.declareExchange(exchange.name, exchange.type))
  }
  for (const name of queues.names) {
    if (!(predeclared && (await exists(connection, (channel) => channel.checkQueue(name))))) {
      await onChannel(connection, (channel) => declareQueue(channel, name, config))
    }
    await onChannel(connection, (channel) => bind(channel, name, config))
  }
}

/** Declares, on the consumer's channel, the queue that is its own. @returns its name */
export async function declareOwnQueue(channel: Channel, config: PerfConfig): Promise<string> {
  const name = await declareQueue(channel, '', config)
  await bind(channel, name, config)
  return name
}

/** The broker's own exchanges are there. */
const isDeclarable = (exchange: string): boolean => exchange !== '' && !exchange.startsWith('amq.')

async function declareQueue(channel: Channel, name: string, { queues }: PerfConfig): Promise<string> {
  const { durable, autoDelete, exclusive } = queues
  const options = { durable, autoDelete, exclusive, arguments: tableFromJson(queues.arguments) }
  return (await channel.declareQueue(name, options)).queue
}

async function bind(
  channel: Channel,
  queue: string,
  { exchange, bind: isWanted, queues, routingKey }: PerfConfig,
): Promise<void> {
  if (exchange.name === '' || !isWanted) return
  await channel.bindQueue(queue, exchange.name, queues.inSequence ? queue : routingKey)
}

/** The broker closes the channel of whoever asks in vain. */
async function exists(connection: AmqpConnection, check: (channel: Channel) => Promise<unknown>): Promise<boolean> {
  const channel = await connection.openChannel()
  try {
    await check(channel)
    await channel.close()
    return true
  } catch {
    return false
  }
}

async function onChannel(connection: AmqpConnection, use: (channel: Channel) => Promise<unknown>): Promise<void> {
  const channel = await connection.openChannel()
  await use(channel)
  await channel.close()
}
