import type { Access } from './access-control.ts'
import type { Broker } from './broker.ts'
import type { ClientConnection } from './client-connection.ts'
import type { CommitWaiter } from './commits.ts'
import type { ConfirmSink } from './confirms.ts'
import { Consumer } from './consumer.ts'
import { DIRECT_REPLY, ReplyTarget } from './direct-reply.ts'
import {
  accessRefused,
  BrokerError,
  describeResource,
  notAllowed,
  notImplemented,
  preconditionFailed,
  resourceLocked,
} from './errors.ts'
import { integerOf, isInteger, type Table } from './fields.ts'
import { MessageCounters } from './message-counters.ts'
import type { Message } from './message.ts'
import { Publishing } from './publishing.ts'
import { consumerFacts } from './event-facts.ts'
import type { Entry } from './queues/entry.ts'
import type { Queue } from './queues/queue.ts'
import { ACK, Deliveries, DISCARD, REJECT_REQUEUE, REQUEUE } from './settlement.ts'
import { serverName } from './topology-rules.ts'
import { Topology } from './topology.ts'
import { whenDecided } from './undecided.ts'
import type { VHost } from './vhost.ts'

/** What the broker tells a session's protocol. Calls come in the order in which the client must see them. */
export interface SessionSink extends ConfirmSink {
  /** `entry` is null for a message that never queued. The message's bytes are valid during the call only. */
  deliver(consumer: Consumer, tag: number, message: Message, redelivered: boolean, entry: Entry | null): void
  /** A mandatory message that reached no queue. */
  returned(message: Message): void
  /** The broker ended a consumer. @returns whether the client can be told */
  cancelled(consumer: Consumer): boolean
  /** The transaction's messages are safe. */
  committed(): void
  /** A delivery was not acknowledged within its time, and there is no consumer to end: the session cannot go on. */
  timedOut(timeoutMs: number): void
  /** The session has ended, and may be kept (`Keepsakes`): lets go of all that is large. Sessions of protocols without it are not kept. */
  shed?(): void
}

const NOTHING_FETCHED: ReadonlyMap<string, MessageCounters> = new Map()
/** Queues that were fetched from whose counts are kept apart. */
const FETCHED_MAX = 256

/**
 * One independent conversation of a client with the broker: the seam that all protocols talk to. Every check (permissions, locks,
 * equivalence, limits) is made here or below, once. Methods are synchronous; what comes later comes through the sink. Those that ask for a
 * permission may throw an `UndecidedError` before they have done anything, and are to be called again then.
 */
export class Session implements CommitWaiter {
  readonly connection: ClientConnection
  readonly broker: Broker
  readonly vhost: VHost
  /** Another one after a new login of its connection. */
  access: Access
  readonly publishing: Publishing
  readonly sink: SessionSink
  readonly number: number
  /** What it declares, binds and deletes. */
  readonly topology: Topology
  readonly deliveries: Deliveries
  readonly consumers = new Map<string, Consumer>()
  /** Prefetch of consumers to come; 0 for no limit. */
  prefetch: number
  closed = false
  waits = false
  /** But for what has been published since they were asked for. */
  readonly #counters = new MessageCounters()
  #reply: ReplyTarget | null = null
  #committing = -1
  /** Null until something is. */
  #fetched: Map<string, MessageCounters> | null = null

