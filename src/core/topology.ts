import type { Access } from './access-control.ts'
import type { Broker } from './broker.ts'
import type { ClientConnection } from './client-connection.ts'
import { DIRECT_REPLY, isDirectReplyName } from './direct-reply.ts'
import { accessRefused, describeResource, notFound, notImplemented, preconditionFailed } from './errors.ts'
import type { Exchange, ExchangeSpec } from './exchange.ts'
import { stringOf, type Table } from './fields.ts'
import { DEDUPLICATION_ARGUMENTS } from './deduplication/settings.ts'
import {
  checkArgumentEquivalence,
  comparedArguments,
  injectQueueType,
  queueTypeOf,
  validateQueueArguments,
} from './queues/arguments.ts'
import type { Queue } from './queues/queue.ts'
import { changeQueue, previewChange, type QueueChange } from './queue-change.ts'
import type { QueueChangeRequest } from './queue-change-request.ts'
import type { Session } from './session.ts'
import {
  cleanName,
  refuseDefaultExchange,
  refuseReservedName,
  requireOwn,
  requireSame,
  serverName,
} from './topology-rules.ts'
import type { VHost } from './vhost.ts'

export interface QueueDeclaration {
  readonly name: string
  readonly passive: boolean
  readonly durable: boolean
  readonly exclusive: boolean
  readonly autoDelete: boolean
  readonly arguments: Table
  /** Of a type that a protocol uses for itself, which no argument can ask for. */
  readonly type?: string
}

export interface QueueSummary {
  readonly name: string
  /** Ready messages. */
  readonly messages: number
  readonly consumers: number
}

/** What a session declares, binds and deletes, with every check that this asks for. */
export class Topology {
  readonly #broker: Broker
  readonly #vhost: VHost
  readonly #access: Access
  readonly #connection: ClientConnection
  #lastQueue: string | null = null
  /** Of the queue that is being declared: the same one when it has to be asked for twice. */
  #newName: string | null = null

  constructor({ broker, vhost, access, connection }: Session) {
    this.#broker = broker
    this.#vhost = vhost
    this.#access = access
    this.#connection = connection
  }

