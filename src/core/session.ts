import { randomBytes } from 'node:crypto'
import { type Access, AccessControl, FULL_ACCESS } from './access-control.ts'
import type { Broker } from './broker.ts'
import type { ClientConnection } from './client-connection.ts'
import type { ConfirmSink } from './confirms.ts'
import { Consumer } from './consumer.ts'
import { DIRECT_REPLY, isDirectReplyName, ReplyTarget } from './direct-reply.ts'
import {
  accessRefused,
  describeResource,
  notAllowed,
  notFound,
  notImplemented,
  preconditionFailed,
  resourceLocked,
} from './errors.ts'
import type { Exchange, ExchangeSpec } from './exchange.ts'
import { integerOf, isInteger, stringOf, type Table } from './fields.ts'
import type { Message } from './message.ts'
import { Publishing } from './publishing.ts'
import {
  checkArgumentEquivalence,
  comparedArguments,
  injectQueueType,
  queueTypeOf,
  validateQueueArguments,
} from './queues/arguments.ts'
import type { Entry } from './queues/entry.ts'
import type { Queue } from './queues/queue.ts'
import { ACK, Deliveries, DISCARD, REJECT_REQUEUE, REQUEUE } from './settlement.ts'
import { cleanName, refuseReservedName, requireOwn, requireSame } from './topology-rules.ts'
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
}

export interface QueueDeclaration {
  readonly name: string
  readonly passive: boolean
  readonly durable: boolean
  readonly exclusive: boolean
  readonly autoDelete: boolean
  readonly arguments: Table
}

export interface QueueSummary {
  readonly name: string
  /** Ready messages. */
  readonly messages: number
  readonly consumers: number
}

const serverName = (prefix: string): string => prefix + randomBytes(16).toString('base64url')

/**
 * One independent conversation of a client with the broker: the seam that all protocols talk to. Every check (permissions, locks,
 * equivalence, limits) is made here or below, once. Methods are synchronous; what comes later comes through the sink.
 */
export class Session {
  readonly connection: ClientConnection
  readonly broker: Broker
  readonly vhost: VHost
  readonly sink: SessionSink
  readonly number: number
  readonly access: Access
  readonly publishing: Publishing
  readonly deliveries: Deliveries
  readonly consumers = new Map<string, Consumer>()
  /** Prefetch of consumers to come; 0 for no limit. */
  prefetch: number
  closed = false
  #lastQueue: string | null = null
  #reply: ReplyTarget | null = null
  #committing = -1

  constructor(connection: ClientConnection, sink: SessionSink, number: number) {
    this.connection = connection
    this.broker = connection.broker
    this.vhost = connection.vhost
    this.sink = sink
    this.number = number
    this.access = connection.trusted
      ? FULL_ACCESS
      : new AccessControl(this.broker.permissions, connection.user.name, this.vhost.name)
    this.publishing = new Publishing(this)
    this.deliveries = new Deliveries(this)
    this.prefetch = this.broker.options.defaultPrefetch
  }

  // ---- exchanges ----

  /** @throws BrokerError */
  declareExchange(declaration: ExchangeSpec & { readonly passive: boolean }): void {
    const name = cleanName(declaration.name)
    const spec = { ...declaration, name }
    if (!spec.passive) this.broker.requireExchangeType(spec.type)
    refuseDefaultExchange(name)
    if (spec.passive) {
      this.access.requireAny('exchange', name)
      this.vhost.findExchange(name)
      return
    }
    this.access.require('configure', 'exchange', name)
    const existing = this.vhost.exchanges.get(name)
    if (existing !== undefined) {
      this.#requireEquivalentExchange(existing, spec)
      return
    }
    refuseReservedName('exchange', name)
    const alternate = spec.arguments.get('alternate-exchange')
    if (alternate !== undefined) {
      const target = stringOf(alternate)
      if (target === null) {
        const resource = describeResource('exchange', name, this.vhost.name)
        throw preconditionFailed(`invalid type '${alternate.type}' for arg 'alternate-exchange' in ${resource}`)
      }
      this.access.require('read', 'exchange', name)
      this.access.require('write', 'exchange', target)
    }
    this.broker.requireExchangeRoom(this.vhost, name)
    this.vhost.createExchange(spec)
  }

