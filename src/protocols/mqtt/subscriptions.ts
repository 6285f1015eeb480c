import type { Message } from '../../core/message.ts'
import type { Session } from '../../core/session.ts'
import type { MqttContext } from './context.ts'
import { ForeignBindings } from './foreign-bindings.ts'
import { isFromClient, retainedFor } from './message-mapping.ts'
import type { SessionState } from './session-state.ts'
import { isTooLong, sharedQueueOf } from './session-queues.ts'
import { Subscription, type SubscriptionOptions } from './subscription.ts'
import { isSysTopic } from './sys-topics.ts'
import { isReserved, type SharedFilter } from './topics.ts'

/** Topics whose subscriptions are remembered. */
const REMEMBERED_MAX = 1024

/** What the subscriptions that a message matches come to. */
export interface Match {
  readonly qos: 0 | 1 | 2
  readonly retainAsPublished: boolean
  /** Whether it comes from what was retained. */
  readonly isReplay: boolean
  /** Null for none. */
  readonly identifiers: number[] | null
}

/** For messages that came to a session's queue by a binding of somebody else's. Without acknowledgements QoS 1 is QoS 0. */
const FOREIGN: Match = { qos: 1, retainAsPublished: false, isReplay: false, identifiers: null }

/** A subscription that is shared, and what all of its messages are. */
interface SharedMatch {
  readonly subscription: Subscription
  readonly match: Match
}

/** The subscriptions of one client, as bindings and consumers of its session. */
export class Subscriptions {
  readonly #session: Session
  readonly #context: MqttContext
  readonly #state: SessionState
  readonly #all = new Map<string, Subscription>()
  /** Those that are not shared. */
  #own: Subscription[] = []
  /** Those that are, by their queues. */
  readonly #shared = new Map<string, SharedMatch>()
  /** What every match is, where all of the own ones ask for the same and need not be told apart; else null. */
  #common: Match | null = null
  readonly #remembered = new Map<string, readonly Subscription[]>()
  readonly #foreign: ForeignBindings

  /** Takes over what the session had. */
  constructor(session: Session, context: MqttContext, state: SessionState) {
    this.#session = session
    this.#context = context
    this.#state = state
    const { vhost } = session
    this.#foreign = new ForeignBindings(vhost, context.settings.exchange, context.mapping)
    for (const name of state.queues) {
      for (const binding of vhost.bindingsTo(vhost.queues.get(name)!)) {
        if (binding.source !== context.settings.exchange) continue
        const found = Subscription.fromArguments(binding.arguments, context.mapping)
        if (found !== null) this.#all.set(found.filter, found)
      }
    }
    this.#changed()
  }

  get size(): number {
    return this.#all.size
  }

  get(filter: string): Subscription | undefined {
    return this.#all.get(filter)
  }

  all(): Iterable<Subscription> {
    return this.#all.values()
  }

  /** Whether messages of its own must not come to the client by one of them. */
  get hasNoLocal(): boolean {
    return this.#own.some(({ noLocal }) => noLocal)
  }

