import type { Broker } from '../../core/broker.ts'
import { MessageCounters } from '../../core/message-counters.ts'
import type { Queue } from '../../core/queues/queue.ts'
import type { Session } from '../../core/session.ts'
import type { VHost } from '../../core/vhost.ts'
import type { NodeReadings } from '../../telemetry/node-gauges.ts'
import type { Timer } from '../../util/clock.ts'
import { PHASE_FLUSH, type TurnTask } from '../../util/turn.ts'
import { capacityNow } from './consumer-capacity.ts'
import { History, type SeriesKind } from './history.ts'
import type { Tiers } from './retention.ts'
import {
  CONNECTIONS,
  CONSUMERS,
  EXCHANGES,
  MESSAGES,
  NODE_KINDS,
  PUBLISHED,
  QUEUES,
  type Series,
  SOURCES,
  VHOST_KEYS,
  VHOST_KINDS,
} from './series.ts'
import { nodeValues, vhostValues } from './totals.ts'

/** Objects sampled in one turn: some ms. */
const OBJECTS_PER_TURN = 4000
/** How much of an average the newest measurement makes. */
const NEWEST_SHARE = 0.3

interface Watched {
  history: unknown
}

interface SamplerTiers {
  readonly global: Tiers
  readonly basic: Tiers
  readonly detailed: Tiers
}

/** Takes samples of everything that counts, each interval; of many objects over several turns. */
export class Sampler implements TurnTask {
  scheduled = false
  /** What is known of the node. */
  readonly node: Watched = { history: null }
  /** The last sampling time of which all samples are there, ms since the epoch. */
  completedAt: number
  /** Of all histories, as of then. */
  memoryBytes = 0
  readonly #broker: Broker
  readonly #intervalMs: number
  readonly #tiers: SamplerTiers
  readonly #readings: () => NodeReadings
  readonly #values: number[] = []
  #at: number
  #sinceMs: number
  /** The first time: what is there already has not come in this interval. */
  #isFirst = true
  #generation = 0
  #rest: Iterator<void> | null = null
  #bytes = 0
  #timer: Timer | null = null

  constructor(broker: Broker, intervalMs: number, tiers: SamplerTiers, readings: () => NodeReadings) {
    this.#broker = broker
    this.#intervalMs = intervalMs
    this.#tiers = tiers
    this.#readings = readings
    this.#at = this.#floor(broker.clock.now())
    this.#sinceMs = this.#at
    this.completedAt = this.#at
  }

  start(): void {
    this.#begin()
    this.#schedule()
  }

  close(): void {
    this.#timer?.cancel()
    this.#timer = null
    this.#rest = null
  }

  #floor(time: number): number {
    return Math.floor(time / this.#intervalMs) * this.#intervalMs
  }

