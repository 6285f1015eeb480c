import type { MessageStore } from '../store/message-store.ts'
import type { Clock } from '../util/clock.ts'
import { RingDeque } from '../util/ring-deque.ts'
import { PHASE_FLUSH, type Turn, type TurnTask } from '../util/turn.ts'
import type { Broker } from './broker.ts'
import type { ClientConnection } from './client-connection.ts'
import { Delays } from './delays/delays.ts'
import { composeDead, isCycle } from './dead-letter.ts'
import type { Passage } from './deduplication/passage.ts'
import { Deduplications } from './deduplication/deduplications.ts'
import { validateExchangeDeduplication } from './deduplication/settings.ts'
import type { ReplyTarget } from './direct-reply.ts'
import { bindingFacts, exchangeFacts, queueFacts } from './event-facts.ts'
import { BrokerError, describeResource, notFound, preconditionFailed } from './errors.ts'
import { isSwitchedOn } from './is-switched-on.ts'
import { Exchange, type ExchangeSpec } from './exchange.ts'
import type { Binding, Destination, ExchangeHost, ExchangeType } from './exchanges/exchange-type.ts'
import { unknownType } from './exchanges/unknown.ts'
import { keptTable, type Table } from './fields.ts'
import { KeptMessages } from './kept/kept-messages.ts'
import type { Commits } from './commits.ts'
import { MessageCounters } from './message-counters.ts'
import type { MessageDecoder } from './message-decoder.ts'
import type { MessageMemory } from './message-memory.ts'
import type { DeathReason, Message, RetryFacts } from './message.ts'
import { Queue, ACCEPTED, REJECTED } from './queues/queue.ts'
import type { QueueFacts, QueueHost } from './queues/queue-host.ts'
import type { Outstanding } from './queues/look.ts'
import { computeQueueSettings } from './queues/queue-settings.ts'
import type { ReadyMessages } from './queues/ready-messages.ts'
import { Router, type Target } from './router.ts'
import { type SideLogOwner, SideLogs, type StoredSideLog } from './side-logs.ts'
import { Firehose } from './tracing/firehose.ts'
import { type MessageObserver, MessageObservers } from './tracing/message-observer.ts'
import { MessageTraces } from './tracing/message-traces.ts'
import { canonicalTable } from './typed-json.ts'

export interface VHostMetadata {
  description: string
  tags: string[]
  defaultQueueType: string | null
  protectedFromDeletion: boolean
}

const PREDECLARED: readonly [name: string, type: string, internal: boolean][] = [
  ['', 'direct', false],
  ['amq.direct', 'direct', false],
  ['amq.fanout', 'fanout', false],
  ['amq.topic', 'topic', false],
  ['amq.headers', 'headers', false],
  ['amq.match', 'headers', false],
  ['amq.rabbitmq.trace', 'topic', true],
]

/** Dead letters given to their queues in one go. Full queues that dead-letter to each other make more of them from each. */
const DYING_PER_TURN = 1000
/** Dead letters that may wait; what is beyond is dropped, which at-most-once allows. */
const DYING_MAX = 100_000

const bindingIdentity = (destination: Destination, key: string, args: Table): string =>
  `${destination.kind}\0${destination.name}\0${key}\0${canonicalTable(args)}`

/**
 * The names of one virtual host and what they stand for. Operations here are complete (they keep bindings, metadata and route caches in
 * step) but ask nobody's permission: `Session` does, for clients.
 */
export class VHost implements QueueHost, ExchangeHost {
  readonly name: string
  readonly broker: Broker
  readonly exchanges = new Map<string, Exchange>()
  readonly queues = new Map<string, Queue>()
  readonly replyTargets = new Map<string, ReplyTarget>()
  readonly router: Router
  readonly sideLogs: SideLogs
  readonly delays: Delays
  readonly deduplications: Deduplications
  metadata: VHostMetadata
  readonly traces: MessageTraces
  /** Present while messages are copied to `amq.rabbitmq.trace`. */
  firehose: Firehose | null = null
  /** Who wants to know what becomes of messages: nobody, mostly, and then that costs next to nothing. */
  observer: MessageObserver | null = null
  /** Rises with every change that can change a route: remembered routes of older generations are void. */
  generation = 1
  connections = 0
  /** What sessions that have ended counted, and the bytes of connections that are closed. */
  readonly pastMessages = new MessageCounters()
  readonly pastTraffic = { receivedBytes: 0, sentBytes: 0 }
  /** Free for whoever keeps statistics of it. */
  history: unknown = null
  /** Bindings by what they lead to, so that deleting a destination costs only its own bindings. */
  readonly #bindingsTo = new Map<Destination, Set<Binding>>()
  readonly #kept = new Map<string, KeptMessages>()
  readonly #observers = new Set<MessageObserver>()
  readonly #dying = new RingDeque<{ targets: readonly Target[]; message: Message }>()
  readonly #burier: TurnTask = { scheduled: false, runAtTurnEnd: () => this.#buryDying() }
  #burying = false

