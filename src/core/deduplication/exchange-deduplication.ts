import type { Exchange } from '../exchange.ts'
import type { Message } from '../message.ts'
import type { DeduplicationHost } from './deduplication-host.ts'
import type { Identity } from './identity.ts'
import { SeenMessages } from './seen-messages.ts'
import type { DeduplicationSettings } from './settings.ts'

/** Keeps duplicates out of an exchange: the router asks, and `Passage` says what became of a message. */
export class ExchangeDeduplication {
  readonly seen: SeenMessages
  readonly #exchange: Exchange

  constructor(host: DeduplicationHost, exchange: Exchange, settings: DeduplicationSettings) {
    const { name, durable } = exchange
    this.#exchange = exchange
    this.seen = new SeenMessages(host, { kind: 'exchange', name, durable }, settings, null)
  }

  /** Queues have taken the message. @param logged whether one of them keeps it over a restart */
  accept(message: Message, identity: Identity, logged: boolean): void {
    this.seen.begin(message, identity)
    this.seen.accept(message, identity, logged)
  }

  /** The message went nowhere, or was refused. */
  refuse(identity: Identity): void {
    this.seen.refuse(identity)
  }

  /** The message was a duplicate. */
  count(message: Message): void {
    this.#exchange.deduplicated++
    message.position = Math.max(message.position, this.seen.lastPosition)
  }
}
