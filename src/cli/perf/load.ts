import { setTimeout as delay } from 'node:timers/promises'
import { connect, parseAmqpUri, type AmqpConnection } from '../../amqp-client/index.ts'
import type { PerfConfig } from './config.ts'
import { Consumer } from './consumer.ts'
import { Counters, type Sample } from './counters.ts'
import { Producer } from './producer.ts'
import { declareOwnQueue } from './topology.ts'

/** Bodies from here on have the time in a header. */
const STAMPED_IN_HEADER_BYTES = 32 * 1024
const SLOW_START_MS = 1000

/**
 * Which of the connections a thread has: those whose number, divided by the number of threads, leaves `thread`. Consumers are counted on after
 * producers, so that one of each is in two threads.
 */
export interface Share {
  readonly thread: number
  readonly threads: number
}

/** The producers and consumers of one thread. */
export class Load {
  /** Resolves when those with a limit have reached it; never where none has one. Rejects when one fails. */
  readonly finished: Promise<void>
  readonly #config: PerfConfig
  readonly #share: Share
  readonly #counters = new Counters()
  readonly #connections: AmqpConnection[] = []
  readonly #producers: Producer[] = []
  readonly #consumers: Consumer[] = []
  #fail!: (error: Error) => void
  #finish!: () => void
  #stopped = false

  constructor(config: PerfConfig, share: Share) {
    this.#config = config
    this.#share = share
    this.finished = new Promise((resolve, reject) => {
      this.#finish = resolve
      this.#fail = reject
    })
    this.finished.catch(() => {}) // whoever waits for it hears of it
  }

  /** Connects, consumes, and has everything ready to publish. */
  async prepare(): Promise<void> {
    const { consumers, producers } = this.#config
    for (const number of this.#numbers(consumers.count, producers.count)) await this.#openConsumers(number)
    for (const number of this.#numbers(producers.count, 0)) await this.#openProducers(number)
    const limited = [
      ...(producers.messages > 0 ? this.#producers : []),
      ...(consumers.messages > 0 ? this.#consumers : []),
    ]
    const hasLimit = producers.messages > 0 || consumers.messages > 0
    if (hasLimit) void Promise.all(limited.map((one) => one.finished)).then(this.#finish)
  }

  start(): void {
    for (const producer of this.#producers) producer.start()
  }

  sample(): Sample {
    return this.#counters.take()
  }

  /** Nothing is published or counted any more. */
  stop(): void {
    this.#stopped = true
    for (const producer of this.#producers) producer.stop()
    for (const consumer of this.#consumers) consumer.stop()
  }

  async close(): Promise<void> {
    this.stop()
    const patience = this.#config.shutdownSec * 1000
    const closed = Promise.all(this.#connections.map((connection) => connection.close()))
    const late = new AbortController()
    await Promise.race([closed, delay(patience, undefined, { signal: late.signal }).catch(() => {})])
    late.abort()
    for (const connection of this.#connections) connection.destroy()
  }

  *#numbers(count: number, before: number): Generator<number> {
    const { thread, threads } = this.#share
    for (let number = 0; number < count; number++) if ((before + number) % threads === thread) yield number
  }

  async #openConsumers(number: number): Promise<void> {
    const { consumers, producers, queues } = this.#config
    const isStampedInHeader =
      producers.bodies.length > 0 || producers.size.some(({ value }) => value >= STAMPED_IN_HEADER_BYTES)
    if (consumers.slowStart && number > 0) await delay(SLOW_START_MS)
    const connection = await this.#connect(`consumer-${number}`, number)
    for (let i = 0; i < consumers.channels; i++) {
      const name = queues.names[(number * consumers.channels + i) % queues.names.length]
      const consumer = new Consumer({
        // Short, since it comes with each delivery.
        tag: `c${number}-${i}`,
        queues: queues.names.length === 0 ? null : queues.inSequence ? [name!] : queues.names,
        declareOwn: (channel) => declareOwnQueue(channel, this.#config),
        config: consumers,
        isStampedInHeader,
        counters: this.#counters,
        onFailure: (error) => this.#onFailure(error),
      })
      await consumer.start(connection)
      this.#consumers.push(consumer)
    }
  }

  async #openProducers(number: number): Promise<void> {
    const { producers, queues, exchange, routingKey } = this.#config
    const connection = await this.#connect(`producer-${number}`, number)
    for (let i = 0; i < producers.channels; i++) {
      const name = queues.names[(number * producers.channels + i) % queues.names.length]
      const producer = new Producer({
        exchange: exchange.name,
        routingKey: queues.inSequence ? name! : routingKey,
        config: producers,
        counters: this.#counters,
        onFailure: (error) => this.#onFailure(error),
      })
      await producer.open(connection)
      this.#producers.push(producer)
    }
  }

  async #connect(role: string, number: number): Promise<AmqpConnection> {
    const { uris, id } = this.#config
    const connection = await connectWith(this.#config, uris[number % uris.length]!, `perf-test-${role}-${id}`)
    connection.on('closed', (error) => error !== null && this.#onFailure(error))
    this.#connections.push(connection)
    return connection
  }

  #onFailure(error: Error): void {
    if (!this.#stopped) this.#fail(error)
  }
}

export function connectWith(
  { heartbeatSec, frameMax }: PerfConfig,
  address: string,
  name: string,
): Promise<AmqpConnection> {
  const uri = parseAmqpUri(address)
  return connect(
    { ...uri, heartbeatSec: heartbeatSec ?? uri.heartbeatSec, frameMax: frameMax ?? uri.frameMax },
    { name },
  )
}