  /** @param sideLogs what the catalog has of them, with the parts of their keys */
  constructor(
    broker: Broker,
    name: string,
    metadata: VHostMetadata,
    sideLogs: readonly (readonly [parts: readonly string[], stored: StoredSideLog])[] = [],
  ) {
    this.broker = broker
    this.name = name
    this.metadata = metadata
    this.router = new Router({
      exchange: (exchange) => this.exchanges.get(exchange),
      target: (target) => this.queues.get(target) ?? this.replyTargets.get(target),
    })
    const { store, catalog } = broker
    this.sideLogs = new SideLogs({ vhost: name, store, catalog, nextLogId: () => broker.nextQueueId() })
    for (const [[, kind, owner, purpose], stored] of sideLogs) this.sideLogs.restore(kind!, owner!, purpose!, stored)
    for (const [[, kind, , purpose]] of sideLogs) if (kind === 'vhost') this.keptMessages(purpose!)
    this.delays = new Delays(this, this.sideLogs)
    this.deduplications = new Deduplications(this)
    this.traces = new MessageTraces(this)
    for (const [exchange, type, internal] of PREDECLARED) {
      this.createExchange(
        { name: exchange, type, durable: true, autoDelete: false, internal, arguments: new Map() },
        false,
      )
    }
  }

  // ---- what queues and exchanges need of their surroundings ----

  get vhostName(): string {
    return this.name
  }

  get store(): MessageStore {
    return this.broker.store
  }

  get commits(): Commits {
    return this.broker.commits
  }

  get memory(): MessageMemory {
    return this.broker.memory
  }

  get decoder(): MessageDecoder {
    return this.broker.decoder
  }

  get clock(): Clock {
    return this.broker.clock
  }

  get turn(): Turn {
    return this.broker.turn
  }

  get random(): () => number {
    return this.broker.random
  }

  get defaultAckTimeoutMs(): number {
    return this.broker.options.consumerTimeoutMs
  }

  retain(message: Message): void {
    if (message.slab === null) this.store.adopt(message)
    message.references++
  }

  release(message: Message): void {
    this.store.release(message)
  }

  /** Something durable has changed that no client asked for: it gets to disk, or the broker says so. */
  metadataChanged(): void {
    void this.broker.commitMetadata()
  }

  reclaim(queue: Queue, ready: ReadyMessages): void {
    this.broker.reclaimer.add(queue, ready)
  }

  onLost(owner: Pick<SideLogOwner, 'kind' | 'name'>, count: number): void {
    const facts = { ...(owner.kind !== 'vhost' && { [owner.kind]: owner.name }), vhost: this.name, count }
    this.broker.log.error('messages that were on disk are not found', facts)
  }

  outstanding(queue: Queue): Outstanding[] {
    const found: Outstanding[] = []
    for (const session of this.broker.sessions()) {
      if (session.vhost !== this || found.length === queue.unackedCount) continue
      for (const entry of session.deliveries.outstanding()) if (entry.queue === queue) found.push({ entry, session })
    }
    return found
  }

  deleteQueue(queue: Queue): void {
    this.removeQueue(queue)
    this.metadataChanged()
  }

  /** Hands a message to all of its targets; REJECTED when one of them refused it. */
  give(message: Message, targets: readonly Target[]): number {
    // held meanwhile, so that one that drops it at once leaves the bytes to the others
    message.references++
    let outcome = ACCEPTED
    for (let i = 0; i < targets.length; i++) if (targets[i]!.publish(message) === REJECTED) outcome = REJECTED
    this.store.release(message)
    return outcome
  }

