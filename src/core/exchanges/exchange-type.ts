import type { Table } from '../fields.ts'
import type { Routable } from '../message.ts'

/** What a binding leads to. Core's queues and exchanges implement it; `===` tells two destinations apart. */
export interface Destination {
  readonly kind: 'queue' | 'exchange'
  readonly name: string
  /** `classic`, `quorum`, … for a queue; the exchange type's name for an exchange. */
  readonly type: string
}

export interface Binding {
  readonly source: string
  readonly destination: Destination
  readonly key: string
  readonly arguments: Table
}

/** Collects where a message goes. Adding the same destination twice has no effect. */
export interface DestinationSink {
  add(destination: Destination): void
}

/** What a type may know of the exchange that it serves. */
export interface ExchangeFacts {
  readonly name: string
  readonly vhost: string
  readonly durable: boolean
  readonly arguments: Table
}

/** Routes for one exchange. All calls are synchronous and may not throw, except where the docs say so. */
export interface ExchangeRouter {
  /** Called once per new binding (identity: destination, key, arguments), after `validateBinding`. */
  bind(binding: Binding): void
  /** Called with the same `Binding` object that was bound. */
  unbind(binding: Binding): void
  route(message: Routable, out: DestinationSink): void
  /**
   * For types that give messages to new bindings (x-recent-history): called after `bind` with a function that publishes a
   * message to the new destination.
   */
  onBound?(binding: Binding, publish: (message: Routable) => void): void
  /** Releases the messages that the router retained: the exchange is being deleted. */
  close?(): void
}

/** One exchange type: a file that exports one of these, and a line in `index.ts`. */
export interface ExchangeType {
  readonly name: string
  /**
   * Whether `route` depends on nothing but the routing key and the bindings, so that a session may remember the answer until a binding
   * changes. False for types that look at headers, choose at random, or keep state.
   */
  readonly cacheable: boolean
  /** Where one of all bindings gets the message, what chooses it; absent where each binding decides on its own. */
  readonly choice?: 'hash' | 'chance'
  /** Whether the routing key does not matter. */
  readonly ignoresKeys?: true
  /** For a type that routes as another one does: which. */
  routesAs?(exchange: ExchangeFacts): ExchangeType
  /** Checks the exchange's own arguments. @throws BrokerError preconditionFailed */
  validate?(exchange: ExchangeFacts): void
  /** Checks a binding before it is made. @throws BrokerError preconditionFailed */
  validateBinding?(exchange: ExchangeFacts, binding: Binding): void
  /** Argument keys that must match on redeclaration, besides `alternate-exchange`. */
  readonly equivalenceKeys?: readonly string[]
  create(exchange: ExchangeFacts, host: ExchangeHost): ExchangeRouter
}

/** What core does for a router. */
export interface ExchangeHost {
  /** Keeps a routed message's bytes past the turn. Each `retain` wants its `release`. */
  retain(message: Routable): void
  release(message: Routable): void
}
