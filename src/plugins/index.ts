// What plugins import: `warrenmq/plugin`.
export type { FastifyInstance } from 'fastify'
export type { Authenticator } from '../auth/authenticator.ts'
export {
  ALLOWED,
  type Answer,
  type AuthBackend,
  type BackendOutcome,
  type BackendUser,
  type Credentials,
  type Decision,
  type Grants,
  REFUSED,
  refusedBy,
  type ResourceCheck,
  type TopicCheck,
} from '../auth/backend.ts'
export type { Broker } from '../core/broker.ts'
export { type ConnectionSink, NO_TRAFFIC, type Traffic } from '../core/client-connection.ts'
export { BrokerError, preconditionFailed } from '../core/errors.ts'
export type { BrokerEvent, WantedEvents } from '../core/events.ts'
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
export type { Identity, LoginFacts, LoginOutcome } from '../core/identity.ts'
export type { Interceptor } from '../core/interceptors.ts'
export { composeMessage, type Message, Properties, withProperties } from '../core/message.ts'
export type { ParameterComponent } from '../core/parameters.ts'
export type { QueueType } from '../core/queues/queue-type.ts'
export { QuietSink } from '../core/quiet-sink.ts'
export type { Session, SessionSink } from '../core/session.ts'
export type { Peer } from '../net/listener.ts'
export type { FrontEnd } from '../protocols/front-end.ts'
export { definePlugin, type Plugin, type PluginHost, type PluginRegistry } from './plugin.ts'
export type { PluginListener, PluginProtocol, ProtocolParts } from './protocol.ts'
