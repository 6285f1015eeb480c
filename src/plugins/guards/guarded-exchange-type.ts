import { Exchange } from '../../core/exchange.ts'
import type {
  Binding,
  Destination,
  DestinationSink,
  ExchangeFacts,
  ExchangeHost,
  ExchangeRouter,
  ExchangeType,
} from '../../core/exchanges/exchange-type.ts'
import type { Routable } from '../../core/message.ts'
import { Queue } from '../../core/queues/queue.ts'
import { type PluginGuard, requireFunctions, requireName } from './plugin-guard.ts'

/** @throws TypeError when it is none */
export function guardExchangeType(type: ExchangeType, guard: PluginGuard): ExchangeType {
  requireName('an exchange type', type)
  requireFunctions(`exchange type '${type.name}'`, type, ['create'])
  const of = ({ name, vhost }: ExchangeFacts): string => `exchange '${name}' in vhost '${vhost}' of type '${type.name}'`
  return {
    name: type.name,
    cacheable: type.cacheable,
    ...(type.choice === undefined ? {} : { choice: type.choice }),
    ...(type.ignoresKeys === undefined ? {} : { ignoresKeys: type.ignoresKeys }),
    ...(type.routesAs === undefined ? {} : { routesAs: (exchange) => type.routesAs!(exchange) }),
    ...(type.equivalenceKeys === undefined ? {} : { equivalenceKeys: type.equivalenceKeys }),
    validate: (exchange) => guard.check(`validate() of ${of(exchange)}`, () => type.validate?.(exchange)),
    validateBinding: (exchange, binding) =>
      guard.check(`validateBinding() of ${of(exchange)}`, () => type.validateBinding?.(exchange, binding)),
    create: (exchange, host) => createRouter(type, exchange, host, guard, of(exchange)),
  }
}

/** @throws BrokerError unless what is durable is read back: the exchange routes nothing then */
function createRouter(
  type: ExchangeType,
  exchange: ExchangeFacts,
  host: ExchangeHost,
  guard: PluginGuard,
  of: string,
): ExchangeRouter {
  let router: ExchangeRouter = { bind() {}, unbind() {}, route() {} }
  guard.check(`create() of ${of}`, () => {
    const created = type.create(exchange, host)
    requireFunctions('what it returns', created, ['bind', 'unbind', 'route'])
    router = created
  })
  return new GuardedRouter(router, guard, of)
}

class GuardedRouter implements ExchangeRouter {
  readonly onBound?: (binding: Binding, publish: (message: Routable) => void) => void
  readonly #router: ExchangeRouter
  readonly #guard: PluginGuard
  readonly #of: string
  readonly #sink = new CheckedSink()

  constructor(router: ExchangeRouter, guard: PluginGuard, of: string) {
    this.#router = router
    this.#guard = guard
    this.#of = of
    if (router.onBound !== undefined) {
      this.onBound = (binding, publish) => guard.quietly(`onBound() of ${of}`, () => router.onBound!(binding, publish))
    }
  }

  bind(binding: Binding): void {
    this.#guard.check(`bind() of ${this.#of}`, () => this.#router.bind(binding))
  }

  unbind(binding: Binding): void {
    this.#guard.quietly(`unbind() of ${this.#of}`, () => this.#router.unbind(binding))
  }

  /** @throws BrokerError */
  route(message: Routable, out: DestinationSink): void {
    this.#sink.to = out
    try {
      this.#router.route(message, this.#sink)
    } catch (error) {
      throw this.#guard.fault(`route() of ${this.#of}`, error)
    }
  }

  close(): void {
    this.#guard.quietly(`close() of ${this.#of}`, () => this.#router.close?.())
  }
}

/** What is no destination would do its harm only later. */
class CheckedSink implements DestinationSink {
  to: DestinationSink | null = null

  add(destination: Destination): void {
    if (!(destination instanceof Queue) && !(destination instanceof Exchange)) {
      throw new TypeError('add() takes the destination of a binding')
    }
    this.to!.add(destination)
  }
}
