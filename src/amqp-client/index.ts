/**
 * An AMQP 0-9-1 client on the broker's own codec, for what connects to brokers: links to other brokers, and the tools of the command line.
 *
 *     const connection = await connect('amqp://guest:guest@localhost')
 *     const channel = await connection.openChannel({ onConfirmed: (tag, multiple, positive) => … })
 *     await channel.confirmSelect()
 *     channel.publish('', 'queue', null, Buffer.from('hello'))
 *     await channel.consume('queue', (delivery) => channel.ack(delivery.deliveryTag))
 */
export type { Field, Table } from '../core/fields.ts'
export { tableFromJson, tableToJson } from '../core/fields-json.ts'
export { Properties } from '../core/message.ts'
export { propertiesFromJson, propertiesToJson } from '../core/properties-json.ts'
export { Channel, encodeProperties } from './channel.ts'
export type {
  ChannelHandlers,
  ConsumeOptions,
  ExchangeOptions,
  PublishProperties,
  QueueFacts,
  QueueOptions,
} from './channel.ts'
export { connect, type ConnectOptions } from './connect.ts'
export { AmqpConnection } from './connection.ts'
export { type ClientContext, createContext } from './context.ts'
export {
  AmqpClientError,
  AmqpClosedError,
  AmqpMessageError,
  AmqpNetworkError,
  AmqpReplyError,
  AmqpUriError,
} from './errors.ts'
export { Delivery, Returned } from './received.ts'
export { Unconfirmed } from './unconfirmed.ts'
export { type AmqpUri, parseAmqpUri, withoutCredentials } from './uri.ts'
