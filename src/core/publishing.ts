import { Confirms } from './confirms.ts'
import type { Passage } from './deduplication/passage.ts'
import type { DecisionBasis } from './access-control.ts'
import type { Broker } from './broker.ts'
import { accessRefused, describeResource, preconditionFailed } from './errors.ts'
import type { Exchange } from './exchange.ts'
import { type MessageCounters, PublishCounters } from './message-counters.ts'
import type { Message } from './message.ts'
import { Queue, REJECTED } from './queues/queue.ts'
import { isRetryRequest, RetryRequest } from './retry-request.ts'
import type { Target } from './router.ts'
import type { Session } from './session.ts'
import type { VHost } from './vhost.ts'

/** Routes remembered per session and exchange; beyond it, all are forgotten and learnt anew. */
const ROUTES_MAX = 4096

/** A session's right to publish to an exchange, and where its messages went: valid until a binding or a permission changes. */
export class ExchangeAccess {
  readonly name: string
  readonly exchange: Exchange
  readonly generation: number
  readonly permissions: number
  readonly routes = new Map<string, readonly Target[]>()
  lastKey: string | null = null
  lastTargets: readonly Target[] = []

  constructor(exchange: Exchange, generation: number, permissions: number) {
    this.name = exchange.name
    this.exchange = exchange
    this.generation = generation
    this.permissions = permissions
  }
}

interface Pending {
  readonly exchange: Exchange
  readonly message: Message
  readonly mandatory: boolean
  /** Found again with the commit where `checked`. */
  targets: readonly Target[]
  /** Whether exchanges on its way keep duplicates out: which they do in the order of commits. */
  readonly checked: boolean
}

const NOTHING_PUBLISHED: ReadonlyMap<string, PublishCounters> = new Map()

/** The publishing half of a session: permission, route, mandatory, confirms, transactions. */
export class Publishing {
  /** Present in confirm mode. */
  confirms: Confirms | null = null
  /**
   * Up to where the log has to be safe for the last message, as its queues had it: an interceptor may have put it in the place of the one that
   * was given. What waits for a commit does not count, see there.
   */
  position = 0
  // what each message looks at comes first, and what sessions share is not asked of them: see `Transport`
  readonly #broker: Broker
  readonly #vhost: VHost
  readonly #basis: DecisionBasis
  readonly #counters: MessageCounters
  #countedExchange: string | null = null
  #counted = new PublishCounters()
  #last: ExchangeAccess | null = null
  /** Null until something is published, as with `#byExchange`: most sessions of a consumer never do. */
  #accesses: Map<string, ExchangeAccess> | null = null
  #byExchange: Map<string, PublishCounters> | null = null
  /** Present in transactional mode: what waits for the commit. */
  #pending: Pending[] | null = null
  /** Of the message that is being published, if exchanges that keep duplicates out are on its way; else null. */
  #passage: Passage | null = null
  readonly #session: Session

  constructor(session: Session) {
    this.#session = session
    this.#broker = session.broker
    this.#vhost = session.vhost
    this.#basis = session.access.basis
    this.#counters = session.counters
  }

  /** What was published, by exchange. */
  get byExchange(): ReadonlyMap<string, PublishCounters> {
    return this.#byExchange ?? NOTHING_PUBLISHED
  }

  get transactional(): boolean {
    return this.#pending !== null
  }

  /** Messages that wait for the commit. */
  get uncommitted(): number {
    return this.#pending?.length ?? 0
  }

