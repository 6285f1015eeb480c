import type { Broker } from '../core/broker.ts'
import { tableToJson } from '../core/fields-json.ts'
import type { DelayLine } from '../core/delays/delay-line.ts'
import type { Entry } from '../core/queues/entry.ts'
import type { Queue } from '../core/queues/queue.ts'
import { lookAt } from '../core/queues/walk.ts'
import type { VHost } from '../core/vhost.ts'
import { InProcessClient } from './client.ts'
import { checkCall } from './check-calls.ts'
import { compare, describeMessages, type ExpectedMessage } from './expectations.ts'
import { composePublished, type MessageBody, type MessageProperties, ReceivedMessage } from './message.ts'
import { Subscription, type SubscriptionHandler } from './subscription.ts'
import { type PlainTable, tableFromPlain } from './values.ts'
import { eventually, type WaitOptions } from './wait.ts'

const READY_FROM_HEAD = { states: new Set(['ready'] as const), fromTail: false, after: null }

export interface QueueOptions {
  /** `classic` or `quorum`; the virtual host's default unless given. */
  readonly type?: 'classic' | 'quorum'
  /** True unless given. */
  readonly durable?: boolean
  readonly autoDelete?: boolean
  /** `{ 'x-message-ttl': 60_000, 'x-dead-letter-exchange': 'dead' }` and so on. */
  readonly arguments?: PlainTable
}

export interface ExchangeOptions {
  /** True unless given. */
  readonly durable?: boolean
  readonly autoDelete?: boolean
  readonly internal?: boolean
  readonly arguments?: PlainTable
}

export interface PolicyOptions {
  /** Regular expression for the names of queues and exchanges. */
  readonly pattern: string
  /** `{ 'max-length': 10 }` and so on. */
  readonly definition: PlainTable
  /** 0 unless given. */
  readonly priority?: number
  readonly applyTo?: 'all' | 'queues' | 'exchanges' | 'classic_queues' | 'quorum_queues' | 'streams'
}

/** An exchange or a queue that keeps messages until they are due. */
export type DelayingPlace = { readonly exchange: string } | { readonly queue: string }

/** A message that is not due yet. */
export interface DelayedInfo {
  readonly dueAt: Date
  readonly message: ReceivedMessage
}

/** A queue as it is at the moment. */
export interface QueueInfo {
  readonly name: string
  readonly type: string
  readonly durable: boolean
  readonly autoDelete: boolean
  /** Whether it belongs to one connection. */
  readonly exclusive: boolean
  readonly arguments: Readonly<Record<string, unknown>>
  /** Messages that wait for a consumer. */
  readonly ready: number
  /** Messages that consumers have and have not acknowledged. */
  readonly unacked: number
  /** Messages that wait: until they are due, for their next try, or for a dead-letter target that takes them. */
  readonly delayed: number
  readonly consumers: number
  /** Message groups of which a message is out or waits; 0 where messages are not grouped. */
  readonly groups: number
  /** The policy that applies, or null. */
  readonly policy: string | null
}

/**
 * What a test does in one virtual host without a client: declare, publish, look, wait, assert. Nobody's permissions apply, and no
 * alarm holds it.
 *
 * What a client has sent is in the broker only when it has arrived there: after the client's own confirmation, or by waiting
 * (`waitForMessages`, `waitForQueue`, `assertMessage`). Waiting takes real time, also with a virtual clock.
 */
export class VhostHelpers {
  readonly #broker: () => Broker
  readonly #name: string
  readonly #client: InProcessClient

  /** @internal */
  constructor(broker: () => Broker, name: string) {
    this.#broker = broker
    this.#name = name
    this.#client = new InProcessClient(broker, name)
  }

  // ---- declare ----

  /**
   * Creates a queue, durable unless the options say otherwise; the broker makes up a name for ''.
   * @throws BrokerError preconditionFailed when it exists and is different
   */
  async declareQueue(name: string, options: QueueOptions = {}): Promise<QueueInfo> {
    checkCall('declareQueue', name, options)
    const { type, durable = true, autoDelete = false } = options
    const given = type === undefined ? {} : { 'x-queue-type': type }
    const args = tableFromPlain({ ...given, ...options.arguments })
    const declaration = { name, passive: false, durable, exclusive: false, autoDelete, arguments: args }
    const declared = this.#client.session.topology.declareQueue(declaration)
    await this.#client.committed()
    return this.queue(declared.name)
  }

