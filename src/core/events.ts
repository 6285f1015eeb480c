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
  /** What it happened to, for who needs more than the facts: a `Queue`, an `Exchange` or a `Binding`. Null for the rest. */
  readonly subject: object | null
}

export const INTERNAL_ACTOR = 'rmq-internal'

type Listener = (event: BrokerEvent) => void

/** Names of events, or what says for each whether it is wanted at the moment. */
export type WantedEvents = readonly string[] | ((name: string) => boolean)

/** Tells who wants to know what happens, at once. An event that nobody wants is not composed. */
export class BrokerEvents {
  /** Who is acting in this call. */
  actor = INTERNAL_ACTOR
  readonly #now: () => number
  readonly #byName = new Map<string, Set<Listener>>()
  readonly #asked = new Map<Listener, (name: string) => boolean>()

  /** @param now ms since the epoch */
  constructor(now: () => number) {
    this.#now = now
  }

  /**
   * @param wanted all unless given
   * @returns what ends it
   */
  listen(listener: Listener, wanted: WantedEvents = () => true): () => void {
    if (typeof wanted === 'function') {
      this.#asked.set(listener, wanted)
      return () => this.#asked.delete(listener)
    }
    const sets = wanted.map((name) => this.#named(name))
    for (const listeners of sets) listeners.add(listener)
    return () => {
      for (const listeners of sets) listeners.delete(listener)
    }
  }

  #named(name: string): Set<Listener> {
    const known = this.#byName.get(name)
    if (known !== undefined) return known
    const listeners = new Set<Listener>()
    this.#byName.set(name, listeners)
    return listeners
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

  /** @param facts asked for only if somebody wants the event */
  emit(name: string, vhost: string | null, facts: () => Record<string, unknown>, subject: object | null = null): void {
    const named = this.#byName.get(name)
    if ((named === undefined || named.size === 0) && !this.#isAskedFor(name)) return
    const event = { name, vhost, at: this.#now(), actor: this.actor, facts: facts(), subject }
    if (named !== undefined) for (const listener of named) listener(event)
    for (const [listener, wants] of this.#asked) if (wants(name)) listener(event)
  }

  #isAskedFor(name: string): boolean {
    for (const wants of this.#asked.values()) if (wants(name)) return true
    return false
  }
}
