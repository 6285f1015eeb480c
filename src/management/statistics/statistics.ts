import { DEFAULT_RETENTION, type RetentionPolicies } from '../../config/retention.ts'
import type { Broker } from '../../core/broker.ts'
import type { ClientConnection } from '../../core/client-connection.ts'
import type { Consumer } from '../../core/consumer.ts'
import type { Exchange } from '../../core/exchange.ts'
import type { Queue } from '../../core/queues/queue.ts'
import type { Session } from '../../core/session.ts'
import type { VHost } from '../../core/vhost.ts'
import type { NodeReadings } from '../../telemetry/node-gauges.ts'
import type { Past } from './details.ts'
import { capacityNow } from './consumer-capacity.ts'
import { Tiers } from './retention.ts'
import { Sampler } from './sampler.ts'

/** `none` keeps no statistics at all; `detailed` remembers also what goes from where to where (RabbitMQ: `management.rates_mode`). */
export type RatesMode = 'none' | 'basic' | 'detailed'

export interface StatisticsSettings {
  /** Between two samples. */
  readonly intervalMs: number
  readonly ratesMode: RatesMode
  readonly retention: RetentionPolicies
  /** Lists show what is configured, and nothing that is counted (RabbitMQ: `management.disable_stats`). */
  readonly disableStats: boolean
  /** With `disableStats`: show how many messages queues have all the same. */
  readonly enableQueueTotals: boolean
}

/** RabbitMQ's. */
export const DEFAULT_STATISTICS: StatisticsSettings = {
  intervalMs: 5000,
  ratesMode: 'basic',
  retention: DEFAULT_RETENTION,
  disableStats: false,
  enableQueueTotals: false,
}

/** Anything that keeps a place for its history. */
type Watched = { readonly history: unknown }

/**
 * Rates and histories of everything that counts. Sampled from plain counters, at sampling times that are multiples of the interval;
 * an object at which nothing ever happened takes no memory.
 */
export class Statistics {
  readonly settings: StatisticsSettings
  readonly #sampler: Sampler
  readonly #tiers: { readonly global: Tiers; readonly basic: Tiers; readonly detailed: Tiers }

  /** @param readings what the process uses, as of now */
  constructor(broker: Broker, settings: StatisticsSettings, readings: () => NodeReadings) {
    const { intervalMs, retention, ratesMode } = settings
    this.settings = settings
    this.#tiers = {
      global: new Tiers(retention.global, intervalMs),
      basic: new Tiers(retention.basic, intervalMs),
      detailed: new Tiers(ratesMode === 'detailed' ? retention.detailed : [], intervalMs),
    }
    this.#sampler = new Sampler(broker, intervalMs, this.#tiers, readings)
    if (ratesMode !== 'none') this.#sampler.start()
  }

  /** Whether there are rates to show. */
  get samples(): boolean {
    return this.settings.ratesMode !== 'none'
  }

  close(): void {
    this.#sampler.close()
  }

  /** What was so far is forgotten: rates begin anew, and what has been counted stays. */
  forget(): void {
    if (this.samples) this.#sampler.forget()
  }

  /** Memory that histories take, bytes, about. */
  get memoryBytes(): number {
    return this.#sampler.memoryBytes
  }

  ofNode(): Past {
    return this.#past([this.#sampler.node], this.#tiers.global)
  }

  /** Of several: their sum. */
  ofVhosts(vhosts: readonly VHost[]): Past {
    return this.#past(vhosts, this.#tiers.global)
  }

  ofQueue(queue: Queue): Past {
    return this.#past([queue.counters], this.#tiers.basic)
  }

  ofExchange(exchange: Exchange): Past {
    return this.#past([exchange], this.#tiers.basic)
  }

  ofConnection(connection: ClientConnection): Past {
    return this.#past([connection], this.#tiers.basic)
  }

  ofSession(session: Session): Past {
    return this.#past([session.counters], this.#tiers.basic)
  }

  /** Of several consumers: their sum. */
  ofConsumers(consumers: readonly Consumer[]): Past {
    return this.#past(consumers, this.#tiers.detailed)
  }

  /** Of counters for what goes from where to where: an exchange's messages to a queue, a session's to an exchange, fetched ones. */
  ofFlow(counters: Watched): Past {
    return this.#past([counters], this.#tiers.detailed)
  }

  #past(watched: readonly Watched[], tiers: Tiers): Past {
    const histories = watched.map(({ history }) => history).filter((history) => this.#sampler.isCurrent(history))
    return { histories, tiers, at: this.#sampler.completedAt }
  }

  /**
   * When something happened at it last, ms since the epoch; null while it is busy.
   * @param startedAt when there was nothing of it yet
   */
  idleSince({ history }: Watched, startedAt: number): number | null {
    if (!this.#sampler.isCurrent(history)) return startedAt
    return history.at >= this.#sampler.completedAt ? null : history.at
  }

  /** Share of the time in which the queue could have delivered a message at once, 0 to 1. */
  consumerCapacity(queue: Queue): number {
    const { history } = queue.counters
    if (queue.consumerCount === 0) return 0
    return this.#sampler.isCurrent(history) && !Number.isNaN(history.average) ? history.average : capacityNow(queue)
  }
}
