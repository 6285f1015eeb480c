import type { DelayLine } from './delays/delay-line.ts'
import type { ExchangeDeduplication } from './deduplication/exchange-deduplication.ts'
import { type Gate, Passage } from './deduplication/passage.ts'
import type { Destination, DestinationSink } from './exchanges/exchange-type.ts'
import type { Exchange } from './exchange.ts'
import type { Message } from './message.ts'

/** Takes a routed message: a queue, or what stands for one (who waits for a reply, or messages that are not due yet). */
export interface Target {
  readonly kind: 'queue' | 'reply' | 'delay' | 'retry'
  /** The last routing that reached it: tells duplicates without a set. */
  mark: number
  /** @returns ACCEPTED or REJECTED */
  publish(message: Message): number
  /** Whether a message that it has taken is there after a restart. */
  logs(message: Message): boolean
}

/** Looks names up for the router. */
export interface RouterHost {
  exchange(name: string): Exchange | undefined
  /** What the default exchange delivers to by this name. */
  target(name: string): Target | undefined
}

/**
 * Walks from an exchange over bindings, exchange-to-exchange bindings and alternate exchanges. Each exchange is visited once per message, so
 * cycles are harmless, and each queue gets one copy.
 */
export class Router implements DestinationSink {
  /** Whether the last answer depends on nothing but exchange, key and bindings. */
  cacheable = true
  /** What exchanges that keep duplicates out had to do with the last message; null where there were none. */
  passage: Passage | null = null
  readonly #host: RouterHost
  #epoch = 0
  /** The exchange that has kept the message that is routed. */
  #released: Exchange | null = null
  #targets: Target[] = []
  /** The last answer with one target, which is given again: of thousands that publish to one queue, all look at the same. */
  #only: readonly Target[] = []
  #matched = 0
  readonly #open: Exchange[] = []
  /** What the message has come through that is looked at: see `Exchange.gate`. */
  #gate: Gate | null = null

  constructor(host: RouterHost) {
    this.#host = host
  }

  /**
   * The targets.
   * @param isReleased whether the exchange has kept the message until now: it is not looked at again
   * @throws BrokerError when an exchange of a plugin's type fails
   */
  route(exchange: Exchange, message: Message, isReleased = false): readonly Target[] {
    this.#released = isReleased ? exchange : null
    this.#epoch++
    this.#targets = []
    this.cacheable = message.extraKeys === null
    this.passage = null
    exchange.mark = this.#epoch
    exchange.gate = null
    this.#open.push(exchange)
    try {
      for (let next = this.#open.shift(); next !== undefined; next = this.#open.shift()) this.#visit(next, message)
    } catch (error) {
      // the next message has another way
      this.#open.length = 0
      throw error
    }
    return this.#targets.length === 1 ? this.#onlyOf(this.#targets) : this.#targets
  }

  #onlyOf(targets: readonly Target[]): readonly Target[] {
    if (this.#only[0] !== targets[0]) this.#only = targets
    return this.#only
  }

  add(destination: Destination): void {
    this.#matched++
    const reached = destination as Destination & { mark: number }
    if (destination.kind === 'queue') this.#gate?.reach()
    if (reached.mark === this.#epoch) return
    reached.mark = this.#epoch
    if (destination.kind === 'queue') this.#targets.push(destination as unknown as Target)
    else this.#openFrom(destination as Exchange)
  }

  #openFrom(exchange: Exchange): void {
    exchange.gate = this.#gate
    this.#open.push(exchange)
  }

  #visit(exchange: Exchange, message: Message): void {
    const before = this.#matched
    this.#gate = exchange.gate
    if (exchange !== this.#released) {
      if (exchange.deduplication !== null && this.#isDuplicate(exchange.deduplication, message)) return
      if (exchange.delays !== null && this.#isDelayed(exchange.delays, message)) return
    }
    if (exchange.name === '') this.#byName(message)
    else {
      if (!exchange.rules.cacheable) this.cacheable = false
      exchange.router.route(message, this)
    }
    if (this.#matched === before && exchange.alternate !== null) {
      const alternate = this.#host.exchange(exchange.alternate)
      if (alternate !== undefined && alternate.mark !== this.#epoch) {
        alternate.mark = this.#epoch
        this.#openFrom(alternate)
      }
    }
  }

  /** The exchange keeps the message until it is due. */
  #isDelayed(line: DelayLine, message: Message): boolean {
    this.cacheable = false
    if (!line.takes(message)) return false
    line.mark = this.#epoch
    this.#matched++
    this.#gate?.reach()
    this.#targets.push(line)
    return true
  }

  #isDuplicate(deduplication: ExchangeDeduplication, message: Message): boolean {
    this.cacheable = false
    // a dead letter is not sent a second time: it only goes on, and may have come by here before
    if (message.deaths !== null) return false
    const identity = deduplication.seen.identify(message)
    if (identity === null) return false
    this.passage ??= new Passage()
    if (deduplication.seen.isDuplicate(identity)) {
      this.passage.refuse(deduplication)
      return true
    }
    this.#gate = this.passage.enter(deduplication, identity, this.#gate)
    return false
  }

  #byName(message: Message): void {
    this.#addByName(message.routingKey)
    if (message.extraKeys !== null) for (const key of message.extraKeys) this.#addByName(key)
  }

  #addByName(name: string): void {
    const target = this.#host.target(name)
    if (target === undefined) return
    // what replies go to comes and goes without a trace in the routes
    if (target.kind === 'reply') this.cacheable = false
    this.#matched++
    this.#gate?.reach()
    if (target.mark === this.#epoch) return
    target.mark = this.#epoch
    this.#targets.push(target)
  }
}
