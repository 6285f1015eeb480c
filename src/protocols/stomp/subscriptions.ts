import { BrokerError } from '../../core/errors.ts'
import type { Table } from '../../core/fields.ts'
import type { Session } from '../../core/session.ts'
import type { QueueDeclaration } from '../../core/topology.ts'
import { UndecidedError } from '../../core/undecided.ts'
import { RingDeque } from '../../util/ring-deque.ts'
import { type Destination, requiredDestination, routeOf } from './destinations.ts'
import { invalidHeader, StompError } from './errors.ts'
import type { Frame } from './frame.ts'
import type { NamedQueues } from './named-queues.ts'
import {
  type AckMode,
  ackModeOf,
  nameOf,
  requireDurableId,
  type Subscription,
  type SubscriptionName,
  temporaryName,
} from './subscription.ts'
import { boundQueue, consumerArguments, isBound } from './subscription-queue.ts'

const PREFETCH_MAX = 65_535

/** A SUBSCRIBE that has been read. */
interface Request {
  readonly frame: Frame
  readonly name: SubscriptionName
  readonly destination: Destination
  readonly ack: AckMode
  readonly prefetch: number
  readonly arguments: Table
  /** The queue that is bound to the destination; null where that is itself a queue. */
  readonly own: QueueDeclaration | null
  /** Whether that queue was there before. */
  existed: boolean | null
}

/** The subscriptions of one client. */
export class Subscriptions {
  readonly #session: Session
  readonly #queues: NamedQueues
  readonly #topicExchange: string
  /** By consumer tag. */
  readonly #all = new Map<string, Subscription>()
  /** Queues of `/temp-queue` destinations, by the name in those. */
  readonly #temporary = new Map<string, string>()
  /** A queue that has been made for a subscription which is not there yet. */
  #unfinished: string | null = null

  constructor(session: Session, queues: NamedQueues, topicExchange: string) {
    this.#session = session
    this.#queues = queues
    this.#topicExchange = topicExchange
  }

  get(tag: string): Subscription | undefined {
    return this.#all.get(tag)
  }

  // ---- SUBSCRIBE ----

  /** Reads a SUBSCRIBE. @returns what does it: to be called again where it throws an UndecidedError @throws StompError */
  subscribe(frame: Frame): () => void {
    requireDurableId(frame)
    const destination = requiredDestination(frame)
    const name = nameOf(frame)
    if (this.#all.has(name.tag)) {
      const detail = `A subscription identified by '${name.tag}' already exists.`
      throw new StompError('Duplicated subscription identifier', detail, true)
    }
    const { key } = routeOf(destination, this.#topicExchange)
    const request: Request = {
      frame,
      name,
      destination,
      ack: ackModeOf(frame),
      prefetch: this.#prefetchOf(frame),
      arguments: consumerArguments(frame),
      own: isBound(destination) ? boundQueue(frame, key) : null,
      existed: null,
    }
    return () => this.#begin(request)
  }

  #prefetchOf(frame: Frame): number {
    const count = frame.integer('prefetch-count') ?? this.#session.broker.options.defaultPrefetch
    if (count < 0 || count > PREFETCH_MAX) throw invalidHeader(`'prefetch-count' must be from 0 to ${PREFETCH_MAX}\n`)
    return count
  }

  #begin(request: Request): void {
    const { frame, destination, own } = request
    if (own !== null) {
      this.#beginBound(request, own)
      return
    }
    if (destination.type === 'queue') this.#queues.declare(frame, destination.name, frame.durable)
    this.#consume(request, destination.name)
  }

  #beginBound(request: Request, own: QueueDeclaration): void {
    const { vhost, topology } = this.#session
    request.existed ??= vhost.queues.has(own.name)
    topology.declareQueue(own)
    if (!request.existed) this.#unfinished = own.name
    try {
      const { exchange, key } = routeOf(request.destination, this.#topicExchange)
      topology.bindQueue(own.name, exchange, key, new Map())
      this.#consume(request, own.name)
    } catch (error) {
      if (!(error instanceof UndecidedError)) this.close()
      throw error
    }
    this.#unfinished = null
  }

  #consume({ name, ack, prefetch, arguments: args, own }: Request, queue: string): void {
    const subscription = { ...name, ack, queue, bound: own !== null, unsettled: new RingDeque<number>(4) }
    const session = this.#session
    session.setPrefetch(prefetch, false)
    const { tag } = name
    session.consume({ queue, tag, noAck: ack === 'auto', exclusive: false, arguments: args }, () =>
      this.#add(subscription),
    )
  }

  #add(subscription: Subscription): void {
    const { tag } = subscription
    this.#all.set(tag, subscription)
    const consumer = this.#session.consumers.get(tag)
    // replies without a queue are consumed by nobody that a session lists
    if (consumer !== undefined) consumer.protocolState = subscription
  }

  /** What was made for a subscription that came to nothing goes: nobody else would ever delete it. */
  close(): void {
    const queue = this.#unfinished
    this.#unfinished = null
    if (queue === null) return
    try {
      this.#session.topology.deleteQueue(queue, true, true)
    } catch (error) {
      if (!(error instanceof BrokerError) && !(error instanceof UndecidedError)) throw error
    }
  }

  // ---- UNSUBSCRIBE ----

  /** Reads an UNSUBSCRIBE. @returns what does it: to be called again where it throws an UndecidedError @throws StompError */
  unsubscribe(frame: Frame): () => void {
    requireDurableId(frame)
    const { tag, description } = nameOf(frame)
    const subscription = this.#all.get(tag)
    if (subscription === undefined) {
      const detail = `UNSUBSCRIBE must refer to an existing subscription.\nSubscription to "${description}" not found.\n`
      throw new StompError('No subscription found', detail)
    }
    const deletes = subscription.bound && frame.durable === true
    return () => {
      this.#session.cancel(tag)
      this.#all.delete(tag)
      if (deletes) this.#session.topology.deleteQueue(subscription.queue, false, false)
    }
  }

  /** The broker has ended a consumer. */
  ended(tag: string): void {
    const subscription = this.#all.get(tag)
    this.#all.delete(tag)
    for (const [name, queue] of this.#temporary) if (queue === subscription?.queue) this.#temporary.delete(name)
  }

  // ---- temporary queues ----

  /**
   * The queue that stands for a `/temp-queue` in `reply-to`: there is one of that name for each client, which is subscribed to it from then
   * on. May be called again where it throws an UndecidedError.
   * @throws BrokerError, UndecidedError
   */
  temporaryQueue(name: string): string {
    let queue = this.#temporary.get(name)
    if (queue === undefined) {
      const declaration = { name: '', passive: false, durable: false, exclusive: true, autoDelete: true }
      queue = this.#session.topology.declareQueue({ ...declaration, arguments: new Map() }).name
      this.#temporary.set(name, queue)
    }
    const full = temporaryName(name)
    if (this.#all.has(full.tag)) return queue
    const subscription = { ...full, ack: 'auto' as const, queue, bound: false, unsettled: new RingDeque<number>(4) }
    const request = { queue, tag: full.tag, noAck: true, exclusive: false, arguments: new Map() }
    this.#session.consume(request, () => this.#add(subscription))
    return queue
  }
}
