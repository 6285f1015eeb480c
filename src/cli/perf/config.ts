import type { Step } from './schedule.ts'

/** A run, as plain data: threads are told by it what to do. */
export interface PerfConfig {
  readonly id: string
  /** Connections take them in turn. */
  readonly uris: readonly string[]
  readonly heartbeatSec: number | null
  readonly frameMax: number | null
  readonly exchange: { readonly name: string; readonly type: string }
  readonly queues: {
    /** Empty: each consumer has a queue of its own, which the broker names. */
    readonly names: readonly string[]
    readonly durable: boolean
    readonly autoDelete: boolean
    readonly exclusive: boolean
    readonly arguments: Readonly<Record<string, unknown>>
    /** Of a pattern: producers and consumers take them in turn, one each. */
    readonly inSequence: boolean
  }
  /** Take what is there as it is. */
  readonly predeclared: boolean
  readonly bind: boolean
  readonly routingKey: string
  readonly producers: ProducerConfig
  readonly consumers: ConsumerConfig
  readonly intervalSec: number
  /** 0 is no limit. */
  readonly timeSec: number
  readonly shutdownSec: number
  readonly threads: number
}

export interface ProducerConfig {
  readonly count: number
  /** For each connection. */
  readonly channels: number
  /** Messages for each channel; 0 is no limit. */
  readonly messages: number
  /** Messages a second for each channel; a step of 0 is no limit. */
  readonly rate: readonly Step[]
  /** Seconds between two messages, in place of a rate; null where there is a rate. */
  readonly everySec: number | null
  readonly startDelaySec: number
  readonly size: readonly Step[]
  /** Files in place of bodies of a size. */
  readonly bodies: readonly string[]
  readonly persistent: boolean
  readonly mandatory: boolean
  readonly properties: Readonly<Record<string, string | number>>
  /** Messages that may be unconfirmed at once; null is without confirms. */
  readonly confirm: number | null
  readonly confirmTimeoutSec: number
  /** Messages in a transaction; 0 is without. */
  readonly transaction: number
  /** A key for each message: null is off, 0 a new one each time, else so many of them in turn. */
  readonly randomKeys: number | null
}

export interface ConsumerConfig {
  readonly count: number
  readonly channels: number
  readonly messages: number
  readonly rate: number
  /** µs that each message takes. */
  readonly latency: readonly Step[]
  readonly prefetch: number
  readonly channelPrefetch: number
  readonly autoAck: boolean
  /** One acknowledgement for so many messages. */
  readonly ackEvery: number
  readonly nack: boolean
  readonly requeue: boolean
  readonly transaction: number
  readonly arguments: Readonly<Record<string, unknown>>
  readonly slowStart: boolean
}
