import { tableFromJson, type AmqpConnection, type Channel, type Delivery } from '../../amqp-client/index.ts'
import { RingDeque } from '../../util/ring-deque.ts'
import type { ConsumerConfig } from './config.ts'
import type { Counters } from './counters.ts'
import { Schedule } from './schedule.ts'
import { BurstClock, latencyOf, nowUs, plausible, STAMP_HEADER } from './stamp.ts'

export interface ConsumerTask {
  /** Its consumer tag; the number of the queue follows where there are several. */
  readonly tag: string
  /** Names of queues; null: a queue of its own. */
  readonly queues: readonly string[] | null
  /** Declares, and binds, the queue of its own. @returns its name */
  readonly declareOwn: (channel: Channel) => Promise<string>
  readonly config: ConsumerConfig
  /** Whether the time is in a header, and not in the body. */
  readonly isStampedInHeader: boolean
  readonly counters: Counters
  readonly onFailure: (error: Error) => void
}

/** One channel that consumes. */
export class Consumer {
  /** Resolves when it has all that it was to get; never where there is no limit. */
  readonly finished: Promise<void>
  readonly #task: ConsumerTask
  readonly #latency: Schedule
  readonly #isPaced: boolean
  #channel!: Channel
  #resolve!: () => void
  #left: number
  #unsettled = 0
  #inTransaction = 0
  readonly #clock = new BurstClock()
  /** Deliveries that take their time, with those after them. */
  readonly #pending = new RingDeque<Delivery>(64)
  #timer: NodeJS.Timeout | null = null
  #startedUs = 0
  #freeAtUs = 0

  constructor(task: ConsumerTask) {
    this.#task = task
    const { latency, rate, messages } = task.config
    this.#latency = new Schedule(latency)
    this.#isPaced = rate > 0 || latency.some(({ value }) => value > 0)
    this.#left = messages === 0 ? Infinity : messages
    this.finished = new Promise((resolve) => (this.#resolve = resolve))
  }

  async start(connection: AmqpConnection): Promise<void> {
    const { config, queues, declareOwn, onFailure, tag } = this.#task
    this.#startedUs = nowUs()
    const channel = await connection.openChannel({ onClosed: onFailure })
    this.#channel = channel
    if (config.channelPrefetch > 0) await channel.prefetch(config.channelPrefetch, true)
    if (config.prefetch > 0) await channel.prefetch(config.prefetch)
    if (config.transaction > 0) await channel.txSelect()
    const names = queues ?? [await declareOwn(channel)]
    for (const [i, name] of names.entries()) {
      await channel.consume(name, this.#isPaced ? this.#onPaced : this.#onDelivery, {
        consumerTag: i === 0 ? tag : `${tag}-${i}`,
        noAck: config.autoAck,
        arguments: tableFromJson(config.arguments),
        onCancelled: () => onFailure(new Error(`the consumer of queue '${name}' was cancelled by the broker`)),
      })
    }
  }

  stop(): void {
    this.#left = 0
    if (this.#timer !== null) clearTimeout(this.#timer)
  }

  readonly #onDelivery = (delivery: Delivery): void => {
    if (this.#left <= 0) return
    const { counters, config } = this.#task
    counters.received++
    const now = this.#clock.now()
    const latency = this.#task.isStampedInHeader
      ? headerLatency(delivery, now)
      : latencyOf(delivery.buffer, delivery.bodyOffset, delivery.bodyLength, now)
    if (latency >= 0) counters.consumerLatency.add(latency)
    const isLast = --this.#left <= 0
    if (!config.autoAck) this.#settle(delivery.deliveryTag, isLast)
    if (isLast) this.#resolve()
  }

  #settle(deliveryTag: number, isLast: boolean): void {
    const { config, onFailure } = this.#task
    if (++this.#unsettled < config.ackEvery && !isLast) return
    const multiple = this.#unsettled > 1
    if (config.nack) this.#channel.nack(deliveryTag, { multiple, requeue: config.requeue })
    else this.#channel.ack(deliveryTag, multiple)
    this.#inTransaction += this.#unsettled
    this.#unsettled = 0
    if (config.transaction > 0 && (this.#inTransaction >= config.transaction || isLast)) {
      this.#inTransaction = 0
      this.#channel.txCommit().catch(onFailure)
    }
  }

  /** Each message takes its time: what comes meanwhile waits, not more than the prefetch. */
  readonly #onPaced = (delivery: Delivery): void => {
    this.#pending.push(delivery)
    if (this.#timer === null) this.#takeNext()
  }

  #takeNext(): void {
    const { rate } = this.#task.config
    this.#timer = null
    for (let delivery = this.#pending.shift(); delivery !== undefined; delivery = this.#pending.shift()) {
      const now = nowUs()
      const latencyUs = this.#latency.at((now - this.#startedUs) / 1e6)
      this.#freeAtUs = Math.max(now, this.#freeAtUs) + Math.max(latencyUs, rate > 0 ? 1e6 / rate : 0)
      this.#onDelivery(delivery)
      if (this.#freeAtUs - now >= 1000) {
        this.#timer = setTimeout(() => this.#takeNext(), (this.#freeAtUs - now) / 1000)
        return
      }
    }
  }
}

function headerLatency(delivery: Delivery, now: number): number {
  const stamp = delivery.properties.headers?.get(STAMP_HEADER)
  return stamp?.type === 'double' ? plausible(now - stamp.value) : -1
}