  /** As the router does it, where nobody is there to be told of a failure. Null: an exchange of a plugin's type has failed, and logged it. */
  tryRoute(exchange: Exchange, message: Message, isReleased = false): readonly Target[] | null {
    try {
      return this.router.route(exchange, message, isReleased)
    } catch (error) {
      if (error instanceof BrokerError) return null
      throw error
    }
  }

  /** As `give`, and notes who has taken it. */
  #giveNoting(message: Message, targets: readonly Target[], takenBy: Set<Target>): number {
    message.references++
    let outcome = ACCEPTED
    for (const target of targets) {
      if (target.publish(message) === REJECTED) outcome = REJECTED
      else takenBy.add(target)
    }
    this.store.release(message)
    return outcome
  }

  deadLetter(
    queue: Queue,
    message: Message,
    reason: DeathReason,
    takenBy: Set<Target> | null,
    retries: RetryFacts | null,
  ): boolean {
    const exchange = this.exchanges.get(queue.settings.deadLetterExchange!)
    if (exchange === undefined) return takenBy === null
    const dead = composeDead(message, queue.name, reason, queue.settings, this.clock.now(), retries)
    const reached = this.tryRoute(exchange, dead)
    // at least once: on the next try
    if (reached === null) return takenBy === null
    const targets =
      reason === 'rejected' ? reached : reached.filter((t) => !(t instanceof Queue && isCycle(dead.deaths!, t.name)))
    if (takenBy !== null) {
      // where the last targets are no longer bound, those that had it before are enough
      if (targets.length === 0 && takenBy.size === 0) return false
      const left = targets.filter((target) => !takenBy.has(target))
      this.observer?.deadLettered(queue, message, dead, left)
      if (this.#giveNoting(dead, left, takenBy) === REJECTED) return false
      this.broker.counters.deadLetter(queue, 'at-least-once', reason)
      return true
    }
    this.broker.counters.deadLetter(queue, 'at-most-once', reason)
    this.observer?.deadLettered(queue, message, dead, targets)
    // a target may dead-letter in turn while it takes this one: one at a time keeps the stack flat
    if (this.#dying.size < DYING_MAX) this.#dying.push({ targets, message: dead })
    else
      this.broker.limitedLog.warn(`dying ${this.name}`, 'dead letters beget dead letters: dropped', {
        vhost: this.name,
      })
    this.#buryDying()
    return true
  }

  #buryDying(): void {
    if (this.#burying) return
    this.#burying = true
    try {
      for (let i = 0; i < DYING_PER_TURN; i++) {
        const next = this.#dying.shift()
        if (next === undefined) return
        this.give(next.message, next.targets)
      }
      this.turn.schedule(PHASE_FLUSH, this.#burier)
    } finally {
      this.#burying = false
    }
  }

  /** Turns RabbitMQ's message tracer on or off. Like there, it is off again after a restart. */
  trace(on: boolean): void {
    if (on === (this.firehose !== null)) return
    if (this.firehose !== null) this.stopObserving(this.firehose)
    this.firehose = on ? new Firehose(this) : null
    if (this.firehose !== null) this.observe(this.firehose)
  }

  /** From now on, tells an observer what becomes of messages. */
  observe(observer: MessageObserver): void {
    this.#observers.add(observer)
    this.#applyObservers()
  }

  stopObserving(observer: MessageObserver): void {
    this.#observers.delete(observer)
    this.#applyObservers()
  }

  #applyObservers(): void {
    const all = [...this.#observers]
    this.observer = all.length > 1 ? new MessageObservers(all) : (all[0] ?? null)
  }

  /**
   * What is kept for a purpose, such as by a protocol; the place for it is made where there is none yet, and then has to be committed
   * (`Broker.commitMetadata`) before anything in it is safe. What is there after a restart stays, whether anybody asks for it or not.
   */
  keptMessages(purpose: string): KeptMessages {
    let found = this.#kept.get(purpose)
    if (found === undefined) this.#kept.set(purpose, (found = new KeptMessages(this, purpose)))
    return found
  }

  /** Whether there is a place for what is kept for a purpose. */
  keepsMessages(purpose: string): boolean {
    return this.#kept.has(purpose)
  }

  connectionGone(connection: ClientConnection): void {
    const { receivedBytes, sentBytes } = connection.traffic()
    this.connections--
    this.pastTraffic.receivedBytes += receivedBytes
    this.pastTraffic.sentBytes += sentBytes
  }

  // ---- exchanges ----

  findExchange(name: string): Exchange {
    const exchange = this.exchanges.get(name)
    if (exchange === undefined) throw notFound(`no ${describeResource('exchange', name, this.name)}`)
    return exchange
  }

  createExchange(spec: ExchangeSpec, persist = true, createdBy = this.broker.events.actor): Exchange {
    const known = this.broker.exchangeTypes.get(spec.type)
    if (known === undefined && persist) throw preconditionFailed(`unknown exchange type '${spec.type}'`)
    const rules = known ?? this.#standInFor(spec)
    const facts = { name: spec.name, vhost: this.name, durable: spec.durable, arguments: spec.arguments }
    rules.validate?.(facts)
    if (persist) validateExchangeDeduplication(spec.name, this.name, spec.type, spec.arguments)
    const exchange = new Exchange(rules, facts, spec, this, createdBy)
    exchange.applyPolicy(this.broker.policies.effectivePolicy('exchange', this.name, spec.name, spec.type))
    this.exchanges.set(spec.name, exchange)
    this.#delay(exchange)
    this.deduplications.applyToExchange(exchange)
    this.generation++
    if (persist && spec.durable) this.broker.catalog.putExchange(this.name, exchange)
    if (persist)
      this.broker.events.emit('exchange.created', this.name, () => exchangeFacts(this.name, exchange), exchange)
    return exchange
  }

  #standInFor({ name, type }: ExchangeSpec): ExchangeType {
    const facts = { exchange: name, vhost: this.name, type }
    this.broker.log.error('an exchange routes nothing: its type is unknown, is a plugin missing?', facts)
    return unknownType(type)
  }

  removeExchange(exchange: Exchange): void {
    if (this.exchanges.get(exchange.name) !== exchange) return
    this.exchanges.delete(exchange.name)
    this.generation++
    for (const binding of exchange.bindings.values()) this.#forgetBinding(exchange, binding)
    exchange.bindings.clear()
    this.#unbindAllTo(exchange)
    exchange.router.close?.()
    if (exchange.delays !== null) this.delays.delete(exchange.delays)
    this.deduplications.forget(exchange)
    this.broker.counters.exchangeDeleted(exchange)
    if (exchange.durable) this.broker.catalog.deleteExchange(this.name, exchange.name)
    this.broker.events.emit('exchange.deleted', this.name, () => exchangeFacts(this.name, exchange), exchange)
  }

  /** Gives an exchange what keeps its messages until they are due, if it is to. */
  #delay(exchange: Exchange): void {
    const { name, durable, type, policy } = exchange
    if (name === '') return
    const isEnabled = type === 'x-delayed-message' || isSwitchedOn('delayed-message', exchange.arguments, policy)
    const release = (message: Message): boolean => this.#publishDue(exchange, message)
    const owner = { kind: 'exchange', name, durable, alwaysPersistent: false, release } as const
    exchange.delays = this.delays.lineOf(owner, isEnabled, exchange.delays)
  }

  /** @returns false when its only queue has no room for it, or its type fails: it is offered again */
  #publishDue(exchange: Exchange, message: Message): boolean {
    const targets = this.tryRoute(exchange, message, true)
    if (targets === null) return false
    const { passage } = this.router
    const only = targets.length === 1 ? targets[0] : null
    if (only instanceof Queue && !only.canTakeDue(message)) return false
    this.observer?.cameDue({ kind: 'exchange', name: exchange.name }, message, targets)
    this.#pass(passage, message, targets)
    exchange.publishedOut += targets.length
    if (targets.length === 0) {
      this.broker.counters.pastMessages.unroutable++
      this.pastMessages.unroutable++
    }
    return true
  }

  // ---- bindings ----

  bind(source: Exchange, destination: Queue | Exchange, key: string, args: Table, persist = true): void {
    const identity = bindingIdentity(destination, key, args)
    if (source.bindings.has(identity)) return
    const binding: Binding = { source: source.name, destination, key, arguments: keptTable(args) }
    const facts = { name: source.name, vhost: this.name, durable: source.durable, arguments: source.arguments }
    source.rules.validateBinding?.(facts, binding)
    // before all else: it may refuse as well
    source.router.bind(binding)
    source.bindings.set(identity, binding)
    const leading = this.#bindingsTo.get(destination)
    if (leading === undefined) this.#bindingsTo.set(destination, new Set([binding]))
    else leading.add(binding)
    this.generation++
    if (persist && source.durable && destination.durable) this.broker.catalog.putBinding(this.name, binding)
    if (persist) this.broker.events.emit('binding.created', this.name, () => bindingFacts(this.name, binding), binding)
    source.router.onBound?.(binding, (message) => this.#publishTo(destination, message as Message))
  }

  isBound(source: Exchange, destination: Queue | Exchange, key: string, args: Table): boolean {
    return source.bindings.has(bindingIdentity(destination, key, args))
  }

  unbind(source: Exchange, destination: Queue | Exchange, key: string, args: Table): void {
    const identity = bindingIdentity(destination, key, args)
    const binding = source.bindings.get(identity)
    if (binding === undefined) return
    source.bindings.delete(identity)
    this.#forgetBinding(source, binding)
    this.#deleteIfUnbound(source)
  }

  /** Every binding that leads to a queue or exchange. */
  bindingsTo(destination: Destination): Iterable<Binding> {
    return this.#bindingsTo.get(destination) ?? []
  }

  #publishTo(destination: Queue | Exchange, message: Message): void {
    if (destination.kind === 'queue') destination.publish(message)
    else this.#publishFrom(destination, message)
  }

  #publishFrom(exchange: Exchange, message: Message): void {
    const targets = this.tryRoute(exchange, message)
    if (targets !== null) this.#pass(this.router.passage, message, targets)
  }

  /** As `give`, where exchanges on the way may remember the message. */
  #pass(passage: Passage | null, message: Message, targets: readonly Target[]): void {
    if (passage === null) this.give(message, targets)
    else passage.give(this.store, message, targets, () => this.give(message, targets) === REJECTED)
  }

  #forgetBinding(source: Exchange, binding: Binding): void {
    source.router.unbind(binding)
    this.generation++
    const leading = this.#bindingsTo.get(binding.destination)
    leading?.delete(binding)
    if (leading?.size === 0) this.#bindingsTo.delete(binding.destination)
    const { durable } = binding.destination as Queue | Exchange
    if (source.durable && durable) this.broker.catalog.deleteBinding(this.name, binding)
    this.broker.events.emit('binding.deleted', this.name, () => bindingFacts(this.name, binding), binding)
  }

  #unbindAllTo(destination: Destination): void {
    const leading = this.#bindingsTo.get(destination)
    if (leading === undefined) return
    for (const binding of [...leading]) {
      const source = this.exchanges.get(binding.source)
      if (source === undefined) continue
      source.bindings.delete(bindingIdentity(destination, binding.key, binding.arguments))
      this.#forgetBinding(source, binding)
      this.#deleteIfUnbound(source)
    }
  }

  /** An auto-delete exchange goes with the last binding that leads from it. */
  #deleteIfUnbound(exchange: Exchange): void {
    if (exchange.autoDelete && exchange.bindings.size === 0) this.removeExchange(exchange)
  }

  // ---- queues ----

  findQueue(name: string): Queue {
    const queue = this.queues.get(name)
    if (queue === undefined) throw notFound(`no ${describeResource('queue', name, this.name)}`)
    return queue
  }

  createQueue(type: string, facts: Omit<QueueFacts, 'id'>, persist = true, id = this.broker.nextQueueId()): Queue {
    const rules = this.broker.queueTypes.get(type)!
    const policy = this.broker.policies.effectivePolicy('queue', this.name, facts.name, type)
    const queue = new Queue(this, rules, { ...facts, id }, computeQueueSettings(type, facts.arguments, policy))
    queue.policy = policy
    this.queues.set(queue.name, queue)
    this.#delayQueue(queue)
    this.deduplications.applyToQueue(queue)
    this.generation++
    facts.owner?.exclusiveQueues.add(queue)
    if (persist && queue.durable) this.broker.catalog.putQueue(this.name, queue)
    if (persist) {
      this.broker.counters.queuesCreated++
      this.broker.events.emit('queue.created', this.name, () => queueFacts(this.name, queue), queue)
    }
    return queue
  }

  #delayQueue(queue: Queue): void {
    const { name, durable, rules, settings } = queue
    const release = (message: Message): boolean => {
      if (queue.canTakeDue(message)) this.observer?.cameDue({ kind: 'queue', name }, message, [queue])
      return queue.publishDue(message)
    }
    const owner = { kind: 'queue', name, durable, alwaysPersistent: rules.alwaysPersistent, release } as const
    queue.delays = this.delays.lineOf(owner, settings.delaying, queue.delays)
  }

  removeQueue(queue: Queue): void {
    if (this.queues.get(queue.name) !== queue) return
    this.queues.delete(queue.name)
    this.generation++
    this.#unbindAllTo(queue)
    queue.owner?.exclusiveQueues.delete(queue)
    queue.close()
    if (queue.delays !== null) this.delays.delete(queue.delays)
    this.deduplications.forget(queue)
    if (queue.durable) this.broker.catalog.deleteQueue(this.name, queue.name)
    this.broker.counters.queueDeleted(queue)
    this.broker.events.emit('queue.deleted', this.name, () => queueFacts(this.name, queue), queue)
  }

  /** A queue has got another declaration. @param wasDurable whether it was known after a restart */
  redeclared(queue: Queue, wasDurable: boolean): void {
    const { catalog, events } = this.broker
    const { name, durable } = queue
    if (durable !== wasDurable) {
      for (const binding of this.#bindingsTo.get(queue) ?? []) {
        if (this.exchanges.get(binding.source)?.durable !== true) continue
        if (durable) catalog.putBinding(this.name, binding)
        else catalog.deleteBinding(this.name, binding)
      }
      // what was seen is on disk or not with its queue
      this.deduplications.forget(queue)
      queue.deduplication = null
    }
    this.#delayQueue(queue)
    this.deduplications.applyToQueue(queue)
    this.generation++
    if (durable) catalog.putQueue(this.name, queue)
    else if (wasDurable) catalog.deleteQueue(this.name, name)
    events.emit('queue.changed', this.name, () => queueFacts(this.name, queue), queue)
  }

  /** Gives a queue other arguments, such as another time without use after which it goes: what it has stays. */
  changeArguments(queue: Queue, args: Table): void {
    queue.arguments = keptTable(args)
    queue.applySettings(computeQueueSettings(queue.type, args, queue.policy), queue.policy)
    if (queue.durable) this.broker.catalog.putQueue(this.name, queue)
  }

  /** Holds back what a queue has, over restarts too where the queue survives them, or delivers it again. */
  pauseQueue(queue: Queue, paused: boolean): void {
    if (queue.paused === paused) return
    queue.paused = paused
    if (queue.durable) this.broker.catalog.putQueue(this.name, queue)
    const facts = { name: queue.name, vhost: this.name }
    this.broker.events.emit(paused ? 'queue.paused' : 'queue.resumed', this.name, () => facts)
  }

  /** A policy of this vhost changed: every queue and exchange looks again which one is its own. */
  policiesChanged(): void {
    const { policies } = this.broker
    for (const exchange of this.exchanges.values()) {
      exchange.applyPolicy(policies.effectivePolicy('exchange', this.name, exchange.name, exchange.type))
      this.#delay(exchange)
      this.deduplications.applyToExchange(exchange)
    }
    for (const queue of this.queues.values()) {
      const policy = policies.effectivePolicy('queue', this.name, queue.name, queue.type)
      queue.applySettings(computeQueueSettings(queue.type, queue.arguments, policy), policy)
      this.#delayQueue(queue)
      this.deduplications.applyToQueue(queue)
    }
    this.generation++
  }

  /** Ends everything in it; connections have been closed by the broker. */
  close(): void {
    this.traces.close()
    for (const kept of this.#kept.values()) kept.close()
    this.#kept.clear()
    for (const queue of [...this.queues.values()]) this.removeQueue(queue)
    for (const exchange of [...this.exchanges.values()]) this.removeExchange(exchange)
  }
}
