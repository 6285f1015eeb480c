import type { ClientConnection } from '../../core/client-connection.ts'
import { sessionName } from '../../core/event-facts.ts'
import type { Exchange } from '../../core/exchange.ts'
import type { Binding } from '../../core/exchanges/exchange-type.ts'
import type { Queue } from '../../core/queues/queue.ts'
import type { VHost } from '../../core/vhost.ts'
import { bindingKey } from '../binding-key.ts'
import { rateOf } from '../statistics/details.ts'
import { CONSUMERS_SHOWN, EXCHANGES_SHOWN, PUBLISHED_SHOWN, QUEUES_SHOWN, SOURCES_SHOWN } from '../statistics/series.ts'
import type { Statistics } from '../statistics/statistics.ts'
import { BindingRates, type Lead } from './binding-rates.ts'
import { messageCount, stateOf } from './queue.ts'

/** Of one kind in one answer: a picture of more is not looked at, and it bounds the work and the bytes of one request. */
export const TOPOLOGY_ITEMS_MAX = 5000

/** What was published to an exchange and came to a queue, messages per second. */
interface ShownFlow {
  readonly exchange: string
  readonly queue: string
  readonly out: number
}

/** Whose consumers and publishers are shown. */
type Visible = (connection: ClientConnection) => boolean

/**
 * All of a virtual host in one picture: what there is, what leads where, and messages per second in the last interval of the
 * statistics. What leads from or to something that is not shown, is not shown either.
 */
export class TopologyPicture {
  readonly #statistics: Statistics
  readonly #exchanges: ReadonlySet<Exchange>
  readonly #queues: ReadonlySet<Queue>
  readonly #vhost: VHost
  #truncated = false

  constructor(vhost: VHost, statistics: Statistics) {
    this.#vhost = vhost
    this.#statistics = statistics
    this.#exchanges = new Set(this.#limited(vhost.exchanges.values()))
    this.#queues = new Set(this.#limited(vhost.queues.values()))
  }

  render(isVisible: Visible): object {
    const exchanges = [...this.#exchanges].map((exchange) => this.#exchange(exchange))
    const queues = [...this.#queues].map((queue) => this.#queue(queue))
    const flows = this.#limited(this.#flows())
    const bindings = this.#bindingsWithRates(this.#limited(this.#bindings()), flows)
    const consumers = this.#limited(this.#consumers(isVisible))
    const publishers = this.#limited(this.#publishers(isVisible))
    const deadLetters = [...this.#queues].flatMap(deadLettersOf)
    return {
      exchanges,
      queues,
      bindings,
      flows,
      consumers,
      publishers,
      dead_letters: deadLetters,
      truncated: this.#truncated,
    }
  }

  #limited<T>(items: Iterable<T>): T[] {
    const shown: T[] = []
    for (const item of items) {
      if (shown.length === TOPOLOGY_ITEMS_MAX) {
        this.#truncated = true
        break
      }
      shown.push(item)
    }
    return shown
  }

  #exchange(exchange: Exchange): object {
    const { name, type, internal } = exchange
    const past = this.#statistics.ofExchange(exchange)
    const rate = (key: string): number => rateOf(past, EXCHANGES_SHOWN[key]!)
    return { name, type, internal, in: rate('publish_in'), out: rate('publish_out') }
  }

  #queue(queue: Queue): object {
    const { name, type, consumerCount, paused } = queue
    const past = this.#statistics.ofQueue(queue)
    const rate = (key: string): number => rateOf(past, QUEUES_SHOWN[key]!)
    return {
      name,
      type,
      messages: messageCount(queue),
      in: rate('publish'),
      out: rate('deliver_get'),
      consumers: consumerCount,
      state: stateOf(queue),
      paused,
    }
  }

  *#bindings(): Generator<Binding> {
    for (const { bindings } of this.#exchanges) {
      for (const binding of bindings.values()) {
        const isShown: boolean = (this.#exchanges as ReadonlySet<unknown>).has(binding.destination)
        if (isShown || (this.#queues as ReadonlySet<unknown>).has(binding.destination)) yield binding
      }
    }
  }

  #bindingsWithRates(bindings: readonly Binding[], flows: readonly ShownFlow[]): object[] {
    const came = flows.map(({ exchange, queue, out: rate }) => ({ exchange, queue, rate }))
    // ways that are not seen cannot be followed
    const rates = this.#truncated ? null : new BindingRates(this.#leads(bindings), came)
    return bindings.map(({ source, destination, key, arguments: args }) => {
      const out = rates?.of({ source, kind: destination.kind, destination: destination.name }) ?? null
      return {
        source,
        destination: destination.name,
        destination_type: destination.kind,
        routing_key: key,
        properties_key: bindingKey(key, args),
        out_min: out?.min ?? null,
        out_max: out?.max ?? null,
      }
    })
  }

  /** What messages follow: the bindings, and alternate exchanges where there is none for them. */
  *#leads(bindings: readonly Binding[]): Generator<Lead> {
    const types = new Map([...this.#exchanges].map(({ name, type }) => [name, type]))
    for (const { source, destination, key } of bindings) {
      const type = types.get(source)
      const isAlways = type === 'fanout' || (type === 'topic' && key === '#')
      yield { source, kind: destination.kind, destination: destination.name, isAlways }
    }
    for (const { name, alternate } of this.#exchanges) {
      if (alternate !== null) yield { source: name, kind: 'exchange', destination: alternate, isAlways: false }
    }
    // to the default exchange every queue is bound by its name; such a binding is not among the others
    for (const queue of this.#queues) {
      if (queue.incoming.bySource.has('')) yield { source: '', kind: 'queue', destination: queue.name, isAlways: false }
    }
  }

  /** What came to each queue, by the exchange that it was published to. */
  *#flows(): Generator<ShownFlow> {
    for (const queue of this.#queues) {
      for (const [exchange, source] of queue.incoming.bySource) {
        yield { exchange, queue: queue.name, out: rateOf(this.#statistics.ofFlow(source), SOURCES_SHOWN['publish']!) }
      }
    }
  }

  *#consumers(isVisible: Visible): Generator<object> {
    for (const queue of this.#queues) {
      for (const consumer of queue.dispatcher.consumers) {
        const { connection, session, tag } = consumer
        if (!isVisible(connection)) continue
        yield {
          queue: queue.name,
          consumer_tag: tag,
          channel: sessionName(session),
          connection: connection.facts.name,
          user: connection.user.name,
          out: rateOf(this.#statistics.ofConsumers([consumer]), CONSUMERS_SHOWN['deliver']!),
        }
      }
    }
  }

  /** By connection, whose channels are added up. */
  *#publishers(isVisible: Visible): Generator<object> {
    const shown = new Set([...this.#exchanges].map(({ name }) => name))
    for (const connection of this.#vhost.broker.connections) {
      if (connection.vhost !== this.#vhost || !isVisible(connection)) continue
      const rates = new Map<string, number>()
      for (const { publishing } of connection.sessions.values()) {
        for (const [exchange, counters] of publishing.byExchange) {
          if (!shown.has(exchange)) continue
          const rate = rateOf(this.#statistics.ofFlow(counters), PUBLISHED_SHOWN['publish']!)
          rates.set(exchange, (rates.get(exchange) ?? 0) + rate)
        }
      }
      for (const [exchange, out] of rates) yield { connection: connection.facts.name, exchange, out }
    }
  }
}

function deadLettersOf({ name, settings }: Queue): object[] {
  const { deadLetterExchange: exchange, deadLetterRoutingKey: routingKey } = settings
  return exchange === null ? [] : [{ queue: name, exchange, routing_key: routingKey }]
}