  #requireEquivalentExchange(existing: Exchange, spec: ExchangeSpec): void {
    const { name } = existing
    const same = (arg: string, current: unknown, received: unknown): void =>
      requireSame('exchange', name, this.vhost.name, arg, current, received)
    same('type', existing.type, spec.type)
    same('durable', existing.durable, spec.durable)
    same('auto_delete', existing.autoDelete, spec.autoDelete)
    same('internal', existing.internal, spec.internal)
    const keys = ['alternate-exchange', ...(existing.rules.equivalenceKeys ?? [])]
    checkArgumentEquivalence('exchange', name, this.vhost.name, keys, existing.arguments, spec.arguments)
  }

  /** @throws BrokerError */
  deleteExchange(given: string, ifUnused: boolean): void {
    const name = cleanName(given)
    refuseDefaultExchange(name)
    this.access.require('configure', 'exchange', name)
    if (name.startsWith('amq.')) {
      throw accessRefused(`deletion of system ${describeResource('exchange', name, this.vhost.name)} not allowed`)
    }
    const exchange = this.vhost.exchanges.get(name)
    if (exchange === undefined) return
    if (ifUnused && exchange.bindings.size > 0) {
      throw preconditionFailed(`${describeResource('exchange', name, this.vhost.name)} in use`)
    }
    this.vhost.removeExchange(exchange)
  }

  // ---- bindings ----

  /** @throws BrokerError */
  bindQueue(queueName: string, source: string, key: string, args: Table): void {
    const { queue, exchange, routingKey } = this.#bindingEnds(queueName, source, key)
    if (exchange === undefined) this.vhost.findExchange(cleanName(source))
    this.vhost.bind(exchange!, this.#usable(queue), routingKey, args)
  }

  /** Removing what is not there is a success. @throws BrokerError */
  unbindQueue(queueName: string, source: string, key: string, args: Table): void {
    const { queue, exchange, routingKey } = this.#bindingEnds(queueName, source, key)
    const existing = this.vhost.queues.get(queue)
    if (existing === undefined || exchange === undefined) return
    if (!this.vhost.isBound(exchange, existing, routingKey, args)) return
    requireOwn(existing, this.connection, this.vhost.name)
    this.vhost.unbind(exchange, existing, routingKey, args)
  }

  #bindingEnds(
    queueName: string,
    source: string,
    key: string,
  ): { queue: string; exchange: Exchange | undefined; routingKey: string } {
    const queue = this.#queueName(queueName)
    const routingKey = queueName === '' && key === '' ? queue : key
    const sourceName = cleanName(source)
    refuseDefaultExchange(sourceName)
    if (isDirectReplyName(queue)) {
      throw accessRefused('cannot bind or unbind to a volatile (direct reply-to) queue')
    }
    this.access.require('write', 'queue', queue)
    this.access.require('read', 'exchange', sourceName)
    const exchange = this.vhost.exchanges.get(sourceName)
    if (exchange?.type === 'topic') this.access.requireTopic('read', sourceName, routingKey)
    return { queue, exchange, routingKey }
  }

  /** @throws BrokerError */
  bindExchange(destination: string, source: string, key: string, args: Table): void {
    const ends = this.#exchangeEnds(destination, source, key)
    const from = this.vhost.findExchange(ends.source)
    this.vhost.bind(from, this.vhost.findExchange(ends.destination), key, args)
  }

  /** Removing what is not there is a success. @throws BrokerError */
  unbindExchange(destination: string, source: string, key: string, args: Table): void {
    const ends = this.#exchangeEnds(destination, source, key)
    const from = this.vhost.exchanges.get(ends.source)
    const to = this.vhost.exchanges.get(ends.destination)
    if (from !== undefined && to !== undefined) this.vhost.unbind(from, to, key, args)
  }

  #exchangeEnds(givenDestination: string, givenSource: string, key: string): { destination: string; source: string } {
    const destination = cleanName(givenDestination)
    const source = cleanName(givenSource)
    refuseDefaultExchange(source)
    refuseDefaultExchange(destination)
    this.access.require('write', 'exchange', destination)
    this.access.require('read', 'exchange', source)
    if (this.vhost.exchanges.get(source)?.type === 'topic') this.access.requireTopic('read', source, key)
    return { destination, source }
  }

  // ---- queues ----

  /** @throws BrokerError */
  declareQueue(declaration: QueueDeclaration): QueueSummary {
    const given = cleanName(declaration.name)
    if (given === DIRECT_REPLY || isDirectReplyName(given)) return this.#declareReply(given)
    if (declaration.passive) return this.#findDeclared(given)
    const serverNamed = given === ''
    // RabbitMQ refuses it for a queue that exists too: only the broker declares these
    if (!serverNamed) refuseReservedName('queue', given)
    const name = serverNamed ? serverName('amq.gen-') : given
    this.access.require('configure', 'queue', name)
    const existing = this.vhost.queues.get(name)
    if (existing !== undefined) {
      this.#requireEquivalentQueue(existing, declaration)
      existing.touch()
      return this.#remember(existing)
    }
    return this.#remember(this.#createQueue(name, serverNamed, declaration))
  }

  #declareReply(name: string): QueueSummary {
    if (name !== DIRECT_REPLY && !this.vhost.replyTargets.has(name)) {
      throw notFound(`no ${describeResource('queue', name, this.vhost.name)}`)
    }
    this.#lastQueue = name
    return { name, messages: 0, consumers: 1 }
  }

  #findDeclared(name: string): QueueSummary {
    if (name !== '') this.access.requireAny('queue', name)
    const queue = this.#usable(name)
    queue.touch()
    return this.#remember(queue)
  }

  #remember(queue: Queue): QueueSummary {
    this.#lastQueue = queue.name
    const waitingCount = queue.rules.declaresInactive || !queue.settings.singleActiveConsumer
    const consumers = waitingCount ? queue.consumerCount : Math.min(1, queue.consumerCount)
    return { name: queue.name, messages: queue.readyCount, consumers }
  }

  #requireEquivalentQueue(existing: Queue, declaration: QueueDeclaration): void {
    const vhost = this.vhost.name
    requireOwn(existing, this.connection, vhost, declaration.exclusive)
    const durable = declaration.durable && !declaration.exclusive
    requireSame('queue', existing.name, vhost, 'durable', existing.durable, durable)
    requireSame('queue', existing.name, vhost, 'auto_delete', existing.autoDelete, declaration.autoDelete)
    const received = declaration.arguments
    const implied = existing.arguments.get('x-queue-type')
    // a declaration that names no type gets the default, which may be what the queue got
    const names = received.has('x-queue-type') || implied === undefined
    const type = names ? received : injectQueueType(received, this.#typeOf(existing.name, false, declaration))
    checkArgumentEquivalence('queue', existing.name, vhost, comparedArguments(existing.type), existing.arguments, type)
  }

  #typeOf(name: string, serverNamed: boolean, declaration: QueueDeclaration): string {
    return queueTypeOf(
      declaration.arguments,
      this.vhost.metadata.defaultQueueType,
      this.broker.options.defaultQueueType,
      {
        ...declaration,
        name,
        serverNamed,
        vhost: this.vhost.name,
      },
    )
  }

  #createQueue(name: string, serverNamed: boolean, declaration: QueueDeclaration): Queue {
    const type = this.#typeOf(name, serverNamed, declaration)
    const deadLetters = declaration.arguments.get('x-dead-letter-exchange')
    const target = stringOf(deadLetters)
    if (target !== null) {
      this.access.require('read', 'queue', name)
      this.access.require('write', 'exchange', target)
    }
    validateQueueArguments({ ...declaration, name, serverNamed, vhost: this.vhost.name, type })
    this.broker.requireQueueType(type, name, this.vhost.name)
    this.broker.requireQueueRoom(this.vhost, name)
    const { durable, exclusive, autoDelete } = declaration
    return this.vhost.createQueue(type, {
      name,
      durable: durable && !exclusive,
      autoDelete,
      owner: exclusive ? this.connection : null,
      arguments: injectQueueType(declaration.arguments, type),
    })
  }

  /** Deletes a queue; a missing one counts as deleted. @returns the ready messages that went @throws BrokerError */
  deleteQueue(given: string, ifUnused: boolean, ifEmpty: boolean): number {
    const name = this.#queueName(given)
    this.access.require('configure', 'queue', name)
    const queue = this.vhost.queues.get(name)
    if (queue === undefined) return 0
    requireOwn(queue, this.connection, this.vhost.name)
    const resource = describeResource('queue', name, this.vhost.name)
    if (!queue.rules.conditionalDelete && (ifUnused || ifEmpty)) {
      const which = ifUnused ? 'if-unused' : 'if-empty'
      const operation = `queue.delete operations with ${which} flag set are not supported by ${queue.type} queues`
      throw notImplemented(`cannot delete ${resource}. ${operation}`)
    }
    if (ifEmpty && queue.readyCount > 0) throw preconditionFailed(`${resource} not empty`)
    if (ifUnused && queue.consumerCount > 0) throw preconditionFailed(`${resource} in use`)
    const messages = queue.readyCount
    this.vhost.removeQueue(queue)
    return messages
  }

  /** @returns the number of messages removed @throws BrokerError */
  purgeQueue(given: string): number {
    const name = this.#queueName(given)
    this.access.require('read', 'queue', name)
    return this.#usable(name).purge()
  }

  /** The empty name stands for the queue that this session declared last. */
  #queueName(given: string): string {
    if (given !== '') return cleanName(given)
    if (this.#lastQueue === null) throw notFound('no previously declared queue')
    return this.#lastQueue
  }

  #usable(name: string): Queue {
    const queue = this.vhost.findQueue(name)
    requireOwn(queue, this.connection, this.vhost.name)
    return queue
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
    const name = this.#queueName(request.queue)
    if (name === DIRECT_REPLY) {
      this.#consumeReplies(request, tag, started)
      return
    }
    this.access.require('read', 'queue', name)
    this.#requireNewTag(tag)
    this.broker.requireConsumerRoom(this)
    const queue = this.#usable(name)
    const consumer = this.#newConsumer(queue, tag, request)
    const resource = describeResource('queue', name, this.vhost.name)
    if (this.deliveries.sharedPrefetch > 0 && !queue.rules.sharedPrefetch) {
      throw notImplemented(`${resource} does not support global qos`)
    }
    this.#requireAdmission(queue, request.exclusive, resource)
    this.consumers.set(tag, consumer)
    started(tag)
    queue.addConsumer(consumer)
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

  #requireAdmission(queue: Queue, exclusive: boolean, resource: string): void {
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
    consumer.queue.removeConsumer(consumer)
  }

  /** The queue is gone, and with it the consumer. */
  consumerCancelled(consumer: Consumer): void {
    this.consumers.delete(consumer.tag)
    this.sink.cancelled(consumer)
  }

  /**
   * Fetches one message. `take` is called with it while its bytes are valid.
   * @returns false when there is none
   * @throws BrokerError
   */
  get(given: string, noAck: boolean, take: (tag: number, entry: Entry, remaining: number) => void): boolean {
    const name = this.#queueName(given)
    this.access.require('read', 'queue', name)
    const queue = this.#usable(name)
    if (queue.settings.singleActiveConsumer && !queue.rules.getBesideActive) {
      const resource = describeResource('queue', name, this.vhost.name)
      const operation = `basic.get operations are not supported by ${queue.type} queues with single active consumer`
      throw resourceLocked(`cannot obtain access to locked ${resource}. ${operation}`)
    }
    const { counters } = this.broker
    const entry = queue.get(noAck)
    if (entry === null) {
      counters.getEmpty++
      return false
    }
    counters.delivered++
    const tag = noAck ? this.deliveries.unacked.skip() : this.deliveries.add(entry)
    if (this.vhost.firehose !== null) this.vhost.firehose.delivered(this, name, entry.message, entry.redelivered)
    take(tag, entry, queue.readyCount)
    if (noAck) queue.forgetFetched(entry)
    return true
  }

  /** Called by queues. */
  deliver(consumer: Consumer, entry: Entry): void {
    this.broker.counters.delivered++
    const tag = this.deliveries.add(entry)
    const { firehose } = this.vhost
    if (firehose !== null) firehose.delivered(this, entry.queue.name, entry.message, entry.redelivered)
    this.sink.deliver(consumer, tag, entry.message, entry.redelivered, entry)
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
    this.broker.counters.delivered++
    const tag = this.deliveries.unacked.skip()
    const redelivered = entry !== null && entry.redelivered
    const { firehose } = this.vhost
    if (firehose !== null) firehose.delivered(this, source, message, redelivered)
    this.sink.deliver(consumer, tag, message, redelivered, entry)
  }

  hasCredit(): boolean {
    return this.deliveries.hasCredit()
  }

  /** `shared` limits the whole session from now on; otherwise the consumers to come, each, and as in RabbitMQ the session no more. */
  setPrefetch(count: number, shared: boolean): void {
    if (!shared) this.prefetch = count
    this.deliveries.sharedPrefetch = shared ? count : 0
    this.wakeConsumers()
  }

  wakeConsumers(): void {
    for (const consumer of this.consumers.values()) consumer.wake()
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

  /** Publishes first, then settlements. `sink.committed` follows, at once or when all is safe. @throws BrokerError preconditionFailed */
  commit(): void {
    this.#requireTransactions()
    const { store } = this.broker
    store.begin()
    try {
      this.#committing = this.publishing.commit()
      this.deliveries.commit()
    } finally {
      store.end()
    }
    this.onCommitted()
  }

  get committing(): boolean {
    return this.#committing >= 0
  }

  /** The log has committed more. */
  onCommitted(): void {
    this.publishing.confirms?.onCommitted()
    if (this.#committing < 0 || this.#committing > this.broker.store.committed) return
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
    for (const consumer of consumers) consumer.queue.removeConsumer(consumer)
  }
}

function refuseDefaultExchange(name: string): void {
  if (name === '') throw accessRefused('operation not permitted on the default exchange')
}
