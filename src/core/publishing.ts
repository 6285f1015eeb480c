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
  readonly exchange: Exchange
  readonly generation: number
  readonly permissions: number
  readonly routes = new Map<string, readonly Target[]>()

  constructor(exchange: Exchange, generation: number, permissions: number) {
    this.exchange = exchange
    this.generation = generation
    this.permissions = permissions
  }
}

interface Pending {
  readonly exchange: Exchange
  readonly message: Message
  readonly mandatory: boolean
  /** Looked for again with the commit: see `#targetsNow`. */
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
  // What each message looks at comes first: see `Transport`. So what belongs to the last access is here and not in it, and what is counted
  // of it is put where it belongs when somebody asks.
  readonly #broker: Broker
  readonly #vhost: VHost
  #basis: DecisionBasis
  #last: ExchangeAccess | null = null
  /** Of the last access, as the four that follow. */
  #exchange: Exchange | null = null
  #generation = -1
  #permissions = -1
  #key = ''
  /** Where messages with the last key went; null where it is not known. */
  #targets: readonly Target[] | null = null
  /** Not in the counters yet, as with `#routed`. */
  #published = 0
  #routed = 0
  /** Present in transactional mode: what waits for the commit. */
  #pending: Pending[] | null = null
  /** Of the message that is being published, if exchanges that keep duplicates out are on its way; else null. */
  #passage: Passage | null = null
  /** Null until something is published, as with `#byExchange`: most sessions of a consumer never do. */
  #accesses: Map<string, ExchangeAccess> | null = null
  #byExchange: Map<string, PublishCounters> | null = null
  /** Confirms that were given to exchanges. */
  #confirmsSpread = 0
  readonly #counters: MessageCounters
  readonly #session: Session

  /** @param counters of the session; `settleCounts` brings them up to date */
  constructor(session: Session, counters: MessageCounters) {
    this.#session = session
    this.#broker = session.broker
    this.#vhost = session.vhost
    this.#basis = session.access.basis
    this.#counters = counters
  }

  /** What was published, by exchange. */
  get byExchange(): ReadonlyMap<string, PublishCounters> {
    this.settleCounts()
    this.#spreadConfirms()
    return this.#byExchange ?? NOTHING_PUBLISHED
  }

  /** Confirms are counted for all exchanges together; each is given as many as wait for theirs, and what it was given it keeps. */
  #spreadConfirms(): void {
    let left = this.#counters.confirmed - this.#confirmsSpread
    if (left === 0 || this.#byExchange === null) return
    this.#confirmsSpread += left
    for (const counters of this.#byExchange.values()) {
      const taken = Math.min(left, counters.published - counters.unanswered - counters.confirmed)
      counters.confirmed += taken
      left -= taken
    }
  }

  get transactional(): boolean {
    return this.#pending !== null
  }

  /** Messages that wait for the commit. */
  get uncommitted(): number {
    return this.#pending?.length ?? 0
  }

  /** The session goes by another login: what was decided by the one before counts no more. */
  accessChanged(): void {
    this.settleCounts()
    this.#basis = this.#session.access.basis
    this.#accesses = null
    this.#last = null
    this.#exchange = null
  }

  /** @throws BrokerError accessRefused, notFound */
  access(name: string): ExchangeAccess {
    const generation = this.#vhost.generation
    const permissions = this.#basis.version
    const isLast =
      this.#exchange !== null &&
      this.#exchange.name === name &&
      this.#generation === generation &&
      this.#permissions === permissions
    return isLast ? this.#last! : this.#turnTo(name, generation, permissions)
  }

  #turnTo(name: string, generation: number, permissions: number): ExchangeAccess {
    this.settleCounts()
    const accesses = (this.#accesses ??= new Map<string, ExchangeAccess>())
    let found = accesses.get(name)
    if (found === undefined || found.generation !== generation || found.permissions !== permissions) {
      this.#session.access.require('write', 'exchange', name)
      const exchange = this.#vhost.findExchange(name)
      if (exchange.internal) {
        const resource = describeResource('exchange', name, this.#vhost.name)
        throw accessRefused(`cannot publish to internal ${resource}`)
      }
      found = new ExchangeAccess(exchange, generation, permissions)
      if (accesses.size >= ROUTES_MAX) accesses.clear()
      accesses.set(name, found)
    }
    this.#last = found
    this.#exchange = found.exchange
    this.#generation = generation
    this.#permissions = permissions
    this.#targets = null
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
    if (this.#pending !== null) {
      this.#keepForCommit(this.#pending, access, message, mandatory)
      return false
    }
    // where the last one went, this one may go: the last access is another one as soon as a permission changes
    const last = access === this.#last && message.routingKey === this.#key ? this.#targets : null
    const rejected =
      last !== null && message.extraKeys === null
        ? this.#deliver(this.#exchange!, message, mandatory, last, false)
        : this.#publishAnew(access, message, mandatory)
    this.position = message.position
    if (this.confirms !== null) {
      this.confirms.published(message.position, rejected)
      if (rejected) this.#countersOf(access.exchange).unanswered++
    }
    return rejected
  }

  /** @returns whether a queue rejected it @throws BrokerError as `publish` */
  #publishAnew(access: ExchangeAccess, message: Message, mandatory: boolean): boolean {
    const { exchange } = access
    const targets = this.#route(access, message)
    const passage = this.#passage
    if (passage === null) return this.#deliver(exchange, message, mandatory, targets, false)
    return this.#pass(passage, exchange, message, mandatory, targets)
  }

