import type { DelayLine } from './delays/delay-line.ts'
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
  readonly #host: RouterHost
  #epoch = 0
  #targets: Target[] = []
  #matched = 0
  readonly #open: Exchange[] = []

  constructor(host: RouterHost) {
    this.#host = host
  }

  /** The targets, in a new array. */
  route(exchange: Exchange, message: Message): Target[] {
    this.#epoch++
    this.#targets = []
    this.cacheable = message.extraKeys === null
    exchange.mark = this.#epoch
    this.#open.push(exchange)
    for (let next = this.#open.shift(); next !== undefined; next = this.#open.shift()) this.#visit(next, message)
    return this.#targets
  }

  add(destination: Destination): void {
    this.#matched++
    const reached = destination as Destination & { mark: number }
    if (reached.mark === this.#epoch) return
    reached.mark = this.#epoch
    if (destination.kind === 'queue') this.#targets.push(destination as unknown as Target)
    else this.#open.push(destination as Exchange)
  }

  #visit(exchange: Exchange, message: Message): void {
    const before = this.#matched
    if (exchange.delays !== null && this.#isDelayed(exchange.delays, message)) return
    if (exchange.name === '') this.#byName(message)
    else {
      if (!exchange.rules.cacheable) this.cacheable = false
      exchange.router.route(message, this)
    }
    if (this.#matched === before && exchange.alternate !== null) {
      const alternate = this.#host.exchange(exchange.alternate)
      if (alternate !== undefined && alternate.mark !== this.#epoch) {
        alternate.mark = this.#epoch
        this.#open.push(alternate)
      }
    }
  }

  /** The exchange keeps the message until it is due. */
  #isDelayed(line: DelayLine, message: Message): boolean {
    this.cacheable = false
    if (!line.takes(message)) return false
    line.mark = this.#epoch
    this.#matched++
    this.#targets.push(line)
    return true
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
    if (target.mark === this.#epoch) return
    target.mark = this.#epoch
    this.#targets.push(target)
  }
}
