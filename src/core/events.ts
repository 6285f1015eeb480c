/**
 * Something has happened in the broker that is no message: by the names of RabbitMQ's event exchange (`queue.created`,
 * `connection.closed`, `policy.set` ...), with its properties.
 */
export interface BrokerEvent {
  readonly name: string
  /** Null where it concerns the whole node. */
  readonly vhost: string | null
  /** ms since the epoch. */
  readonly at: number
  /** Who caused it; `rmq-internal`, as in RabbitMQ, for the broker itself. */
  readonly actor: string
  /** Plain data by RabbitMQ's names. Never a password or another secret. */
  readonly facts: Readonly<Record<string, unknown>>
  /** What it happened to, for who needs more than the facts: a `Binding`, for one. Null for most. */
  readonly subject: object | null
}

export const INTERNAL_ACTOR = 'rmq-internal'

type Listener = (event: BrokerEvent) => void

/** Tells who wants to know what happens, at once. Nothing is composed while nobody listens. */
export class BrokerEvents {
  /** Who is acting in this call. */
  actor = INTERNAL_ACTOR
  readonly #now: () => number
  readonly #listeners = new Set<Listener>()

  /** @param now ms since the epoch */
  constructor(now: () => number) {
    this.#now = now
  }

  /** @returns what ends it */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Acts on behalf of somebody: events meanwhile name them. */
  as<T>(actor: string, act: () => T): T {
    const before = this.actor
    this.actor = actor
    try {
      return act()
    } finally {
      this.actor = before
    }
  }

  /** @param facts asked for only if somebody listens */
  emit(name: string, vhost: string | null, facts: () => Record<string, unknown>, subject: object | null = null): void {
    if (this.#listeners.size === 0) return
    const event = { name, vhost, at: this.#now(), actor: this.actor, facts: facts(), subject }
    for (const listener of this.#listeners) listener(event)
  }
}
