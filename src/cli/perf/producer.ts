import { randomUUID } from 'node:crypto'
import { Unconfirmed, type AmqpConnection, type Channel } from '../../amqp-client/index.ts'
import { createSource, type MessageSource } from './bodies.ts'
import type { ProducerConfig } from './config.ts'
import type { Counters } from './counters.ts'
import { Schedule } from './schedule.ts'
import { BurstClock, nowUs } from './stamp.ts'

/** Messages that are published before the others of the thread have their turn: small ones that fill a write. */
const BURST = 1000
/** With a rate, what is due is looked at so often. */
const TICK_MS = 1
/** What a rate may catch up at once after a pause. */
const CATCH_UP_SEC = 0.1

export interface ProducerTask {
  readonly exchange: string
  readonly routingKey: string
  readonly config: ProducerConfig
  readonly counters: Counters
  readonly onFailure: (error: Error) => void
}

/** One channel that publishes as fast as it may. */
export class Producer {
  /** Resolves when it has published, and the broker confirmed, all that it was to; never where there is no limit. */
  readonly finished: Promise<void>
  readonly #task: ProducerTask
  readonly #source: MessageSource
  readonly #rate: Schedule
  readonly #keys: KeySource
  readonly #clock = new BurstClock()
  readonly #unconfirmed = new Unconfirmed<number>()
  readonly #left: number
  #connection!: AmqpConnection
  #channel!: Channel
  #resolve!: () => void
  #startedUs = 0
  /** With a rate: up to when messages have been sent. */
  #sentUntilUs = 0
  #sent = 0
  #inTransaction = 0
  #waiting = false
  #stopped = false
  #timer: NodeJS.Timeout | null = null
  #watchdog: NodeJS.Timeout | null = null

  constructor(task: ProducerTask) {
    this.#task = task
    const { config } = task
    this.#source = createSource(config)
    this.#rate = config.everySec === null ? new Schedule(config.rate) : Schedule.constant(1 / config.everySec)
    this.#keys = keySource(config.randomKeys, task.routingKey)
    this.#left = config.messages === 0 ? Infinity : config.messages
    this.finished = new Promise((resolve) => (this.#resolve = resolve))
  }

  async open(connection: AmqpConnection): Promise<void> {
    const { config, onFailure, counters } = this.#task
    this.#connection = connection
    this.#channel = await connection.openChannel({
      onConfirmed: (tag, multiple, positive) => this.#onConfirmed(tag, multiple, positive),
      onReturned: () => counters.returned++,
      onClosed: onFailure,
    })
    if (config.confirm !== null) await this.#channel.confirmSelect()
    if (config.transaction > 0) await this.#channel.txSelect()
    connection.on('writable', () => this.#resume())
  }

  start(): void {
    const { startDelaySec, confirm } = this.#task.config
    const begin = (): void => {
      this.#startedUs = nowUs()
      this.#sentUntilUs = this.#startedUs
      if (confirm !== null) this.#watch()
      this.#run()
    }
    if (startDelaySec > 0) this.#timer = setTimeout(begin, Math.random() * startDelaySec * 1000)
    else begin()
  }

  stop(): void {
    this.#stopped = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    if (this.#watchdog !== null) clearInterval(this.#watchdog)
  }

  /** Publishes what is due and may go, and sees to it that the rest follows. */
  readonly #run = (): void => {
    this.#timer = null
    if (this.#stopped) return
    const now = nowUs()
    const rate = this.#rate.at((now - this.#startedUs) / 1e6)
    let due = rate > 0 ? this.#due(now, rate) : BURST
    for (; due > 0 && this.#mayPublish(); due--) this.#publish()
    if (this.#sent >= this.#left) this.#finish()
    else if (!this.#mayPublish()) this.#waiting = true
    else if (rate > 0) this.#timer = setTimeout(this.#run, Math.max(TICK_MS, Math.min(1e3 / rate, 1e3)))
    else setImmediate(this.#run)
  }

  #due(now: number, rate: number): number {
    const from = Math.max(this.#sentUntilUs, now - CATCH_UP_SEC * 1e6 - 1e6 / rate)
    const due = Math.floor(((now - from) / 1e6) * rate)
    this.#sentUntilUs = from + (due / rate) * 1e6
    return due
  }

  #mayPublish(): boolean {
    const { confirm, transaction } = this.#task.config
    return (
      this.#channel.writable &&
      this.#sent < this.#left &&
      (confirm === null || this.#unconfirmed.size < confirm) &&
      (transaction === 0 || this.#inTransaction < transaction)
    )
  }

  #publish(): void {
    const { exchange, config, counters } = this.#task
    const now = this.#clock.now()
    const { properties, body } = this.#source.next(now, (now - this.#startedUs) / 1e6)
    const tag = this.#channel.publish(exchange, this.#keys(), properties, body, config.mandatory)
    if (config.confirm !== null) this.#unconfirmed.add(tag, now)
    this.#sent++
    counters.sent++
    if (config.transaction > 0 && (++this.#inTransaction === config.transaction || this.#sent >= this.#left))
      this.#commit()
  }

  #commit(): void {
    this.#channel.txCommit().then(() => {
      this.#inTransaction = 0
      if (this.#sent >= this.#left) this.#finish()
      else this.#resume()
    }, this.#task.onFailure)
  }

  #onConfirmed(tag: number, multiple: boolean, positive: boolean): void {
    const { counters } = this.#task
    const now = this.#clock.now()
    this.#unconfirmed.settle(tag, multiple, (sentAt) => {
      if (positive) counters.confirmed++
      else counters.nacked++
      counters.confirmLatency.add(now - sentAt)
    })
    if (this.#sent >= this.#left) this.#finish()
    else this.#resume()
  }

  /** Many confirms may come in one read: what they make room for is published once. */
  #resume(): void {
    if (!this.#waiting || this.#stopped || !this.#mayPublish()) return
    this.#waiting = false
    setImmediate(this.#run)
  }

  #finish(): void {
    if (this.#unconfirmed.size > 0 || this.#inTransaction > 0) return
    this.stop()
    this.#resolve()
  }

  /** A message that is never confirmed would stop the run without a word. */
  #watch(): void {
    const { confirmTimeoutSec } = this.#task.config
    this.#watchdog = setInterval(() => {
      const [oldest] = this.#unconfirmed.values()
      const isLate =
        oldest !== undefined && this.#connection.blocked === null && nowUs() - oldest > confirmTimeoutSec * 1e6
      if (isLate) this.#task.onFailure(new Error(`a message has not been confirmed for ${confirmTimeoutSec} s`))
    }, 1000)
  }
}

type KeySource = () => string

function keySource(randomKeys: number | null, routingKey: string): KeySource {
  if (randomKeys === null) return () => routingKey
  if (randomKeys === 0) return randomUUID
  const keys = Array.from({ length: randomKeys }, () => randomUUID())
  let next = 0
  return () => keys[next++ % keys.length]!
}
