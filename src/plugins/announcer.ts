import type { Broker } from '../core/broker.ts'
import type { Exchange } from '../core/exchange.ts'
import { composeMessage, type Properties } from '../core/message.ts'
import type { VHost } from '../core/vhost.ts'
import { PHASE_FLUSH, type TurnTask } from '../util/turn.ts'

/** What is announced waits for the end of the turn; beyond so many, the newest are dropped. */
const WAITING_MAX = 10_000

interface Announcement {
  readonly key: string
  readonly properties: Properties
  readonly body: Uint8Array
}

/**
 * Publishes what the broker has to say to an exchange of its own: a durable, internal topic exchange, made where it is missing.
 * Nothing is composed while nothing is bound to it. It is published after the turn in which it came up, since it may come up in the middle of
 * anything.
 */
export class Announcer implements TurnTask {
  scheduled = false
  readonly #broker: Broker
  readonly #vhost: string
  readonly #exchange: string
  #waiting: Announcement[] = []
  #publishing = false

  constructor(broker: Broker, vhost: string, exchange: string) {
    this.#broker = broker
    this.#vhost = vhost
    this.#exchange = exchange
    this.declare()
  }

  /** Makes the exchange, if its virtual host is there. */
  declare(): void {
    const vhost = this.#broker.vhosts.get(this.#vhost)
    if (vhost === undefined || vhost.exchanges.has(this.#exchange)) return
    const rest = { type: 'topic', durable: true, autoDelete: false, internal: true, arguments: new Map() }
    vhost.createExchange({ name: this.#exchange, ...rest })
    vhost.metadataChanged()
  }

  /** Whether anything is bound to the exchange. */
  get isHeard(): boolean {
    return this.#listened() !== null
  }

  #listened(): [VHost, Exchange] | null {
    const vhost = this.#broker.vhosts.get(this.#vhost)
    const exchange = vhost?.exchanges.get(this.#exchange)
    return vhost === undefined || exchange === undefined || exchange.bindings.size === 0 ? null : [vhost, exchange]
  }

  /** @param compose called only where somebody listens */
  announce(key: string, compose: () => { properties: Properties; body: Uint8Array }): void {
    // what publishing itself brings up would bring up more
    if (this.#publishing || this.#waiting.length >= WAITING_MAX || this.#listened() === null) return
    this.#waiting.push({ key, ...compose() })
    if (!this.scheduled) this.#broker.turn.schedule(PHASE_FLUSH, this)
  }

  runAtTurnEnd(): void {
    const waiting = this.#waiting
    this.#waiting = []
    const listened = this.#listened()
    if (listened === null) return
    const [vhost, exchange] = listened
    this.#publishing = true
    try {
      for (const { key, properties, body } of waiting) {
        const message = composeMessage(this.#exchange, key, properties, body, this.#broker.propertyFormat)
        vhost.give(message, vhost.tryRoute(exchange, message) ?? [])
      }
    } finally {
      this.#publishing = false
    }
  }
}