  /** @throws BrokerError as `publish` */
  #keepForCommit(pending: Pending[], access: ExchangeAccess, message: Message, mandatory: boolean): void {
    const targets = this.#route(access, message)
    this.#vhost.retain(message)
    const checked = this.#passage !== null
    this.#passage = null
    pending.push({ exchange: access.exchange, message, mandatory, targets, checked })
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
    if (exchange === this.#exchange) {
      this.#published++
      this.#routed += targets.length
    } else this.#count(exchange, 1, targets.length)
    exchange.publishedIn++
    const { observer } = this.#vhost
    if (observer !== null) observer.published(this.#session, message, targets)
    if (targets.length === 0) {
      if (known) return false
      if (observer !== null) observer.unroutable(this.#session, message, mandatory)
      if (mandatory) {
        this.#counters.returned++
        this.#countersOf(exchange).returned++
        this.#session.sink.returned(message)
      } else {
        this.#counters.unroutable++
        this.#countersOf(exchange).unroutable++
      }
      return false
    }
    exchange.publishedOut += targets.length
    if (targets.length === 1) return targets[0]!.publish(message) === REJECTED
    return this.#vhost.give(message, targets) === REJECTED
  }

  /** Brings the counters up to date: the session's, and those by exchange. */
  settleCounts(): void {
    if (this.#published === 0) return
    this.#count(this.#exchange!, this.#published, this.#routed)
    this.#published = 0
    this.#routed = 0
  }

  #count(exchange: Exchange, published: number, routed: number): void {
    this.#counters.published += published
    this.#counters.routed += routed
    this.#countersOf(exchange).published += published
  }

  #countersOf({ name }: Exchange): PublishCounters {
    const byExchange = (this.#byExchange ??= new Map<string, PublishCounters>())
    let found = byExchange.get(name)
    if (found === undefined) {
      if (byExchange.size >= ROUTES_MAX) byExchange.clear()
      found = new PublishCounters()
      byExchange.set(name, found)
    }
    return found
  }

  /** @throws BrokerError accessRefused */
  #route(access: ExchangeAccess, message: Message): readonly Target[] {
    const { exchange, routes } = access
    const cacheable = message.extraKeys === null
    const key = message.routingKey
    const known = cacheable ? routes.get(key) : undefined
    if (known !== undefined) {
      this.#remember(access, key, known)
      return known
    }
    if (exchange.type === 'topic') this.#requireTopics(exchange, message)
    if (isRetryRequest(exchange, message)) return [new RetryRequest(message, this.#session.deliveries.unacked)]
    const { router } = this.#vhost
    const targets = router.route(exchange, message)
    this.#passage = router.passage
    if (router.cacheable && cacheable) {
      if (routes.size >= ROUTES_MAX) routes.clear()
      routes.set(key, targets)
      this.#remember(access, key, targets)
    }
    return targets
  }

  #remember(access: ExchangeAccess, key: string, targets: readonly Target[]): void {
    if (access !== this.#last) return
    this.#key = key
    this.#targets = targets
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
    if (this.confirms !== null) return
    for (const counters of this.byExchange.values()) counters.unanswered = counters.published
    const { turn, commits } = this.#broker
    this.confirms = new Confirms(turn, this.#session.sink, commits, this.#counters)
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
    for (const item of pending) item.targets = this.#targetsNow(item)
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

  /**
   * As in RabbitMQ, the publish decides on the names of queues, and the commit looks for who has them. To the default exchange all names are
   * queues': one that is declared before the commit has the message.
   */
  #targetsNow({ exchange, message, targets, checked }: Pending): readonly Target[] {
    const { router, queues } = this.#vhost
    if (checked) return router.route(exchange, message)
    if (exchange.name === '') return isRetryRequest(exchange, message) ? targets : router.route(exchange, message)
    if (!targets.some((target) => target instanceof Queue && target.deleted)) return targets
    const found: Target[] = []
    for (const target of targets) {
      const now = target instanceof Queue && target.deleted ? queues.get(target.name) : target
      if (now !== undefined) found.push(now)
    }
    return found
  }

  #deliverPending({ exchange, message, mandatory, targets, checked }: Pending): void {
    // a plugin's exchange may fail now, and what is committed is committed
    const routed = checked ? this.#vhost.tryRoute(exchange, message) : null
    const passage = routed === null ? null : this.#vhost.router.passage
    if (passage === null) this.#deliver(exchange, message, mandatory, routed ?? targets, false)
    else this.#pass(passage, exchange, message, mandatory, routed!)
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