  /** @throws BrokerError accessRefused, notFound */
  access(name: string): ExchangeAccess {
    const vhost = this.#vhost
    const last = this.#last
    const { version } = this.#basis
    if (last !== null && last.name === name && last.generation === vhost.generation && last.permissions === version) {
      return last
    }
    const accesses = (this.#accesses ??= new Map<string, ExchangeAccess>())
    let found = accesses.get(name)
    if (found === undefined || found.generation !== vhost.generation || found.permissions !== version) {
      this.#session.access.require('write', 'exchange', name)
      const exchange = vhost.findExchange(name)
      if (exchange.internal) {
        const resource = describeResource('exchange', name, vhost.name)
        throw accessRefused(`cannot publish to internal ${resource}`)
      }
      found = new ExchangeAccess(exchange, vhost.generation, version)
      if (accesses.size >= ROUTES_MAX) accesses.clear()
      accesses.set(name, found)
    }
    this.#last = found
    return found
  }

  /**
   * The user-id property must be the user's own name, or the user an impersonator.
   * @throws BrokerError preconditionFailed
   */
  requireUserId(userId: string): void {
    const { user } = this.#session.connection
    if (userId === user.name || user.tags.includes('impersonator')) return
    throw preconditionFailed(`user_id property set to '${userId}' but authenticated user was '${user.name}'`)
  }

  /**
   * Routes a message and hands it to its queues, or keeps it for the commit.
   * @returns whether a queue rejected it
   * @throws BrokerError accessRefused; preconditionFailed for a request that is none
   */
  publish(access: ExchangeAccess, given: Message, mandatory: boolean): boolean {
    const broker = this.#broker
    const message = broker.interceptors.length === 0 ? given : broker.intercept(given)
    if (broker.alarms.active || broker.holdsPublishers) this.#hold(access.exchange, message)
    const targets = this.#targets(access, message)
    if (this.#pending !== null) {
      this.#vhost.retain(message)
      const checked = this.#passage !== null
      this.#passage = null
      this.#pending.push({ exchange: access.exchange, message, mandatory, targets, checked })
      return false
    }
    const rejected =
      this.#passage === null
        ? this.#deliver(access.exchange, message, mandatory, targets, false)
        : this.#pass(this.#passage, access.exchange, message, mandatory, targets)
    this.position = message.position
    if (this.confirms !== null) this.confirms.published(message.position, rejected)
    return rejected
  }

  /** A publisher may have to wait; who only asks for a retry is a consumer, and has to go on. */
  #hold(exchange: Exchange, message: Message): void {
    if (isRetryRequest(exchange, message)) return
    const broker = this.#broker
    const { connection } = this.#session
    if (broker.alarms.active) connection.blockForAlarm(broker.alarms.reason)
    if (broker.holdsPublishers) connection.hold()
  }

