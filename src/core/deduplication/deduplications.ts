import type { Exchange } from '../exchange.ts'
import type { Queue } from '../queues/queue.ts'
import type { DeduplicationHost } from './deduplication-host.ts'
import { ExchangeDeduplication } from './exchange-deduplication.ts'
import { QueueDeduplication } from './queue-deduplication.ts'
import type { SeenMessages } from './seen-messages.ts'
import { type DeduplicationSettings, deduplicationOf, sameDeduplication } from './settings.ts'

/** Gives exchanges and queues of a virtual host what keeps duplicates out, as arguments and policies ask for. */
export class Deduplications {
  readonly #host: DeduplicationHost
  /** Of all that remember something. */
  readonly #seen = new Set<SeenMessages>()

  constructor(host: DeduplicationHost) {
    this.#host = host
  }

  /** An exchange was made, or its policy has changed. */
  applyToExchange(exchange: Exchange): void {
    // the default exchange is everybody's
    if (exchange.name === '') return
    const { type, arguments: args, policy } = exchange
    const settings = deduplicationOf('exchange', type, args, policy)
    exchange.deduplication = this.#apply(
      exchange.deduplication,
      settings,
      (found) => new ExchangeDeduplication(this.#host, exchange, found),
    )
  }

  /** A queue was made, or its policy has changed. */
  applyToQueue(queue: Queue): void {
    const { type, arguments: args, policy } = queue
    const settings = deduplicationOf('queue', type, args, policy)
    queue.deduplication = this.#apply(
      queue.deduplication,
      settings,
      (found) => new QueueDeduplication(this.#host, queue, found),
    )
  }

  #apply<T extends { readonly seen: SeenMessages }>(
    current: T | null,
    settings: DeduplicationSettings | null,
    create: (settings: DeduplicationSettings) => T,
  ): T | null {
    if (settings === null) {
      if (current !== null) this.#delete(current)
      return null
    }
    if (current === null) {
      const created = create(settings)
      this.#seen.add(created.seen)
      return created
    }
    if (!sameDeduplication(current.seen.settings, settings)) current.seen.change(settings)
    return current
  }

  /** An exchange or a queue is no more. */
  forget({ deduplication }: Exchange | Queue): void {
    if (deduplication !== null) this.#delete(deduplication)
  }

  #delete({ seen }: { readonly seen: SeenMessages }): void {
    this.#seen.delete(seen)
    seen.delete()
  }

  /** Reads back what was remembered before a restart. */
  async recover(): Promise<void> {
    for (const seen of this.#seen) await seen.load()
  }
}
