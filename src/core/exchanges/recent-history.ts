import { preconditionFailed } from '../errors.ts'
import { integerOf } from '../fields.ts'
import type { Table } from '../fields.ts'
import type { Routable } from '../message.ts'
import { erlangText } from '../erlang-text.ts'
import type {
  Binding,
  Destination,
  DestinationSink,
  ExchangeFacts,
  ExchangeHost,
  ExchangeRouter,
  ExchangeType,
} from './exchange-type.ts'
import { Targets } from './targets.ts'

const LENGTH_DEFAULT = 20

/** Recent history: fanout that also gives the last messages, oldest first, to whoever binds later. */
export const recentHistory: ExchangeType = {
  name: 'x-recent-history',
  cacheable: false,
  ignoresKeys: true,
  validate: (exchange) => void lengthOf(exchange.arguments),
  create: (exchange, host) => new RecentHistoryRouter(exchange, host),
}

/** @throws BrokerError preconditionFailed */
function lengthOf(args: Table): number {
  const field = args.get('x-recent-history-length')
  if (field === undefined) return LENGTH_DEFAULT
  const length = integerOf(field)
  if (length === null || length < 1) {
    throw preconditionFailed(
      `Invalid argument ${erlangText(field)}, 'x-recent-history-length' must be a positive integer`,
    )
  }
  return length
}

class RecentHistoryRouter implements ExchangeRouter {
  readonly #host: ExchangeHost
  readonly #length: number
  readonly #targets = new Targets<Destination>()
  /** Grows to `#length`, then its oldest message is at `#oldest` and gives way to the next one. */
  readonly #history: Routable[] = []
  #oldest = 0

  constructor(exchange: ExchangeFacts, host: ExchangeHost) {
    this.#host = host
    this.#length = lengthOf(exchange.arguments)
  }

  bind(binding: Binding): void {
    this.#targets.add(binding.destination)
  }

  unbind(binding: Binding): void {
    this.#targets.remove(binding.destination)
  }

  route(message: Routable, out: DestinationSink): void {
    const list = this.#targets.list
    for (let i = 0; i < list.length; i++) out.add(list[i]!)
    const noStore = message.properties().headers?.get('x-recent-history-no-store')
    if (noStore === undefined || noStore.type !== 'bool' || !noStore.value) this.#remember(message)
  }

  onBound(_binding: Binding, publish: (message: Routable) => void): void {
    const messages = [...this.#history.slice(this.#oldest), ...this.#history.slice(0, this.#oldest)]
    // A destination that leads back here makes this exchange route, and thereby forget, while the messages go out.
    for (const message of messages) this.#host.retain(message)
    for (const message of messages) {
      publish(message)
      this.#host.release(message)
    }
  }

  close(): void {
    for (const message of this.#history) this.#host.release(message)
    this.#history.length = 0
    this.#oldest = 0
  }

  #remember(message: Routable): void {
    this.#host.retain(message)
    if (this.#history.length < this.#length) {
      this.#history.push(message)
      return
    }
    const forgotten = this.#history[this.#oldest]!
    this.#history[this.#oldest] = message
    this.#oldest = (this.#oldest + 1) % this.#length
    this.#host.release(forgotten)
  }
}