  /** @returns whether a queue rejected it */
  #pass(
    passage: Passage,
    exchange: Exchange,
    message: Message,
    mandatory: boolean,
    targets: readonly Target[],
  ): boolean {
    this.#passage = null
    return passage.give(this.#broker.store, message, targets, () =>
      this.#deliver(exchange, message, mandatory, targets, passage.isDuplicate),
    )
  }

  /** @param known whether an exchange left it out as a duplicate @returns whether a queue rejected it */
  #deliver(
    exchange: Exchange,
    message: Message,
    mandatory: boolean,
    targets: readonly Target[],
    known: boolean,
  ): boolean {
    const counters = this.#counters
    counters.published++
    const ofExchange = this.#countersOf(exchange.name)
    ofExchange.published++
    exchange.publishedIn++
    const { observer } = this.#vhost
    if (observer !== null) observer.published(this.#session, message, targets)
    if (targets.length === 0) {
      if (known) return false
      if (observer !== null) observer.unroutable(this.#session, message, mandatory)
      if (mandatory) {
        counters.returned++
        ofExchange.returned++
        this.#session.sink.returned(message)
      } else {
        counters.unroutable++
        ofExchange.unroutable++
      }
      return false
    }
    exchange.publishedOut += targets.length
    counters.routed += targets.length
    if (targets.length === 1) return targets[0]!.publish(message) === REJECTED
    return this.#vhost.give(message, targets) === REJECTED
  }

  #countersOf(exchange: string): PublishCounters {
    if (exchange === this.#countedExchange) return this.#counted
    const byExchange = (this.#byExchange ??= new Map<string, PublishCounters>())
    let found = byExchange.get(exchange)
    if (found === undefined) {
      if (byExchange.size >= ROUTES_MAX) byExchange.clear()
      found = new PublishCounters()
      byExchange.set(exchange, found)
    }
    this.#countedExchange = exchange
    this.#counted = found
    return found
  }

  /** @throws BrokerError accessRefused */
  #targets(access: ExchangeAccess, message: Message): readonly Target[] {
    const cacheable = message.extraKeys === null
    const key = message.routingKey
    // where the last one went, this one may go: `access` is another one as soon as a permission changes
    if (cacheable && access.lastKey === key) return access.lastTargets
    if (access.exchange.type === 'topic') this.#requireTopics(access.exchange, message)
    const known = cacheable ? access.routes.get(key) : undefined
    if (known !== undefined) {
      access.lastKey = key
      access.lastTargets = known
      return known
    }
    if (isRetryRequest(access.exchange, message)) return [new RetryRequest(message, this.#session.deliveries.unacked)]
    const { router } = this.#vhost
    const targets = router.route(access.exchange, message)
    this.#passage = router.passage
    if (router.cacheable && cacheable) {
      if (access.routes.size >= ROUTES_MAX) access.routes.clear()
      access.routes.set(key, targets)
      access.lastKey = key
      access.lastTargets = targets
    }
    return targets
  }

  #requireTopics(exchange: Exchange, message: Message): void {
    const { access } = this.#session
    access.requireTopic('write', exchange.name, message.routingKey)
    if (message.extraKeys !== null) {
      for (const key of message.extraKeys) access.requireTopic('write', exchange.name, key)
    }
  }

  // ---- modes ----

  selectConfirms(): void {
    if (this.#pending !== null) throw preconditionFailed('cannot switch from tx to confirm mode')
    const { turn, commits } = this.#broker
    this.confirms ??= new Confirms(turn, this.#session.sink, commits, this.#counters)
  }

  selectTransactions(): void {
    if (this.confirms !== null) throw preconditionFailed('cannot switch from confirm to tx mode')
    this.#pending ??= []
  }

  /**
   * Delivers what was published since the last commit: all of it, or, when a queue would reject its part, none.
   * @returns the log position to wait for
   * @throws BrokerError preconditionFailed
   */
  commit(): number {
    const pending = this.#pending!
    const { router } = this.#vhost
    for (const item of pending) if (item.checked) item.targets = router.route(item.exchange, item.message)
    if (!everyQueueHasRoom(pending)) {
      this.rollback()
      throw preconditionFailed('partial tx completion')
    }
    this.#pending = []
    let position = 0
    for (const item of pending) {
      const { message } = item
      this.#deliverPending(item)
      position = Math.max(position, message.position)
      this.#vhost.release(message)
    }
    return position
  }

  #deliverPending({ exchange, message, mandatory, targets, checked }: Pending): void {
    const { router } = this.#vhost
    const routed = checked ? router.route(exchange, message) : targets
    const passage = checked ? router.passage : null
    if (passage === null) this.#deliver(exchange, message, mandatory, routed, false)
    else this.#pass(passage, exchange, message, mandatory, routed)
  }

  rollback(): void {
    if (this.#pending === null) return
    for (const { message } of this.#pending) this.#vhost.release(message)
    this.#pending = []
  }

  /** What was not committed did not happen; what was not confirmed yet never will be. */
  close(): void {
    this.rollback()
    this.confirms?.close()
  }
}

/** A commit is atomic over its queues, so those that reject when full are asked before anything is delivered. */
function everyQueueHasRoom(pending: readonly Pending[]): boolean {
  const wanted = new Map<Queue, { count: number; bytes: number }>()
  for (const { message, targets } of pending) {
    for (const target of targets) {
      if (!(target instanceof Queue) || !target.rejectsWhenFull) continue
      if (target.deduplication?.isDuplicate(message) === true) continue
      const sum = wanted.get(target) ?? { count: 0, bytes: 0 }
      sum.count++
      sum.bytes += message.bodyLength
      wanted.set(target, sum)
    }
  }
  for (const [queue, { count, bytes }] of wanted) {
    const queueing = count - queue.takers()
    if (queueing > 0 && !queue.limit.hasRoomFor(queueing, bytes)) return false
  }
  return true
}