  /**
   * Creates an exchange, durable unless the options say otherwise.
   * @param type `direct`, `fanout`, `topic`, `headers`, `x-consistent-hash` and so on
   * @throws BrokerError preconditionFailed when it exists and is different
   */
  async declareExchange(name: string, type: string, options: ExchangeOptions = {}): Promise<void> {
    checkCall('declareExchange', name, type, options)
    const { durable = true, autoDelete = false, internal = false } = options
    const args = tableFromPlain(options.arguments ?? {})
    this.#client.session.topology.declareExchange({
      name,
      type,
      durable,
      autoDelete,
      internal,
      arguments: args,
      passive: false,
    })
    await this.#client.committed()
  }

  /** Binds a queue to an exchange. @throws BrokerError notFound */
  async bind(queue: string, exchange: string, routingKey = '', args: PlainTable = {}): Promise<void> {
    checkCall('bind', queue, exchange, routingKey, args)
    this.#client.session.topology.bindQueue(queue, exchange, routingKey, tableFromPlain(args))
    await this.#client.committed()
  }

  /** Binds an exchange to another: what is published to `source` goes on to `destination`. @throws BrokerError notFound */
  async bindExchange(destination: string, source: string, routingKey = '', args: PlainTable = {}): Promise<void> {
    checkCall('bindExchange', destination, source, routingKey, args)
    this.#client.session.topology.bindExchange(destination, source, routingKey, tableFromPlain(args))
    await this.#client.committed()
  }

  /** A missing queue counts as deleted. @returns the ready messages that went with it */
  async deleteQueue(name: string): Promise<number> {
    checkCall('deleteQueue', name)
    const messages = this.#client.session.topology.deleteQueue(name, false, false)
    await this.#client.committed()
    return messages
  }

  /** A missing exchange counts as deleted. */
  async deleteExchange(name: string): Promise<void> {
    checkCall('deleteExchange', name)
    this.#client.session.topology.deleteExchange(name, false)
    await this.#client.committed()
  }

  /** @returns the messages removed @throws BrokerError notFound */
  async purgeQueue(name: string): Promise<number> {
    checkCall('purgeQueue', name)
    return this.#client.session.topology.purgeQueue(name)
  }

  /** Adds or replaces a policy. @throws BrokerError preconditionFailed */
  async setPolicy(name: string, policy: PolicyOptions): Promise<void> {
    checkCall('setPolicy', name, policy)
    const { applyTo = 'all', priority = 0, ...rest } = policy
    this.#broker().setPolicy('user', this.#name, name, { ...rest, priority, 'apply-to': applyTo })
    await this.#client.committed()
  }

  /** @throws BrokerError notFound */
  async deletePolicy(name: string): Promise<void> {
    checkCall('deletePolicy', name)
    this.#broker().deletePolicy('user', this.#name, name)
    await this.#client.committed()
  }

  // ---- publish and receive ----

  /**
   * Publishes, and resolves when the broker has confirmed it. `routed` says whether it reached a queue.
   * @throws BrokerError; an Error when a queue that is full rejected the message
   */
  async publish(
    exchange: string,
    routingKey: string,
    body: MessageBody,
    properties: MessageProperties = {},
  ): Promise<{ routed: boolean }> {
    checkCall('publish', exchange, routingKey, body, properties)
    return this.#publish(exchange, routingKey, body, properties)
  }

  /** Publishes to one queue by its name. @throws BrokerError notFound when there is none, and as `publish` */
  async sendToQueue(queue: string, body: MessageBody, properties: MessageProperties = {}): Promise<void> {
    checkCall('sendToQueue', queue, body, properties)
    this.#find(queue)
    await this.#publish('', queue, body, properties)
  }

  /** Takes the next message off a queue, or gives undefined when none is ready. @throws BrokerError notFound */
  async get(queue: string): Promise<ReceivedMessage | undefined> {
    checkCall('get', queue)
    this.#find(queue)
    return new Promise((resolve) => {
      const take = (_tag: number, entry: Entry): void => resolve(new ReceivedMessage(entry.message, entry))
      this.#client.session.get(queue, true, take, () => resolve(undefined))
    })
  }

  /** Takes all ready messages off a queue. @throws BrokerError notFound */
  async drain(queue: string): Promise<ReceivedMessage[]> {
    checkCall('drain', queue)
    const taken: ReceivedMessage[] = []
    for (let next = await this.get(queue); next !== undefined; next = await this.get(queue)) taken.push(next)
    return taken
  }

  /**
   * Consumes: a stand-in for a service that the code under test talks to. A message is acknowledged when its handler is done,
   * unless it returns `reject` or `requeue`. An error that it throws rejects the message and is reported as an unhandled
   * rejection, which fails the test.
   * @throws BrokerError notFound
   */
  async consume(
    queue: string,
    handler: SubscriptionHandler,
    options: { readonly prefetch?: number } = {},
  ): Promise<Subscription> {
    checkCall('consume', queue, handler, options)
    return new Subscription(this.#client, queue, handler, options.prefetch ?? 0)
  }

  // ---- look ----

  /** @throws BrokerError notFound */
  queue(name: string): QueueInfo {
    checkCall('queue', name)
    return infoOf(this.#find(name))
  }

  queues(): QueueInfo[] {
    return [...this.#vhost.queues.values()].map(infoOf)
  }

  /**
   * The ready messages of a queue in the order in which they would be delivered. They stay there.
   * @throws BrokerError notFound; an Error where some of them are on disk only, as after a restart: `browse` reads them
   */
  messages(queue: string): ReceivedMessage[] {
    checkCall('messages', queue)
    const { readyInStore } = this.#find(queue)
    if (readyInStore > 0) {
      throw new Error(`${readyInStore} messages of queue '${queue}' are on disk: use await broker.browse('${queue}')`)
    }
    return [...this.#find(queue).browseMemory()].map((entry) => new ReceivedMessage(entry.message, entry))
  }

  /** As `messages`, with those that are on disk only. @throws BrokerError notFound */
  async browse(queue: string): Promise<ReceivedMessage[]> {
    checkCall('browse', queue)
    const found = this.#find(queue)
    if (found.readyInStore === 0) return this.messages(queue)
    const messages: ReceivedMessage[] = []
    await lookAt(found, READY_FROM_HEAD, ({ message, entry }) => {
      messages.push(new ReceivedMessage(message, entry))
      return true
    })
    return messages
  }

  // ---- messages that are not due yet ----

  /**
   * The messages that wait until they are due, by due time.
   * @param max how many at most, 100 unless given
   * @throws BrokerError notFound; an Error where the exchange or queue does not delay
   */
  async delayedMessages(where: DelayingPlace, max = 100): Promise<DelayedInfo[]> {
    checkCall('delayedMessages', where, max)
    const listed = await this.#lineOf(where).commands.list(max)
    return listed.map(({ dueAt, message }) => ({ dueAt: new Date(dueAt), message: new ReceivedMessage(message, null) }))
  }

  /** Takes out the waiting messages with a message id. @returns how many that were @throws as `delayedMessages` */
  async cancelDelayed(where: DelayingPlace, messageId: string): Promise<number> {
    checkCall('cancelDelayed', where, messageId)
    return this.#lineOf(where).commands.cancel(messageId)
  }

  /** Gives the waiting messages with a message id another time. @returns how many that were @throws as `delayedMessages` */
  async rescheduleDelayed(where: DelayingPlace, messageId: string, dueAt: Date): Promise<number> {
    checkCall('rescheduleDelayed', where, messageId, dueAt)
    return this.#lineOf(where).commands.reschedule(messageId, dueAt.getTime())
  }

  #lineOf(where: DelayingPlace): DelayLine {
    const [place, text] =
      'queue' in where
        ? [this.#find(where.queue), `queue '${where.queue}'`]
        : [this.#vhost.findExchange(where.exchange), `exchange '${where.exchange}'`]
    if (place.delays === null) throw new Error(`${text} does not delay messages`)
    return place.delays
  }

  // ---- wait and assert ----

  /**
   * Waits until a queue exists and `condition` holds for it.
   * @throws AssertionError when it does not in time
   */
  async waitForQueue(
    name: string,
    condition: (queue: QueueInfo) => boolean = () => true,
    options: WaitOptions = {},
  ): Promise<QueueInfo> {
    checkCall('waitForQueue', name, condition, options)
    return eventually(
      () => {
        const queue = this.#vhost.queues.get(name)
        const info = queue === undefined ? null : infoOf(queue)
        return info !== null && condition(info) ? info : null
      },
      options,
      async () => ({ text: `the condition does not hold for queue '${name}'${await this.#describe(name)}` }),
    )
  }

  /**
   * Waits until at least `count` messages are ready in a queue, and returns all that are. They stay there.
   * @throws AssertionError when there are too few in time, with what there was
   */
  async waitForMessages(queue: string, count = 1, options: WaitOptions = {}): Promise<ReceivedMessage[]> {
    checkCall('waitForMessages', queue, count, options)
    return eventually(
      async () => ((this.#vhost.queues.get(queue)?.readyCount ?? 0) >= count ? this.browse(queue) : null),
      options,
      async () => {
        const actual = this.#vhost.queues.get(queue)?.readyCount ?? 0
        const description = await this.#describe(queue)
        const text = `expected ${plural(count, 'message')} in queue '${queue}', found ${actual}${description}`
        return { text, actual, expected: count }
      },
    )
  }

  /**
   * Waits until a message like `expected` is ready in a queue, and returns the first one. It stays there.
   * @throws AssertionError when there is none in time, with how the most similar one differs
   */
  async assertMessage(queue: string, expected: ExpectedMessage, options: WaitOptions = {}): Promise<ReceivedMessage> {
    checkCall('assertMessage', queue, expected, options)
    const messages = async (): Promise<ReceivedMessage[]> => (this.#vhost.queues.has(queue) ? this.browse(queue) : [])
    return eventually(
      async () => (await messages()).find((message) => compare(message, expected).matches) ?? null,
      options,
      async () => {
        const compared = (await messages()).map((message, i) => ({ number: i + 1, ...compare(message, expected) }))
        const [closest] = compared.toSorted((a, b) => a.differences - b.differences)
        const text = `no message in queue '${queue}' is as expected${await this.#describe(queue)}`
        if (closest === undefined) return { text, actual: [], expected: [expected] }
        const which = compared.length > 1 ? `\nthe most similar one is number ${closest.number}:` : ''
        return { text: text + which, actual: closest.actual, expected: closest.expected, diff: true }
      },
    )
  }

  /**
   * Waits until a queue exists and nothing is left in it: no message is ready, unacknowledged or delayed.
   * @throws AssertionError when something is, with what it is
   */
  async assertEmpty(queue: string, options: WaitOptions = {}): Promise<void> {
    checkCall('assertEmpty', queue, options)
    await eventually(
      () => {
        const found = this.#vhost.queues.get(queue)
        if (found === undefined) return null
        const { ready, unacked, delayed } = infoOf(found)
        return ready + unacked + delayed === 0 ? true : null
      },
      options,
      async () => ({ text: `expected queue '${queue}' to be empty${await this.#describe(queue)}` }),
    )
  }

  // ---- inside ----

  async #publish(
    exchange: string,
    routingKey: string,
    body: MessageBody,
    properties: MessageProperties,
  ): Promise<{ routed: boolean }> {
    return this.#client.publisher.publish(composePublished(exchange, routingKey, body, properties))
  }

  get #vhost(): VHost {
    return this.#broker().findVhost(this.#name)
  }

  #find(name: string): Queue {
    return this.#vhost.findQueue(name)
  }

  /** For the text of a failure: what the queue is like, and what is in it. */
  async #describe(name: string): Promise<string> {
    if (!this.#vhost.queues.has(name)) {
      const names = [...this.#vhost.queues.keys()].map((other) => `'${other}'`).join(', ')
      return `: there is no such queue${names === '' ? '' : ` (there are ${names})`}`
    }
    const { ready, unacked, delayed, consumers } = this.queue(name)
    const state = `${ready} ready, ${unacked} unacknowledged, ${delayed} delayed, ${plural(consumers, 'consumer')}`
    const messages = await this.browse(name)
    return messages.length === 0 ? ` (${state})` : ` (${state}):\n${describeMessages(messages)}`
  }

  /** Ends its subscriptions. @internal */
  closeClient(): void {
    this.#client.close()
  }
}

function infoOf(queue: Queue): QueueInfo {
  return {
    name: queue.name,
    type: queue.type,
    durable: queue.durable,
    autoDelete: queue.autoDelete,
    exclusive: queue.owner !== null,
    arguments: tableToJson(queue.arguments),
    ready: queue.readyCount,
    unacked: queue.unackedCount,
    delayed: queue.heldCount + (queue.delays?.count ?? 0),
    consumers: queue.consumerCount,
    groups: queue.groupCount,
    policy: queue.policy?.name ?? null,
  }
}

const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`