  /** Starts what brings messages; to be called when the client can be sent some. @throws BrokerError; UndecidedError */
  resume(): void {
    for (const name of this.#state.queues) this.#consume(name, name === this.#state.qos0Queue)
    for (const subscription of this.#all.values()) {
      const { shared, qos } = subscription
      if (shared === null) continue
      const name = sharedQueueOf(shared.group, shared.filter)
      if (this.#session.vhost.queues.has(name)) this.#consume(name, qos === 0)
      // somebody has deleted it, or it has expired by a policy, and the client knows nothing of that
      else this.#share(subscription, shared)
    }
  }

  /** May be called again where it throws an UndecidedError. @throws BrokerError; UndecidedError */
  subscribe(filter: string, options: SubscriptionOptions): Subscription {
    const added = new Subscription(filter, options, this.#context.mapping)
    const before = this.#all.get(filter)
    if (added.shared === null) this.#bind(added, before)
    else this.#share(added, added.shared, before)
    this.#all.set(filter, added)
    if (before === undefined) this.#context.counters.subscriptions++
    this.#changed()
    return added
  }

  #bind(added: Subscription, before: Subscription | undefined): void {
    const { topology } = this.#session
    const { exchange } = this.#context.settings
    topology.bindQueue(this.#queue(added.qos), exchange, added.key, added.arguments())
    if (before === undefined || before.isLike(added)) return
    // only now, so that no message finds none of both
    topology.unbindQueue(this.#state.queue(before.qos), exchange, before.key, before.arguments())
  }

  #share(added: Subscription, { group, filter }: NonNullable<Subscription['shared']>, before?: Subscription): void {
    const { topology, vhost } = this.#session
    const { exchange, durableQueueType } = this.#context.settings
    const name = sharedQueueOf(group, filter)
    if (!vhost.queues.has(name)) {
      topology.declareQueue({
        name,
        passive: false,
        durable: true,
        exclusive: false,
        autoDelete: false,
        arguments: new Map([['x-queue-type', { type: 'longstr', value: durableQueueType }]]),
      })
    }
    topology.bindQueue(name, exchange, added.key, new Map())
    if (this.#state.isDurable) {
      const source = vhost.findExchange(exchange)
      const member = vhost.findQueue(this.#queue(1))
      if (before !== undefined) vhost.unbind(source, member, before.filter, before.arguments())
      // the key is no topic's: nothing comes this way, but the catalog knows of the member
      vhost.bind(source, member, added.filter, added.arguments())
    }
    this.#context.groups.join(vhost, name, this.#state.clientId)
    if (before !== undefined) this.#session.cancel(name)
    this.#consume(name, added.qos === 0)
  }

  /** Makes sure that the session is there to keep packet ids of QoS 2: it is as long as its queue is. @throws BrokerError; UndecidedError */
  prepareToKeep(): void {
    if (this.#state.isDurable) this.#queue(1)
  }

  /**
   * The session's own queue for a QoS. It is never without a consumer while the client is connected, since from then on its expiry runs.
   * @throws BrokerError; UndecidedError
   */
  #queue(qos: number): string {
    const name = this.#state.queue(qos)
    this.#consume(name, qos === 0)
    return name
  }

  #consume(queue: string, noAck: boolean): void {
    if (this.#session.consumers.has(queue)) return
    this.#session.consume({ queue, tag: queue, noAck, exclusive: false, arguments: new Map() }, () => {})
  }

  /** @returns whether there was one @throws BrokerError; UndecidedError */
  unsubscribe(filter: string): boolean {
    const before = this.#all.get(filter)
    if (before === undefined) return false
    const { topology, vhost } = this.#session
    const { exchange } = this.#context.settings
    if (before.shared === null) {
      topology.unbindQueue(this.#state.queue(before.qos), exchange, before.key, before.arguments())
    } else {
      if (this.#state.isDurable) {
        const member = vhost.queues.get(this.#state.qos1Queue)
        if (member !== undefined) vhost.unbind(vhost.findExchange(exchange), member, filter, before.arguments())
      }
      this.#leave(before)
    }
    this.#all.delete(filter)
    this.#context.counters.subscriptions--
    this.#changed()
    return true
  }

  #leave({ shared }: Subscription): void {
    const name = sharedQueueOf(shared!.group, shared!.filter)
    this.#session.cancel(name)
    this.#context.groups.leave(this.#session.vhost, name, this.#state.clientId)
  }

  /** The connection is over: shared subscriptions that were only its own end. */
  connectionEnded(): void {
    if (this.#state.isDurable) return
    for (const subscription of this.#all.values()) if (subscription.shared !== null) this.#leave(subscription)
  }

  // ---- matching ----

  #changed(): void {
    this.#remembered.clear()
    this.#own = []
    this.#shared.clear()
    for (const subscription of this.#all.values()) {
      const { shared } = subscription
      if (shared === null) this.#own.push(subscription)
      else
        this.#shared.set(sharedQueueOf(shared.group, shared.filter), { subscription, match: matchOf([subscription]) })
    }
    const [first] = this.#own
    const isCommon =
      first !== undefined && !first.noLocal && this.#own.every((other) => other.isExact && other.isLike(first))
    const needsTelling = this.#own.length > 1 && (first?.identifier ?? 0) > 0
    this.#common = isCommon && !needsTelling ? matchOf([first]) : null
  }

  /** As `match`, where that is the same for every topic that is not reserved, of a message that has nothing to tell but its QoS; else null. */
  matchPlain(message: Message): Match | null {
    return this.#isPlain(message) ? this.#common : null
  }

  /** What has only its QoS among its properties came by MQTT on a topic that its key gives back, or by another protocol. */
  #isPlain({ exchange, propertiesLength, routingKey }: Message): boolean {
    return exchange === this.#context.settings.exchange && propertiesLength <= BARE_BYTES && !isReserved(routingKey)
  }

  /**
   * What a message in one of the session's own queues is to be delivered as; null for not at all.
   */
  match(message: Message, topic: string, queue: string): Match | null {
    const isQos0 = queue === this.#state.qos0Queue
    const common = this.matchPlain(message)
    if (common !== null) return common
    const replayedFor = message.propertiesLength > BARE_BYTES ? retainedFor(message) : null
    const replayed = replayedFor === null ? undefined : this.#all.get(replayedFor)
    // others have it, too, but it is not sent for them
    if (replayed !== undefined) return matchOf([replayed], true)
    const matching = this.#matching(topic)
    if (matching.length === 0) return this.#foreign.bring(message, queue) ? FOREIGN : null
    // the other queue has it too
    if (isQos0 && matching.some(({ qos }) => qos > 0)) return null
    const wanted = matching.some(({ noLocal }) => noLocal) && isFromClient(message, this.#state.clientId)
    const left = wanted ? matching.filter(({ noLocal }) => !noLocal) : matching
    return left.length === 0 ? null : matchOf(left, replayedFor !== null)
  }

  #matching(topic: string): readonly Subscription[] {
    const known = this.#remembered.get(topic)
    if (known !== undefined) return known
    const found = this.#own.filter((subscription) => subscription.matches(topic))
    if (this.#remembered.size >= REMEMBERED_MAX) this.#remembered.clear()
    this.#remembered.set(topic, found)
    return found
  }

  /** Of a message in a queue that is shared; null where it is none of ours, or on a topic that the filter does not match. */
  matchShared(message: Message, topic: string, queue: string): Match | null {
    const found = this.#shared.get(queue)
    if (found === undefined) return null
    const { subscription, match } = found
    if (this.#isPlain(message) ? subscription.isExact : message.exchange !== this.#context.settings.exchange) {
      return match
    }
    return subscription.matches(topic) ? match : null
  }
}

/** Flags and delivery mode. */
const BARE_BYTES = 3

function matchOf(subscriptions: readonly Subscription[], isReplay = false): Match {
  let qos = 0
  let retainAsPublished = false
  const identifiers: number[] = []
  for (const each of subscriptions) {
    qos = Math.max(qos, each.qos)
    if (each.retainAsPublished) retainAsPublished = true
    if (each.identifier > 0) identifiers.push(each.identifier)
  }
  return {
    qos: qos as 0 | 1 | 2,
    retainAsPublished,
    isReplay,
    identifiers: identifiers.length === 0 ? null : identifiers,
  }
}

/** What is wrong with a filter for a group to share, as a sentence's end ("the filter …"); null where nothing is. */
export function sharedProblem({ group, filter }: SharedFilter): string | null {
  if (isTooLong(sharedQueueOf(group, filter))) return 'is too long'
  // what they tell passes through no queue
  return isSysTopic(filter) ? 'is for the broker’s own topics, which are not shared' : null
}