  #schedule(): void {
    const { clock } = this.#broker
    const now = clock.now()
    const next = this.#floor(now) + this.#intervalMs
    this.#timer = clock.schedule(next - now, { onTimer: () => this.#onTimer() })
  }

  #onTimer(): void {
    this.#schedule()
    const at = this.#floor(this.#broker.clock.now())
    // where sampling takes longer than the interval, its end is waited for
    if (at === this.#at || this.#rest !== null) return
    if (at > this.#at) this.#sampleAt(at)
    else this.#startOver(at)
  }

  #sampleAt(at: number): void {
    this.#sinceMs = this.#at
    this.#at = at
    this.#begin()
  }

  /** Where the clock was set back, what is remembered lies in the future. */
  #startOver(at: number): void {
    this.#generation++
    this.#sinceMs = at
    this.#at = at
    this.#isFirst = true
    this.#begin()
  }

  /** Histories begin with what there is now. */
  forget(): void {
    this.#startOver(this.#at)
  }

  /** Whether something is a history, and goes with the clock as it is. */
  isCurrent(history: unknown): history is History {
    return history instanceof History && history.generation === this.#generation
  }

  #begin(): void {
    this.#bytes = 0
    this.#sampleTotals()
    this.#rest = this.#sampleObjects()
    this.runAtTurnEnd()
  }

  runAtTurnEnd(): void {
    if (this.#rest === null) return
    if (this.#rest.next().done !== true) {
      this.#broker.turn.schedule(PHASE_FLUSH, this)
      return
    }
    this.#rest = null
    this.#isFirst = false
    this.completedAt = this.#at
    this.memoryBytes = this.#bytes
  }

  // ---- sums, in one go so that they fit together ----

  #sampleTotals(): void {
    const { vhosts } = this.#broker
    const messages = new Map<VHost, MessageCounters>()
    for (const vhost of vhosts.values()) {
      const sum = new MessageCounters()
      sum.add(vhost.pastMessages)
      messages.set(vhost, sum)
    }
    for (const { vhost, counters } of this.#broker.sessions()) messages.get(vhost)?.add(counters)
    const traffic = new Map<VHost, [received: number, sent: number]>()
    for (const connection of this.#broker.connections) {
      const { receivedBytes, sentBytes } = connection.traffic()
      const [received, sent] = traffic.get(connection.vhost) ?? [0, 0]
      traffic.set(connection.vhost, [received + receivedBytes, sent + sentBytes])
    }
    const lengths = VHOST_KEYS.map(() => 0)
    for (const vhost of vhosts.values()) {
      vhostValues(vhost, messages.get(vhost)!, traffic.get(vhost) ?? [0, 0], this.#values)
      for (const [i, value] of this.#values.entries()) lengths[i]! += value
      this.#take(vhost, VHOST_KINDS, this.#tiers.global)
    }
    nodeValues(this.#broker, lengths, this.#readings(), this.#values)
    this.#take(this.node, NODE_KINDS, this.#tiers.global)
  }

  // ---- objects ----

  *#sampleObjects(): Generator<void, void> {
    let count = 0
    const pause = (): boolean => ++count % OBJECTS_PER_TURN === 0
    for (const vhost of this.#broker.vhosts.values()) {
      for (const exchange of vhost.exchanges.values()) {
        this.#sample(exchange, exchange, EXCHANGES, this.#tiers.basic)
        if (pause()) yield
      }
      for (const queue of vhost.queues.values()) {
        this.#sampleQueue(queue)
        if (pause()) yield
      }
    }
    for (const connection of this.#broker.connections) {
      this.#sample(connection, connection, CONNECTIONS, this.#tiers.basic)
      for (const session of connection.sessions) {
        this.#sampleSession(session)
        if (pause()) yield
      }
      if (pause()) yield
    }
  }

  #sampleQueue(queue: Queue): void {
    const { counters, incoming } = queue
    this.#sample(counters, queue, QUEUES, this.#tiers.basic)
    for (const source of incoming.bySource.values()) this.#sample(source, source, SOURCES, this.#tiers.detailed)
    const { history } = counters
    if (!this.isCurrent(history)) return
    const capacity = capacityNow(queue)
    if (Number.isNaN(history.average)) history.average = capacity
    else history.average += (capacity - history.average) * NEWEST_SHARE
  }

  #sampleSession(session: Session): void {
    const { counters, publishing, consumers, fetched } = session
    const { basic, detailed } = this.#tiers
    this.#sample(counters, counters, MESSAGES, basic)
    for (const published of publishing.byExchange.values()) this.#sample(published, published, PUBLISHED, detailed)
    for (const consumer of consumers.values()) this.#sample(consumer, consumer, CONSUMERS, detailed)
    for (const fetches of fetched.values()) this.#sample(fetches, fetches, MESSAGES, detailed)
  }

  #sample<T>(watched: Watched, object: T, series: Series<T>, tiers: Tiers): void {
    this.#values.length = series.keys.length
    series.read(object, this.#values)
    this.#take(watched, series.kinds, tiers)
  }

  /** Adds `#values` to the history of something. */
  #take(watched: Watched, kinds: readonly SeriesKind[], tiers: Tiers): void {
    const history = this.isCurrent(watched.history) ? watched.history : this.#beginHistory(watched)
    if (history === null) return
    const changed = history.take(this.#values, this.#at, this.#sinceMs, kinds, tiers)
    if (!changed && this.#at - history.at > tiers.longestMs) history.forgetPast()
    this.#bytes += history.bytes
  }

  /** @returns null where nothing has happened yet */
  #beginHistory(watched: Watched): History | null {
    const values = this.#values
    if (values.every((value) => value === 0)) return null
    const base = this.#isFirst ? values : values.map(() => 0)
    const history = new History(this.#sinceMs, base, this.#generation)
    watched.history = history
    return history
  }
}
