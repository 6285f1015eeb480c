/** What has happened to messages, by the names of RabbitMQ's `message_stats`. Plain numbers that only rise; who asks computes rates. */
export class MessageCounters {
  published = 0
  /** Of these, what asked for an answer by itself: in AMQP, confirm mode does. */
  toConfirm = 0
  confirmed = 0
  /** To queues, each of which counts. */
  routed = 0
  /** Delivered to consumers that acknowledge. */
  delivered = 0
  deliveredNoAck = 0
  /** Fetched one by one, to be acknowledged. */
  got = 0
  gotNoAck = 0
  getEmpty = 0
  redelivered = 0
  acknowledged = 0
  /** Mandatory messages that reached no queue. */
  returned = 0
  /** Other messages that reached no queue. */
  unroutable = 0
  /** Free for whoever keeps statistics of it. */
  history: unknown = null

  add(other: MessageCounters): void {
    for (const name of NAMES) this[name] += other[name]
  }

  /** Takes out what is counted elsewhere. */
  subtract(other: MessageCounters): void {
    for (const name of NAMES) this[name] -= other[name]
  }
}

const NAMES = [
  'published',
  'toConfirm',
  'confirmed',
  'routed',
  'delivered',
  'deliveredNoAck',
  'got',
  'gotNoAck',
  'getEmpty',
  'redelivered',
  'acknowledged',
  'returned',
  'unroutable',
] as const

/** What a session has published to one exchange. */
export class PublishCounters {
  published = 0
  /** Of these, what no confirm will come for: rejected, or published before there were confirms. */
  unanswered = 0
  /** Worked out when somebody asks: right as soon as nothing waits for its answer. */
  confirmed = 0
  returned = 0
  unroutable = 0
  /** Free for whoever keeps statistics of it. */
  history: unknown = null
}

/** What came from one source. */
export class SourceCounters {
  published = 0
  /** Free for whoever keeps statistics of it. */
  history: unknown = null
}

/** Sources of one object's messages that are told apart; the oldest are forgotten. */
const SOURCES_MAX = 256

/** Of what nothing has come to: never written to. */
const NO_SOURCES = new Map<string, SourceCounters>()

/** What came to a queue, by the exchange that it was published to. */
export class IncomingCounters {
  #bySource = NO_SOURCES
  #lastSource: string | null = null
  #last: SourceCounters | null = null

  get bySource(): ReadonlyMap<string, SourceCounters> {
    return this.#bySource
  }

  count(source: string): void {
    if (source !== this.#lastSource) this.#turnTo(source)
    this.#last!.published++
  }

  #turnTo(source: string): void {
    if (this.#bySource === NO_SOURCES) this.#bySource = new Map()
    let found = this.#bySource.get(source)
    if (found === undefined) {
      if (this.#bySource.size >= SOURCES_MAX) this.#bySource.delete(this.#bySource.keys().next().value!)
      found = new SourceCounters()
      this.#bySource.set(source, found)
    }
    this.#lastSource = source
    this.#last = found
  }
}
