import type { Clock, Timer } from '../../util/clock.ts'
import { MessageFilter } from '../message-filter.ts'
import type { Message } from '../message.ts'
import type { Entry } from '../queues/entry.ts'

/** Places in queues that one trace remembers: beyond them, a message that comes back from the store may count as another one. */
const PLACES_MAX = 50_000
/** Names of queues that one event shows. */
const QUEUES_MAX = 100

/** What is traced: messages to which all of it applies. */
export interface TraceWanted {
  readonly queue: string | null
  /** That it was published to. */
  readonly exchange: string | null
  /** Routing key, in which `*` stands for any text. */
  readonly key: string | null
  /** `name` or `name=value`. */
  readonly header: string | null
  readonly seconds: number
  /** Most events: with them, the trace is over. */
  readonly limit: number
}

export type TraceEventName =
  | 'publish'
  | 'route'
  | 'deliver'
  | 'get'
  | 'ack'
  | 'reject'
  | 'requeue'
  | 'expire'
  | 'dead-letter'
  | 'drop'
  | 'return'

/** What is known of an event besides its message. */
export interface TraceFacts {
  readonly queue?: string
  /** Where the message was routed to. */
  readonly queues?: readonly string[]
  readonly connection?: string
  readonly channel?: string
  readonly consumerTag?: string
  readonly user?: string
  readonly detail?: string
}

export interface TraceEvent extends TraceFacts {
  /** Rises by one. */
  readonly n: number
  /** Ms since the epoch. */
  readonly at: number
  /** The same for all events of a message. */
  readonly message: number
  readonly event: TraceEventName
  readonly exchange: string
  readonly routingKey: string
  readonly payloadBytes: number
}

/**
 * The events of the messages that somebody wants to follow, for a limited time and in limited number. A message that it has seen once is
 * followed from then on, wherever it goes.
 */
export class MessageTrace {
  readonly id: string
  readonly vhost: string
  readonly user: string
  readonly wanted: TraceWanted
  readonly startedAt: number
  /** Null while it runs. */
  endedAt: number | null = null
  readonly events: TraceEvent[] = []
  readonly #clock: Clock
  readonly #filter: MessageFilter
  readonly #onEnd: (trace: MessageTrace) => void
  readonly #timer: Timer
  #lastMessage = 0
  /** The messages that it follows, while they are in memory. */
  #messages = new WeakMap<Message, number>()
  /** The same by where they are, since they may leave memory and come back as others. */
  readonly #places = new Map<string, number>()

  constructor(
    clock: Clock,
    { id, vhost, user, wanted }: { id: string; vhost: string; user: string; wanted: TraceWanted },
    onEnd: (trace: MessageTrace) => void,
  ) {
    this.id = id
    this.vhost = vhost
    this.user = user
    this.wanted = wanted
    this.startedAt = clock.now()
    this.#clock = clock
    this.#onEnd = onEnd
    const { key, header } = wanted
    this.#filter = new MessageFilter({
      ...(key === null ? {} : { key }),
      ...(header === null ? {} : { header: [header] }),
    })
    this.#timer = clock.schedule(wanted.seconds * 1000, { onTimer: () => this.end() })
  }

  /** When it ends by itself (ms since the epoch). */
  get endsAt(): number {
    return this.startedAt + this.wanted.seconds * 1000
  }

  end(): void {
    if (this.endedAt !== null) return
    this.endedAt = this.#clock.now()
    this.#timer.cancel()
    this.#messages = new WeakMap()
    this.#places.clear()
    this.#onEnd(this)
  }

  /** @param queues where the message is, or is about to be */
  note(event: TraceEventName, message: Message, queues: readonly string[], facts: TraceFacts, entry?: Entry): void {
    const id = this.endedAt === null ? this.#follow(message, queues, entry) : null
    if (id === null) return
    this.events.push({
      n: this.events.length + 1,
      at: this.#clock.now(),
      message: id,
      event,
      exchange: message.exchange,
      routingKey: message.routingKey,
      payloadBytes: message.bodyLength,
      ...(facts.queues === undefined ? facts : { ...facts, queues: facts.queues.slice(0, QUEUES_MAX) }),
    })
    if (this.events.length === this.wanted.limit) this.end()
  }

  #follow(message: Message, queues: readonly string[], entry: Entry | undefined): number | null {
    const known = this.#idOf(message, entry)
    if (known !== null) return known
    if (!this.#matches(message, queues)) return null
    this.#know(message, ++this.#lastMessage, entry)
    return this.#lastMessage
  }

  #idOf(message: Message, entry: Entry | undefined): number | null {
    const known = this.#messages.get(message)
    if (known !== undefined) return known
    if (entry !== undefined) this.comesFrom(message, placeOf(entry))
    return this.#messages.get(message) ?? null
  }

  #know(message: Message, id: number, entry: Entry | undefined): void {
    this.#messages.set(message, id)
    if (entry !== undefined) this.isAt(message, placeOf(entry))
  }

  #matches(message: Message, queues: readonly string[]): boolean {
    const { queue, exchange } = this.wanted
    if (queue !== null && !queues.includes(queue)) return false
    if (exchange !== null && message.exchange !== exchange) return false
    return this.#filter.matches(message)
  }

  /** A message goes on as another. */
  became(message: Message, successor: Message): void {
    const id = this.#messages.get(message)
    if (id !== undefined) this.#messages.set(successor, id)
  }

  /** A message, which is followed perhaps, is at a place from which it may leave memory. */
  isAt(message: Message, place: string): void {
    const id = this.#messages.get(message)
    if (id !== undefined && this.#places.size < PLACES_MAX) this.#places.set(place, id)
  }

  /** A message was read back. */
  comesFrom(message: Message, place: string): void {
    const id = this.#places.get(place)
    if (id !== undefined) this.#messages.set(message, id)
  }

  /** A message is no more. */
  left(place: string): void {
    this.#places.delete(place)
  }
}

/** Of a message in a queue. */
export const placeOf = ({ queue, number }: Entry): string => `${queue.id}:${number}`
