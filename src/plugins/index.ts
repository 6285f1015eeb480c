// What plugins import: `warrenmq/plugin`.
export type { FastifyInstance } from 'fastify'
export type { Broker } from '../core/broker.ts'
export { BrokerError, preconditionFailed } from '../core/errors.ts'
export type { BrokerEvent } from '../core/events.ts'
export type {
  Binding,
  Destination,
  DestinationSink,
  ExchangeFacts,
  ExchangeHost,
  ExchangeRouter,
  ExchangeType,
} from '../core/exchanges/exchange-type.ts'
export * from '../core/fields.ts'
export type { Interceptor } from '../core/interceptors.ts'
export { type Message, type Properties, withProperties } from '../core/message.ts'
export type { ParameterComponent } from '../core/parameters.ts'
export type { QueueType } from '../core/queues/queue-type.ts'
export { definePlugin, type Plugin, type PluginHost, type PluginRegistry } from './plugin.ts'