  /** Whoever has the session does it: events name them. */
  #act<T>(change: () => T): T {
    return this.#broker.events.as(this.#connection.user.name, change)
  }

  // ---- exchanges ----

  /** @throws BrokerError */
  declareExchange(declaration: ExchangeSpec & { readonly passive: boolean }): void {
    this.#act(() => this.#declareExchange(declaration))
  }

  #declareExchange(declaration: ExchangeSpec & { readonly passive: boolean }): void {
    const name = cleanName(declaration.name)
    const spec = { ...declaration, name }
    if (!spec.passive) this.#broker.requireExchangeType(spec.type)
    refuseDefaultExchange(name)
    if (spec.passive) {
      this.#access.requireAny('exchange', name)
      this.#vhost.findExchange(name)
      return
    }
    this.#access.require('configure', 'exchange', name)
    const existing = this.#vhost.exchanges.get(name)
    if (existing !== undefined) {
      this.#requireEquivalentExchange(existing, spec)
      return
    }
    refuseReservedName('exchange', name)
    const alternate = spec.arguments.get('alternate-exchange')
    if (alternate !== undefined) {
      const target = stringOf(alternate)
      if (target === null) {
        const resource = describeResource('exchange', name, this.#vhost.name)
        throw preconditionFailed(`invalid type '${alternate.type}' for arg 'alternate-exchange' in ${resource}`)
      }
      this.#access.require('read', 'exchange', name)
      this.#access.require('write', 'exchange', target)
    }
    const delayed = spec.arguments.get('x-delayed-message')
    if (delayed !== undefined && delayed.type !== 'bool') {
      const resource = describeResource('exchange', name, this.#vhost.name)
      throw preconditionFailed(`invalid arg 'x-delayed-message' for ${resource}: {unacceptable_type,${delayed.type}}`)
    }
    this.#broker.requireExchangeRoom(this.#vhost, name)
    this.#vhost.createExchange(spec)
  }

  #requireEquivalentExchange(existing: Exchange, spec: ExchangeSpec): void {
    const { name } = existing
    const same = (arg: string, current: unknown, received: unknown): void =>
      requireSame('exchange', name, this.#vhost.name, arg, current, received)
    same('type', existing.type, spec.type)
    same('durable', existing.durable, spec.durable)
    same('auto_delete', existing.autoDelete, spec.autoDelete)
    same('internal', existing.internal, spec.internal)
    const own = ['alternate-exchange', 'x-delayed-message', ...DEDUPLICATION_ARGUMENTS]
    const keys = [...own, ...(existing.rules.equivalenceKeys ?? [])]
    checkArgumentEquivalence('exchange', name, this.#vhost.name, keys, existing.arguments, spec.arguments)
  }

  /** @throws BrokerError */
  deleteExchange(given: string, ifUnused: boolean): void {
    this.#act(() => this.#deleteExchange(given, ifUnused))
  }

  #deleteExchange(given: string, ifUnused: boolean): void {
    const name = cleanName(given)
    refuseDefaultExchange(name)
    this.#access.require('configure', 'exchange', name)
    if (name.startsWith('amq.')) {
      throw accessRefused(`deletion of system ${describeResource('exchange', name, this.#vhost.name)} not allowed`)
    }
    const exchange = this.#vhost.exchanges.get(name)
    if (exchange === undefined) return
    if (ifUnused && exchange.bindings.size > 0) {
      throw preconditionFailed(`${describeResource('exchange', name, this.#vhost.name)} in use`)
    }
    this.#vhost.removeExchange(exchange)
  }

  // ---- bindings ----

  /** @throws BrokerError */
  bindQueue(queueName: string, source: string, key: string, args: Table): void {
    this.#act(() => this.#bindQueue(queueName, source, key, args))
  }

  #bindQueue(queueName: string, source: string, key: string, args: Table): void {
    const { queue, exchange, routingKey } = this.#bindingEnds(queueName, source, key)
    if (exchange === undefined) this.#vhost.findExchange(cleanName(source))
    this.#vhost.bind(exchange!, this.usable(queue), routingKey, args)
  }

  /** Removing what is not there is a success. @throws BrokerError */
  unbindQueue(queueName: string, source: string, key: string, args: Table): void {
    this.#act(() => this.#unbindQueue(queueName, source, key, args))
  }

  #unbindQueue(queueName: string, source: string, key: string, args: Table): void {
    const { queue, exchange, routingKey } = this.#bindingEnds(queueName, source, key)
    const existing = this.#vhost.queues.get(queue)
    if (existing === undefined || exchange === undefined) return
    if (!this.#vhost.isBound(exchange, existing, routingKey, args)) return
    requireOwn(existing, this.#connection, this.#vhost.name)
    this.#vhost.unbind(exchange, existing, routingKey, args)
  }

  #bindingEnds(
    queueName: string,
    source: string,
    key: string,
  ): { queue: string; exchange: Exchange | undefined; routingKey: string } {
    const queue = this.queueName(queueName)
    const routingKey = queueName === '' && key === '' ? queue : key
    const sourceName = cleanName(source)
    refuseDefaultExchange(sourceName)
    if (isDirectReplyName(queue)) {
      throw accessRefused('cannot bind or unbind to a volatile (direct reply-to) queue')
    }
    this.#access.require('write', 'queue', queue)
    this.#access.require('read', 'exchange', sourceName)
    const exchange = this.#vhost.exchanges.get(sourceName)
    if (exchange?.type === 'topic') this.#access.requireTopic('read', sourceName, routingKey)
    return { queue, exchange, routingKey }
  }

  /** @throws BrokerError */
  bindExchange(destination: string, source: string, key: string, args: Table): void {
    this.#act(() => this.#bindExchange(destination, source, key, args))
  }

  #bindExchange(destination: string, source: string, key: string, args: Table): void {
    const ends = this.#exchangeEnds(destination, source, key)
    const from = this.#vhost.findExchange(ends.source)
    this.#vhost.bind(from, this.#vhost.findExchange(ends.destination), key, args)
  }

  /** Removing what is not there is a success. @throws BrokerError */
  unbindExchange(destination: string, source: string, key: string, args: Table): void {
    this.#act(() => this.#unbindExchange(destination, source, key, args))
  }

  #unbindExchange(destination: string, source: string, key: string, args: Table): void {
    const ends = this.#exchangeEnds(destination, source, key)
    const from = this.#vhost.exchanges.get(ends.source)
    const to = this.#vhost.exchanges.get(ends.destination)
    if (from !== undefined && to !== undefined) this.#vhost.unbind(from, to, key, args)
  }

  #exchangeEnds(givenDestination: string, givenSource: string, key: string): { destination: string; source: string } {
    const destination = cleanName(givenDestination)
    const source = cleanName(givenSource)
    refuseDefaultExchange(source)
    refuseDefaultExchange(destination)
    this.#access.require('write', 'exchange', destination)
    this.#access.require('read', 'exchange', source)
    if (this.#vhost.exchanges.get(source)?.type === 'topic') this.#access.requireTopic('read', source, key)
    return { destination, source }
  }

  // ---- queues ----

  /** @throws BrokerError */
  declareQueue(declaration: QueueDeclaration): QueueSummary {
    return this.#act(() => this.#declareQueue(declaration))
  }

  #declareQueue(declaration: QueueDeclaration): QueueSummary {
    const given = cleanName(declaration.name)
    if (given === DIRECT_REPLY || isDirectReplyName(given)) return this.#declareReply(given)
    if (declaration.passive) return this.#findDeclared(given)
    const serverNamed = given === ''
    // RabbitMQ refuses it for a queue that exists too: only the broker declares these
    if (!serverNamed) refuseReservedName('queue', given)
    const name = serverNamed ? (this.#newName ??= serverName('amq.gen-')) : given
    this.#access.require('configure', 'queue', name)
    this.#broker.counters.queuesDeclared++
    const existing = this.#vhost.queues.get(name)
    if (existing !== undefined) {
      this.#requireEquivalentQueue(existing, declaration)
      existing.touch()
      return this.#remember(existing)
    }
    const created = this.#createQueue(name, serverNamed, declaration)
    this.#newName = null
    return this.#remember(created)
  }

  #declareReply(name: string): QueueSummary {
    if (name !== DIRECT_REPLY && !this.#vhost.replyTargets.has(name)) {
      throw notFound(`no ${describeResource('queue', name, this.#vhost.name)}`)
    }
    this.#lastQueue = name
    return { name, messages: 0, consumers: 1 }
  }

  #findDeclared(name: string): QueueSummary {
    if (name !== '') this.#access.requireAny('queue', name)
    const queue = this.usable(name)
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
    const vhost = this.#vhost.name
    requireOwn(existing, this.#connection, vhost, declaration.exclusive)
    const durable = declaration.durable && !declaration.exclusive
    requireSame('queue', existing.name, vhost, 'durable', existing.durable, durable)
    requireSame('queue', existing.name, vhost, 'auto_delete', existing.autoDelete, declaration.autoDelete)
    const received = declaration.arguments
    const implied = existing.arguments.get('x-queue-type')
    // a declaration that names no type gets the default, which may be what the queue got
    const names = received.has('x-queue-type') || implied === undefined || declaration.type !== undefined
    const type = names ? received : injectQueueType(received, this.#typeOf(existing.name, false, declaration))
    checkArgumentEquivalence('queue', existing.name, vhost, comparedArguments(existing.type), existing.arguments, type)
  }

  #typeOf(name: string, serverNamed: boolean, declaration: QueueDeclaration): string {
    if (declaration.type !== undefined) return declaration.type
    return queueTypeOf(
      declaration.arguments,
      this.#vhost.metadata.defaultQueueType,
      this.#broker.options.defaultQueueType,
      {
        ...declaration,
        name,
        serverNamed,
        vhost: this.#vhost.name,
      },
      (type) => this.#broker.isAddedQueueType(type),
    )
  }

  #createQueue(name: string, serverNamed: boolean, declaration: QueueDeclaration): Queue {
    const type = this.#typeOf(name, serverNamed, declaration)
    const deadLetters = declaration.arguments.get('x-dead-letter-exchange')
    const target = stringOf(deadLetters)
    if (target !== null) {
      this.#access.require('read', 'queue', name)
      this.#access.require('write', 'exchange', target)
    }
    const facts = { ...declaration, name, serverNamed, vhost: this.#vhost.name }
    validateQueueArguments({ ...facts, type: declaration.type === undefined ? type : 'classic' })
    this.#broker.requireQueueType(type, name, this.#vhost.name)
    this.#broker.requireQueueRoom(this.#vhost, name)
    const { durable, exclusive, autoDelete } = declaration
    return this.#vhost.createQueue(type, {
      name,
      durable: durable && !exclusive,
      autoDelete,
      owner: exclusive ? this.#connection : null,
      arguments: declaration.type === undefined ? injectQueueType(declaration.arguments, type) : declaration.arguments,
    })
  }

  /** Deletes a queue; a missing one counts as deleted. @returns the ready messages that went @throws BrokerError */
  deleteQueue(given: string, ifUnused: boolean, ifEmpty: boolean): number {
    return this.#act(() => this.#deleteQueue(given, ifUnused, ifEmpty))
  }

  #deleteQueue(given: string, ifUnused: boolean, ifEmpty: boolean): number {
    const name = this.queueName(given)
    this.#access.require('configure', 'queue', name)
    const queue = this.#vhost.queues.get(name)
    if (queue === undefined) return 0
    requireOwn(queue, this.#connection, this.#vhost.name)
    const resource = describeResource('queue', name, this.#vhost.name)
    if (!queue.rules.conditionalDelete && (ifUnused || ifEmpty)) {
      const which = ifUnused ? 'if-unused' : 'if-empty'
      const operation = `queue.delete operations with ${which} flag set are not supported by ${queue.type} queues`
      throw notImplemented(`cannot delete ${resource}. ${operation}`)
    }
    if (ifEmpty && queue.readyCount > 0) throw preconditionFailed(`${resource} not empty`)
    if (ifUnused && queue.consumerCount > 0) throw preconditionFailed(`${resource} in use`)
    const messages = queue.readyCount
    this.#vhost.removeQueue(queue)
    return messages
  }

  /** @returns the number of messages removed @throws BrokerError */
  purgeQueue(given: string): number {
    const name = this.queueName(given)
    this.#access.require('read', 'queue', name)
    return this.usable(name).purge()
  }

  /** @throws BrokerError */
  pauseQueue(given: string, paused: boolean): void {
    const name = this.queueName(given)
    this.#access.require('configure', 'queue', name)
    this.#act(() => this.#vhost.pauseQueue(this.usable(name), paused))
  }

  /**
   * What a change of a queue would come to, or with `act` has come to.
   * @returns the report, and whether anything has changed; on disk when the promise resolves
   * @throws BrokerError
   */
  changeQueue(given: string, request: QueueChangeRequest, act: boolean): Promise<QueueChange> {
    const name = this.queueName(given)
    this.#access.require('configure', 'queue', name)
    const queue = this.usable(name)
    const target = stringOf(request.arguments?.get('x-dead-letter-exchange') ?? undefined)
    if (target !== null) {
      this.#access.require('read', 'queue', name)
      this.#access.require('write', 'exchange', target)
    }
    if (!act) {
      const report = previewChange(this.#vhost, queue, request)
      return Promise.resolve({ changed: false, report, settled: Promise.resolve() })
    }
    return changeQueue(this.#vhost, queue, request, this.#connection.user.name)
  }

  /** The empty name stands for the queue that this session declared last. */
  queueName(given: string): string {
    if (given !== '') return cleanName(given)
    if (this.#lastQueue === null) throw notFound('no previously declared queue')
    return this.#lastQueue
  }

  usable(name: string): Queue {
    const queue = this.#vhost.findQueue(name)
    requireOwn(queue, this.#connection, this.#vhost.name)
    return queue
  }
}
