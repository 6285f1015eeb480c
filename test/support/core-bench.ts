import { passwords } from '../../src/auth/password-hash.ts'
import { Broker, type BrokerOptions } from '../../src/core/broker.ts'
import { type ClientConnection, NO_TRAFFIC } from '../../src/core/client-connection.ts'
import type { Consumer } from '../../src/core/consumer.ts'
import { bool, type Field, longstr, signedint, type Table } from '../../src/core/fields.ts'
import { composeMessage, type Message, Properties, type RetryFacts } from '../../src/core/message.ts'
import type { Entry } from '../../src/core/queues/entry.ts'
import type { Looked } from '../../src/core/queues/look.ts'
import type { Queue } from '../../src/core/queues/queue.ts'
import { retryFactsOf } from '../../src/core/queues/retries.ts'
import { lookAt } from '../../src/core/queues/walk.ts'
import type { Session, SessionSink } from '../../src/core/session.ts'
import type { VHost } from '../../src/core/vhost.ts'
import { amqpPropertyFormat } from '../../src/protocols/amqp091/wire/properties.ts'
import { MemoryMessageStore } from '../../src/store/memory/memory-message-store.ts'
import type { MessageStore } from '../../src/store/message-store.ts'
import { MemoryMetadataStore } from '../../src/store/memory/memory-metadata-store.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import type { Clock, Timer, TimerTarget } from '../../src/util/clock.ts'
import { TimerQueue } from '../../src/util/timer-queue.ts'
import { Turn, type TurnTask } from '../../src/util/turn.ts'

/** Time that moves when told to, without the event loop: what is due fires within `advance`. */
export class StepClock implements Clock {
  readonly timers = new TimerQueue()
  #now = Date.UTC(2025, 0, 1)

  now(): number {
    return this.#now
  }

  schedule(delayMs: number, target: TimerTarget): Timer {
    const dueAt = this.#now + Math.max(0, delayMs)
    return this.timers.add(dueAt, dueAt, target)
  }

  /** Fires all that falls due on the way; `between` runs after each. */
  advance(ms: number, between: () => void): void {
    const end = this.#now + ms
    for (let due = this.timers.next(); due <= end; due = this.timers.next()) {
      this.#now = Math.max(this.#now, due)
      this.timers.takeDue(this.#now)!.onTimer(this.#now)
      between()
    }
    this.#now = end
  }

  /** Time passes, and whoever waits for it is not told yet: as when the event loop is late. */
  lag(ms: number): void {
    this.#now += ms
  }

  close(): void {
    this.timers.clear()
  }
}

/** Turns that end when told to. */
export class StepTurn extends Turn {
  readonly #waiting: TurnTask[][] = [[], [], []]

  override schedule(phase: number, task: TurnTask): void {
    if (task.scheduled) return
    task.scheduled = true
    this.#waiting[phase]!.push(task)
  }

  /** Ends one turn. @returns whether there was anything to do */
  end(): boolean {
    let busy = false
    for (let phase = 0; phase < this.#waiting.length; phase++) {
      const tasks = this.#waiting[phase]!
      this.#waiting[phase] = []
      for (const task of tasks) {
        busy = true
        task.scheduled = false
        task.runAtTurnEnd()
      }
    }
    return busy
  }
}

/** What a session was told, in the order in which it was. */
export type Told =
  | { readonly what: 'deliver'; readonly consumer: string; readonly tag: number; readonly body: string }
  | { readonly what: 'returned'; readonly body: string }
  | { readonly what: 'cancelled'; readonly consumer: string }
  | { readonly what: 'confirmed'; readonly sequence: number; readonly multiple: boolean }
  | { readonly what: 'rejected'; readonly sequence: number }
  | { readonly what: 'committed' }
  | { readonly what: 'timedOut'; readonly timeoutMs: number }

export interface Delivery {
  readonly tag: number
  readonly consumer: string
  readonly body: string
  readonly exchange: string
  readonly routingKey: string
  readonly redelivered: boolean
  readonly deliveryCount: number
  /** Null where it has not come back, or not to a queue that retries. */
  readonly retry: RetryFacts | null
  readonly headers: Table
  readonly priority: number | null
  readonly expiration: string | null
}

/** A client's session without a protocol: writes down what it is told. */
export class Client implements SessionSink {
  readonly told: Told[] = []
  readonly deliveries: Delivery[] = []
  readonly session: Session
  readonly connection: ClientConnection
  /** Whether it can be told of cancelled consumers. */
  hearsCancels = true
  onDelivery: ((delivery: Delivery) => void) | null = null

  readonly #settle: () => void

  /** @param settle lets everything happen that waits to happen */
  constructor(connection: ClientConnection, settle: () => void = () => {}) {
    this.connection = connection
    this.#settle = settle
    this.session = connection.openSession(this)
  }