  constructor(connection: ClientConnection, sink: SessionSink, number: number) {
    this.connection = connection
    this.broker = connection.broker
    this.vhost = connection.vhost
    this.sink = sink
    this.number = number
    this.access = this.#openAccess()
    this.topology = new Topology(this)
    this.publishing = new Publishing(this, this.#counters)
    this.deliveries = new Deliveries(this, this.#counters)
    this.prefetch = this.broker.options.defaultPrefetch
  }

  #openAccess(): Access {
    const { identity, facts } = this.connection
    return identity.authorizer.openAccess(this.vhost.name, facts.topicVariables)
  }

  /** Goes by the present login of its connection from now on. */
  renewAccess(): void {
    this.access.close()
    this.access = this.#openAccess()
    this.publishing.accessChanged()
  }

  get counters(): MessageCounters {
    this.publishing.settleCounts()
    return this.#counters
  }

  /** What was fetched one by one, by queue. */
  get fetched(): ReadonlyMap<string, MessageCounters> {
    return this.#fetched ?? NOTHING_FETCHED
  }

  // ---- consuming ----

  /**
   * Starts a consumer. `started` is called with its tag before the first delivery can come.
   * @throws BrokerError
   */
  consume(
    request: { queue: string; tag: string; noAck: boolean; exclusive: boolean; arguments: Table },
    started: (tag: string) => void,
  ): void {
    const tag = request.tag === '' ? serverName('amq.ctag-') : request.tag
    const name = this.topology.queueName(request.queue)
    if (name === DIRECT_REPLY) {
      this.#consumeReplies(request, tag, started)
      return
    }
    this.access.require('read', 'queue', name)
    this.#requireNewTag(tag)
    this.broker.requireConsumerRoom(this)
    const queue = this.topology.usable(name)
    const consumer = this.#newConsumer(queue, tag, request)
    const resource = describeResource('queue', name, this.vhost.name)
    if (this.deliveries.sharedPrefetch > 0 && !queue.rules.sharedPrefetch) {
      throw notImplemented(`${resource} does not support global qos`)
    }
    this.#requireAdmission(queue, consumer, resource)
    this.consumers.set(tag, consumer)
    started(tag)
    queue.addConsumer(consumer)
    this.broker.events.as(this.connection.user.name, () =>
      this.broker.events.emit('consumer.created', this.vhost.name, () => consumerFacts(consumer)),
    )
  }

  #newConsumer(queue: Queue, tag: string, request: { noAck: boolean; exclusive: boolean; arguments: Table }): Consumer {
    const { noAck, exclusive } = request
    const priority = this.#integerArgument(queue, request.arguments, 'x-priority', 0)
    const timeoutMs = this.#integerArgument(queue, request.arguments, 'x-consumer-timeout', -1)
    for (const key of ['x-stream-offset', 'x-stream-filter', 'x-stream-match-unfiltered']) {
      if (!request.arguments.has(key)) continue
      const resource = describeResource('queue', queue.name, this.vhost.name)
      throw preconditionFailed(`invalid arg '${key}' for ${resource} of queue type ${queue.rules.moduleName}`)
    }
    const prefetch = noAck ? 0 : this.prefetch
    return new Consumer(this, queue, tag, {
      noAck,
      exclusive,
      priority,
      prefetch,
      timeoutMs,
      arguments: request.arguments,
    })
  }

