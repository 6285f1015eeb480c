import type { FastifyInstance } from 'fastify'
import type { AuthBackend } from '../auth/backend.ts'
import type { Broker } from '../core/broker.ts'
import type { BrokerEvent, WantedEvents } from '../core/events.ts'
import type { ExchangeType } from '../core/exchanges/exchange-type.ts'
import type { Interceptor } from '../core/interceptors.ts'
import type { ParameterComponent } from '../core/parameters.ts'
import type { QueueType } from '../core/queues/queue-type.ts'
import type { Log } from '../telemetry/log.ts'
import type { PluginProtocol } from './protocol.ts'

/** Something that is added to a broker: exchange types, interceptors, protocols, HTTP routes, or a part that runs beside it. */
export interface Plugin {
  /** Unique in a broker: letters, digits, `-` and `_`. */
  readonly name: string
  /** Called before what is durable is read back: that may need what is registered here. @throws Error, and the broker does not start */
  register?(registry: PluginRegistry): void
  /** The broker has what it had before, and listens to nobody yet. @throws (or rejects), and the broker does not start */
  start?(host: PluginHost): void | Promise<void>
  /** Clients are gone, the broker is still there. Listeners to events have ended. */
  stop?(): void | Promise<void>
}

/** What a plugin may add. */
export interface PluginRegistry {
  /** @throws Error when there is a type of that name already */
  readonly exchangeType: (type: ExchangeType) => void
  /** @throws Error when there is a type of that name already */
  readonly queueType: (type: QueueType) => void
  /** Runs over each published message, after those that were registered before. Part of the message path: it has to be quick. */
  readonly interceptor: (interceptor: Interceptor) => void
  /**
   * A kind of runtime parameters, with its checks; `PUT /api/parameters/{component}/…` and definitions take them from then on.
   * @throws Error when there is one of that name already
   */
  readonly parameterComponent: (component: ParameterComponent) => void
  /**
   * Somebody to ask about logins: `auth_backends.1 = plugin.NAME` has it asked, and nobody asks it otherwise.
   * @throws Error when there is one of that name already
   */
  readonly authBackend: (backend: AuthBackend) => void
  /** A protocol, which is spoken as soon as clients are let in. @throws Error when there is one of that name already */
  readonly protocol: (protocol: PluginProtocol) => void
  /**
   * Routes of the HTTP API under `/api/`, behind its sign-in: `request.caller` says who asks. They count for nothing where the broker has no
   * HTTP port.
   */
  readonly routes: (add: (app: FastifyInstance) => void) => void
}

/** What a plugin has of the broker that it runs in. */
export interface PluginHost {
  readonly broker: Broker
  /** Its lines name the plugin. */
  readonly log: Log
  /** `plugin.NAME.KEY = value` of the configuration, by KEY. */
  readonly settings: ReadonlyMap<string, string>
  /**
   * The listener is called with what happens in the broker, until the plugin is stopped. Nobody waits for what it does, and what it throws is
   * logged. With the names of events, or what says for each name whether it is wanted now, it hears of those alone, and those that nobody
   * wants cost nothing.
   */
  readonly onEvent: (listener: (event: BrokerEvent) => unknown, wanted?: WantedEvents) => void
}

/** Says that something is a plugin, and has it checked by the compiler. The default export of a plugin's package or file. */
export const definePlugin = (plugin: Plugin): Plugin => plugin