  deliver(consumer: Consumer, tag: number, message: Message, redelivered: boolean, entry: Entry | null): void {
    const delivery = describe(consumer.tag, tag, message, redelivered, entry)
    this.deliveries.push(delivery)
    this.told.push({ what: 'deliver', consumer: consumer.tag, tag, body: delivery.body })
    this.onDelivery?.(delivery)
  }

  returned(message: Message): void {
    this.told.push({ what: 'returned', body: message.body().toString() })
  }

  cancelled(consumer: Consumer): boolean {
    this.told.push({ what: 'cancelled', consumer: consumer.tag })
    return this.hearsCancels
  }

  confirmed(sequence: number, multiple: boolean): void {
    this.told.push({ what: 'confirmed', sequence, multiple })
  }

  rejected(sequence: number): void {
    this.told.push({ what: 'rejected', sequence })
  }

  committed(): void {
    this.told.push({ what: 'committed' })
  }

  timedOut(timeoutMs: number): void {
    this.told.push({ what: 'timedOut', timeoutMs })
    this.session.close()
  }

  /** The bodies that came since the last call. */
  take(): string[] {
    return this.deliveries.splice(0).map(({ body }) => body)
  }

  declare(
    name: string,
    args: Readonly<Record<string, string | number | boolean>> = {},
    properties: { durable?: boolean; exclusive?: boolean; autoDelete?: boolean } = {},
  ): Queue {
    const { durable = true, exclusive = false, autoDelete = false } = properties
    const declared = { name, passive: false, durable, exclusive, autoDelete, arguments: tableOf(args) }
    return this.session.vhost.findQueue(this.session.topology.declareQueue(declared).name)
  }

  exchange(name: string, type: string, args: Readonly<Record<string, string | number | boolean>> = {}): void {
    const rest = { durable: true, autoDelete: false, internal: false, passive: false }
    this.session.topology.declareExchange({ name, type, ...rest, arguments: tableOf(args) })
  }

  /** To the default exchange, unless `properties.exchange` says otherwise. */
  publish(
    routingKey: string,
    body: string,
    properties: {
      exchange?: string
      priority?: number
      ttlMs?: number
      mandatory?: boolean
      headers?: Table
      persistent?: boolean
    } = {},
  ): void {
    const { exchange = '', mandatory = false } = properties
    const { publishing } = this.session
    publishing.publish(publishing.access(exchange), messageOf(exchange, routingKey, body, properties), mandatory)
  }

  consume(
    queue: string,
    options: { tag?: string; noAck?: boolean; prefetch?: number; priority?: number; timeoutMs?: number } = {},
  ): string {
    const { tag = '', noAck = false, prefetch, priority, timeoutMs } = options
    if (prefetch !== undefined) this.session.setPrefetch(prefetch, false)
    const args: Table = new Map()
    if (priority !== undefined) args.set('x-priority', signedint(priority))
    if (timeoutMs !== undefined) args.set('x-consumer-timeout', signedint(timeoutMs))
    let given = ''
    const request = { queue, tag, noAck, exclusive: false, arguments: args }
    this.session.consume(request, (started) => (given = started))
    return given
  }

  /** Waits for what has to be read from the store. */
  get(queue: string, noAck = false): Delivery | null {
    const got = this.#get(queue, noAck)
    if (got.answer === undefined) this.#settle()
    if (got.answer === undefined) throw new Error(`no answer to a get from ${queue}`)
    return got.answer
  }

  /** As `get`, where what waits to happen takes its time. */
  async getLater(queue: string, settle: () => Promise<void>): Promise<Delivery | null> {
    const got = this.#get(queue, false)
    if (got.answer === undefined) await settle()
    if (got.answer === undefined) throw new Error(`no answer to a get from ${queue}`)
    return got.answer
  }

  #get(queue: string, noAck: boolean): { answer: Delivery | null | undefined } {
    const got: { answer: Delivery | null | undefined } = { answer: undefined }
    const take = (tag: number, entry: Entry): void => {
      got.answer = describe('', tag, entry.message, entry.redelivered, entry)
    }
    this.session.get(queue, noAck, take, () => void (got.answer = null))
    return got
  }

  ack(tag: number, multiple = false): void {
    this.session.acknowledge(tag, multiple)
  }

  nack(tag: number, multiple: boolean, requeue: boolean): void {
    this.session.release(tag, multiple, requeue)
  }
}

/** A broker's core with nothing around it, in which nothing happens by itself. */
export class CoreBench {
  readonly clock: StepClock
  readonly turn = new StepTurn()
  readonly store: MessageStore & { io?(): boolean }
  readonly metadata: MemoryMetadataStore
  readonly broker: Broker
  readonly failures: Error[] = []
  /** What the broker takes for random. */
  random: () => number = Math.random

  /** @param store one with `io` does what it has to do when everything is settled */
  constructor(
    options: Partial<BrokerOptions> = {},
    metadata = new MemoryMetadataStore(),
    store: MessageStore & { io?(): boolean } = new MemoryMessageStore(),
    clock = new StepClock(),
  ) {
    this.clock = clock
    this.metadata = metadata
    this.store = store
    this.broker = new Broker(
      { ...DEFAULTS, ...options },
      {
        store: this.store,
        metadata,
        clock: this.clock,
        turn: this.turn,
        log: silentLog,
        passwords,
        random: () => this.random(),
        propertyFormats: [amqpPropertyFormat],
        onFailure: (error) => this.failures.push(error),
      },
    )
  }