  #integerArgument(queue: Queue, args: Table, key: string, absent: number): number {
    const field = args.get(key)
    if (field === undefined) return absent
    if (isInteger(field)) return integerOf(field)!
    const resource = describeResource('queue', queue.name, this.vhost.name)
    throw preconditionFailed(`invalid arg '${key}' for ${resource}: "expected integer, got ${field.type}"`)
  }

  #requireAdmission(queue: Queue, consumer: Consumer, resource: string): void {
    if (queue.rules.keepsNothing === true && !consumer.noAck) {
      throw notImplemented(`${resource} keeps nothing that could be acknowledged`)
    }
    const { exclusive } = consumer
    if (!queue.rules.exclusiveConsumers) return
    const taken = queue.exclusiveConsumer !== null
    const unfit = exclusive && (queue.consumerCount > 0 || queue.settings.singleActiveConsumer)
    if (taken || unfit) throw accessRefused(`${resource} in exclusive use`)
  }

  #requireNewTag(tag: string): void {
    if (this.consumers.has(tag)) throw notAllowed(`attempt to reuse consumer tag '${tag}'`)
  }

  #consumeReplies(request: { noAck: boolean; arguments: Table }, tag: string, started: (tag: string) => void): void {
    if (!request.noAck) throw preconditionFailed('reply consumer cannot acknowledge')
    if (this.#reply !== null) throw preconditionFailed('reply consumer already set')
    this.#requireNewTag(tag)
    const options = {
      noAck: true,
      exclusive: false,
      priority: 0,
      prefetch: 0,
      timeoutMs: -1,
      arguments: request.arguments,
    }
    // no queue stands behind it; nothing that looks at a consumer's queue ever sees this one
    const consumer = new Consumer(this, null as unknown as Queue, tag, options)
    this.#reply = new ReplyTarget(consumer)
    this.vhost.replyTargets.set(this.#reply.name, this.#reply)
    started(tag)
  }

  /** What `reply-to: amq.rabbitmq.reply-to` becomes. @throws BrokerError preconditionFailed */
  replyName(): string {
    if (this.#reply === null) throw preconditionFailed('fast reply consumer does not exist')
    return this.#reply.name
  }

  /** Ends a consumer; an unknown tag is a success. Its unsettled deliveries stay. */
  cancel(tag: string): void {
    if (this.#reply?.consumer.tag === tag) {
      this.vhost.replyTargets.delete(this.#reply.name)
      this.#reply.consumer.cancelled = true
      this.#reply = null
      return
    }
    const consumer = this.consumers.get(tag)
    if (consumer === undefined) return
    this.consumers.delete(tag)
    this.broker.events.as(this.connection.user.name, () => {
      this.#ended(consumer)
      consumer.queue.removeConsumer(consumer)
    })
  }

  /** The queue is gone, and with it the consumer. */
  consumerCancelled(consumer: Consumer): void {
    this.consumers.delete(consumer.tag)
    this.#ended(consumer)
    this.sink.cancelled(consumer)
  }

  /**
   * Fetches one message. `take` is called with it while its bytes are valid, or `empty` when there is none; where the message has to be
   * read from the store first, one of both is called later, unless the session ends before.
   * @returns whether one has been called
   * @throws BrokerError
   */
  get(
    given: string,
    noAck: boolean,
    take: (tag: number, entry: Entry, remaining: number) => void,
    empty: () => void,
  ): boolean {
    const name = this.topology.queueName(given)
    this.access.require('read', 'queue', name)
    const queue = this.topology.usable(name)
    if (queue.settings.singleActiveConsumer && !queue.rules.getBesideActive) {
      const resource = describeResource('queue', name, this.vhost.name)
      const operation = `basic.get operations are not supported by ${queue.type} queues with single active consumer`
      throw resourceLocked(`cannot obtain access to locked ${resource}. ${operation}`)
    }
    const fetch = (): boolean => this.closed || this.#fetch(queue, noAck, take, empty)
    if (fetch()) return true
    queue.waitForHead({ onHead: fetch })
    return false
  }

  /** @returns false when the message has to be waited for */
  #fetch(
    queue: Queue,
    noAck: boolean,
    take: (tag: number, entry: Entry, remaining: number) => void,
    empty: () => void,
  ): boolean {
    const counters = this.#counters
    const entry = queue.get(noAck)
    if (entry === null) {
      if (queue.comesLater) return false
      counters.getEmpty++
      queue.counters.getEmpty++
      this.#fetchedFrom(queue.name).getEmpty++
      empty()
      return true
    }
    countFetched(counters, noAck, entry)
    countFetched(this.#fetchedFrom(queue.name), noAck, entry)
    const tag = noAck ? this.deliveries.unacked.skip() : this.deliveries.add(entry)
    if (this.vhost.observer !== null) {
      const { message, redelivered } = entry
      this.vhost.observer.delivered(this, { queue: queue.name, message, redelivered, entry, consumer: null })
    }
    take(tag, entry, queue.readyCount)
    if (noAck) queue.forgetFetched(entry)
    return true
  }

  /** The rights have changed: consumers of queues that may be read no more end. */
  async recheckConsumers(): Promise<void> {
    for (const consumer of this.consumers.values()) {
      try {
        await whenDecided(() => this.access.require('read', 'queue', consumer.queue.name))
      } catch (error) {
        if (!(error instanceof BrokerError)) throw error
        if (this.closed || this.consumers.get(consumer.tag) !== consumer) continue
        this.consumers.delete(consumer.tag)
        this.#ended(consumer)
        this.sink.cancelled(consumer)
        consumer.queue.removeConsumer(consumer)
      }
    }
  }

  #fetchedFrom(queue: string): MessageCounters {
    const fetched = (this.#fetched ??= new Map<string, MessageCounters>())
    let found = fetched.get(queue)
    if (found === undefined) {
      if (fetched.size >= FETCHED_MAX) fetched.clear()
      found = new MessageCounters()
      fetched.set(queue, found)
    }
    return found
  }

  /** Called by queues. */
  deliver(consumer: Consumer, entry: Entry): void {
    this.#counters.delivered++
    consumer.delivered++
    if (entry.redelivered) {
      this.#counters.redelivered++
      consumer.redelivered++
    }
    const tag = this.deliveries.add(entry)
    const { message, redelivered } = entry
    const { observer } = this.vhost
    if (observer !== null) observer.delivered(this, { queue: entry.queue.name, message, redelivered, entry, consumer })
    this.sink.deliver(consumer, tag, message, redelivered, entry)
  }

  /** Called by queues: the delivery counts as settled. */
  deliverSettled(consumer: Consumer, message: Message, entry: Entry | null): void {
    this.#send(consumer, consumer.queue.name, message, entry)
  }

  /** Called by the session's reply target, behind which there is no queue. */
  deliverReply(consumer: Consumer, message: Message): void {
    this.#send(consumer, DIRECT_REPLY, message, null)
  }

  #send(consumer: Consumer, source: string, message: Message, entry: Entry | null): void {
    this.#counters.deliveredNoAck++
    consumer.delivered++
    const tag = this.deliveries.unacked.skip()
    const redelivered = entry !== null && entry.redelivered
    if (redelivered) {
      this.#counters.redelivered++
      consumer.redelivered++
    }
    const { observer } = this.vhost
    if (observer !== null) observer.delivered(this, { queue: source, message, redelivered, entry, consumer })
    this.sink.deliver(consumer, tag, message, redelivered, entry)
  }

  hasCredit(): boolean {
    return this.deliveries.hasCredit()
  }

  /** `shared` limits the whole session from now on; otherwise the consumers to come, each, and as in RabbitMQ the session no more. */
  setPrefetch(count: number, shared: boolean): void {
    if (!shared) this.prefetch = count
    this.deliveries.sharedPrefetch = shared ? count : 0
    this.limitDeliveries(this.deliveries.sharedPrefetch)
  }

  /** How many deliveries may be unsettled in all, whatever the queues are: for a protocol that has one limit for each client. */
  limitDeliveries(count: number): void {
    this.deliveries.limit = count
    this.wakeConsumers()
  }

  /** @param last has had the room: its turn comes after all others', or the first consumer would have all that its queue has before anyone else */
  wakeConsumers(last: Consumer | null = null): void {
    let behind = false
    for (const consumer of this.consumers.values()) {
      if (behind) consumer.wake()
      else behind = consumer === last
    }
    for (const consumer of this.consumers.values()) {
      consumer.wake()
      if (behind && consumer === last) return
    }
  }

  // ---- settlement ----

  /** @throws BrokerError preconditionFailed */
  acknowledge(tag: number, multiple: boolean): void {
    this.deliveries.settle(tag, multiple, ACK)
  }

  /** The consumer failed on it (AMQP: basic.reject). @throws BrokerError preconditionFailed */
  reject(tag: number, requeue: boolean): void {
    this.deliveries.settle(tag, false, requeue ? REJECT_REQUEUE : DISCARD)
  }

  /** The consumer gives it back (AMQP: basic.nack). @throws BrokerError preconditionFailed */
  release(tag: number, multiple: boolean, requeue: boolean): void {
    this.deliveries.settle(tag, multiple, requeue ? REQUEUE : DISCARD)
  }

  /** Everything unsettled goes back to its queue. */
  recover(): void {
    this.deliveries.requeueAll('returned')
  }

  /** Some deliveries were not acknowledged in time: they go back, and their consumers end; without a way to say so, the session does. */
  onAckTimeout(late: readonly { tag: number; entry: Entry; timeoutMs: number }[]): void {
    for (const { tag, entry, timeoutMs } of late) {
      if (this.closed) return
      const { consumer } = entry
      const queue = entry.queue.name
      this.broker.limitedLog.warn(`late ${queue}`, 'a delivery was not acknowledged in time', { queue, timeoutMs })
      this.deliveries.timeOut(tag, entry)
      if (consumer !== null && this.consumers.get(consumer.tag) === consumer) {
        this.consumers.delete(consumer.tag)
        this.#ended(consumer)
        const told = this.sink.cancelled(consumer)
        consumer.queue.removeConsumer(consumer)
        if (told) continue
      } else if (consumer !== null) continue
      this.sink.timedOut(timeoutMs)
    }
  }

  // ---- transactions ----

  /** @throws BrokerError preconditionFailed */
  selectTransactions(): void {
    this.publishing.selectTransactions()
    this.deliveries.selectTransactions()
  }

  /**
   * Publishes first, then settlements. `sink.committed` follows, at once or when all is safe.
   * @returns up to where the log has to be safe for that
   * @throws BrokerError preconditionFailed
   */
  commit(): number {
    this.#requireTransactions()
    const { store } = this.broker
    let published = 0
    let recorded = 0
    store.begin()
    try {
      published = this.publishing.commit()
      this.deliveries.commit()
    } finally {
      recorded = store.end()
    }
    const position = Math.max(published, recorded)
    this.#committing = position
    this.onCommitted()
    return position
  }

  get committing(): boolean {
    return this.#committing >= 0
  }

  onCommitted(): void {
    const { commits } = this.broker
    if (this.closed || this.#committing < 0) return
    if (this.#committing > commits.committed) {
      commits.wait(this)
      return
    }
    this.#committing = -1
    this.sink.committed()
  }

  /** @throws BrokerError preconditionFailed */
  rollback(): void {
    this.#requireTransactions()
    this.publishing.rollback()
    this.deliveries.rollback()
  }

  #requireTransactions(): void {
    if (!this.publishing.transactional) throw preconditionFailed('channel is not transactional')
  }

  // ---- end ----

  /** Consumers end, unsettled deliveries go back in order, an open transaction is rolled back. */
  close(): void {
    if (this.closed) return
    this.closed = true
    this.connection.sessions.delete(this)
    if (this.#reply !== null) this.cancel(this.#reply.consumer.tag)
    this.publishing.close()
    const consumers = [...this.consumers.values()]
    for (const consumer of consumers) consumer.cancelled = true
    this.deliveries.close()
    this.consumers.clear()
    for (const consumer of consumers) this.#ended(consumer)
    for (const consumer of consumers) consumer.queue.removeConsumer(consumer)
    this.access.close()
    this.broker.sessionClosed(this)
  }

  #ended(consumer: Consumer): void {
    this.broker.keepsakes.keepConsumer(consumer)
    this.broker.events.emit('consumer.deleted', this.vhost.name, () => consumerFacts(consumer))
  }
}

function countFetched(counters: MessageCounters, noAck: boolean, { redelivered }: Entry): void {
  if (noAck) counters.gotNoAck++
  else counters.got++
  if (redelivered) counters.redelivered++
}