  /** Loads what the metadata store has, or creates the vhost `/` and the user guest in an empty one. */
  async start(): Promise<this> {
    let isLoading = true
    const loading = this.broker.load().finally(() => (isLoading = false))
    // whoever waits for it below hears of it
    loading.catch(() => {})
    while (isLoading) {
      this.settle()
      await new Promise((resolve) => setImmediate(resolve))
    }
    if (!(await loading)) {
      this.broker.putVhost('/')
      this.broker.users.put({ name: 'guest', passwordHash: '', hashingAlgorithm: SHA256, tags: [], limits: {} })
      this.broker.setPermission({ user: 'guest', vhost: '/', configure: '.*', write: '.*', read: '.*' })
    }
    return this
  }

  get vhost(): VHost {
    return this.broker.findVhost('/')
  }

  connect(vhost = '/'): ClientConnection {
    const facts = {
      name: `connection ${this.broker.connections.size}`,
      protocol: 'test',
      peerAddress: '127.0.0.1',
      peerPort: 1,
      clientProperties: new Map(),
      givenName: null,
      network: null,
      loopback: true,
    }
    let connection: ClientConnection | null = null
    const sink = {
      close: () => connection?.close(),
      drop: () => connection?.close(),
      block() {},
      unblock() {},
      hold() {},
      release() {},
      traffic: () => NO_TRAFFIC,
    }
    connection = this.broker.openConnection(this.broker.identityOf(this.broker.users.get('guest')!), vhost, facts, sink)
    return connection
  }

  client(connection: ClientConnection = this.connect()): Client {
    return new Client(connection, () => this.settle())
  }

  /** Ends turns until there is nothing left to do, for the store neither. @returns how many */
  settle(): number {
    let turns = 0
    while (this.turn.end() || this.store.io?.() === true) {
      if (++turns === SETTLES_WITHIN) throw new Error('there is always something left to do')
    }
    return turns
  }

  advance(ms: number): void {
    this.settle()
    this.clock.advance(ms, () => this.settle())
    this.settle()
  }

  queue(name: string): Queue {
    return this.vhost.findQueue(name)
  }
}

/** Turns after which nothing may be left to do. */
const SETTLES_WITHIN = 3000

const SHA256 = 'rabbit_password_hashing_sha256'

const DEFAULTS: BrokerOptions = {
  nodeName: 'warren@test',
  defaultQueueType: 'classic',
  consumerTimeoutMs: 1_800_000,
  defaultPrefetch: 0,
  messageBytesMax: 16 * 1024 * 1024,
  messageMemoryBytes: Infinity,
  connectionsMax: -1,
  channelsMax: -1,
  consumersPerSessionMax: -1,
  vhostsMax: -1,
  queuesMax: -1,
  exchangesMax: -1,
  loopbackUsers: [],
  vhostLimits: [],
}

export function messageOf(
  exchange: string,
  routingKey: string,
  body: string,
  options: { priority?: number; ttlMs?: number; headers?: Table; persistent?: boolean } = {},
): Message {
  const properties = new Properties()
  properties.priority = options.priority ?? null
  properties.expiration = options.ttlMs === undefined ? null : String(options.ttlMs)
  properties.headers = options.headers ?? null
  properties.deliveryMode = options.persistent === true ? 2 : null
  const message = composeMessage(exchange, routingKey, properties, Buffer.from(body), amqpPropertyFormat)
  message.ttlMs = options.ttlMs ?? -1
  return message
}

export function tableOf(values: Readonly<Record<string, string | number | boolean>>): Table {
  return new Map(Object.entries(values).map(([key, value]) => [key, fieldOf(value)]))
}

function fieldOf(value: string | number | boolean): Field {
  if (typeof value === 'string') return longstr(value)
  return typeof value === 'number' ? signedint(value) : bool(value)
}

/** Shows what is ready, in the order of delivery. */
export function lookAtReady(queue: Queue, visit: (looked: Looked) => void): Promise<void> {
  return lookAt(queue, { states: new Set(['ready']), fromTail: false, after: null }, (looked) => {
    visit(looked)
    return true
  })
}

/** What a delivery says. */
export function describe(
  consumer: string,
  tag: number,
  message: Message,
  redelivered: boolean,
  entry: Entry | null,
): Delivery {
  const { headers, priority, expiration } = message.properties()
  return {
    tag,
    consumer,
    body: message.body().toString(),
    exchange: message.exchange,
    routingKey: message.routingKey,
    redelivered,
    deliveryCount: entry?.deliveryCount ?? 0,
    retry: entry === null ? null : retryFactsOf(entry),
    headers: headers ?? new Map(),
    priority,
    expiration,
  }
}
