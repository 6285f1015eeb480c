/**
 * The topics of `$SYS/broker`, by which mosquitto and others tell how the broker is doing. They are no messages of the broker: nothing is
 * routed or kept, and nothing is computed while nobody has subscribed to them.
 */
import type { Clock, Timer, TimerTarget } from '../../util/clock.ts'
import { matches } from './topics.ts'

const ROOT = '$SYS/broker/'
const LOAD_MINUTES = [1, 5, 15] as const

/** What the topics tell. Counts are since the start where they are not of now. */
export interface SysFacts {
  readonly version: string
  /** ms since the epoch */
  readonly startedAt: number
  readonly clientsConnected: number
  /** Persistent sessions whose clients are away. */
  readonly clientsDisconnected: number
  /** The most clients that were connected at a time. */
  readonly clientsMaximum: number
  /** Persistent sessions that have ended because their clients stayed away. */
  readonly clientsExpired: number
  readonly connectionsOpened: number
  /** Packets of all kinds. */
  readonly packetsReceived: number
  readonly packetsSent: number
  readonly publishReceived: number
  readonly publishSent: number
  /** Messages of QoS 0 that a slow client did not get. */
  readonly publishDropped: number
  /** Of payloads. */
  readonly publishBytesReceived: number
  readonly publishBytesSent: number
  readonly bytesReceived: number
  readonly bytesSent: number
  readonly subscriptions: number
  readonly sharedSubscriptions: number
  readonly retained: number
}

/** @param retained whether it is the value of before the subscription */
export type SysDelivery = (topic: string, payload: Buffer, retained: boolean) => void

/** By the end of the topic. */
const VALUES: Readonly<Record<string, (facts: SysFacts, now: number) => string | number>> = {
  version: ({ version }) => version,
  uptime: ({ startedAt }, now) => `${Math.floor((now - startedAt) / 1000)} seconds`,
  'clients/connected': ({ clientsConnected }) => clientsConnected,
  'clients/active': ({ clientsConnected }) => clientsConnected,
  'clients/disconnected': ({ clientsDisconnected }) => clientsDisconnected,
  'clients/inactive': ({ clientsDisconnected }) => clientsDisconnected,
  'clients/total': ({ clientsConnected, clientsDisconnected }) => clientsConnected + clientsDisconnected,
  'clients/maximum': ({ clientsMaximum }) => clientsMaximum,
  'clients/expired': ({ clientsExpired }) => clientsExpired,
  'messages/received': ({ packetsReceived }) => packetsReceived,
  'messages/sent': ({ packetsSent }) => packetsSent,
  'publish/messages/received': ({ publishReceived }) => publishReceived,
  'publish/messages/sent': ({ publishSent }) => publishSent,
  'publish/messages/dropped': ({ publishDropped }) => publishDropped,
  'publish/bytes/received': ({ publishBytesReceived }) => publishBytesReceived,
  'publish/bytes/sent': ({ publishBytesSent }) => publishBytesSent,
  'bytes/received': ({ bytesReceived }) => bytesReceived,
  'bytes/sent': ({ bytesSent }) => bytesSent,
  'subscriptions/count': ({ subscriptions }) => subscriptions,
  'shared_subscriptions/count': ({ sharedSubscriptions }) => sharedSubscriptions,
  'retained messages/count': ({ retained }) => retained,
}

/** What happens how often in a minute, by the middle of the topic. */
const LOADS: Readonly<Record<string, (facts: SysFacts) => number>> = {
  'messages/received': ({ packetsReceived }) => packetsReceived,
  'messages/sent': ({ packetsSent }) => packetsSent,
  'publish/received': ({ publishReceived }) => publishReceived,
  'publish/sent': ({ publishSent }) => publishSent,
  'publish/dropped': ({ publishDropped }) => publishDropped,
  'bytes/received': ({ bytesReceived }) => bytesReceived,
  'bytes/sent': ({ bytesSent }) => bytesSent,
  connections: ({ connectionsOpened }) => connectionsOpened,
  sockets: ({ connectionsOpened }) => connectionsOpened,
}

/** Whether a topic, or the topics of a filter, are the broker's own: nobody else publishes there. */
export const isSysTopic = (topic: string): boolean => topic === '$SYS' || topic.startsWith('$SYS/')

interface Subscriber {
  /** Of the topics. */
  readonly topics: readonly string[]
  readonly deliver: SysDelivery
}

/** Rates of one counter for each minute, each averaged over a time that fades. */
interface Load {
  total: number
  readonly averages: number[]
}

/** Tells subscribers of `$SYS` topics the values that there are, and what has changed after each interval. */
export class SysTopics implements TimerTarget {
  readonly #clock: Clock
  readonly #intervalMs: number
  readonly #read: () => SysFacts
  readonly #subscribers = new Set<Subscriber>()
  readonly #loads = new Map<string, Load>()
  #loadsAt: number
  /** By topic, as of the last interval; empty while nobody has subscribed. */
  #values = new Map<string, string>()
  #timer: Timer | null = null

  /** @param intervalMs 0 is off: then the topics have no values @param read called when values are wanted */
  constructor(clock: Clock, intervalMs: number, read: () => SysFacts) {
    this.#clock = clock
    this.#intervalMs = intervalMs
    this.#read = read
    this.#loadsAt = clock.now()
  }

  /**
   * Calls `deliver` with each value of the topics that a filter matches: before this returns with those that there are, and from then on
   * when one has changed.
   * @returns what ends it
   */
  subscribe(filter: string, deliver: SysDelivery): () => void {
    if (this.#intervalMs === 0) return () => {}
    if (this.#subscribers.size === 0) {
      this.#values = this.#compute()
      this.#timer = this.#clock.schedule(this.#intervalMs, this)
    }
    const topics = [...this.#values.keys()].filter((topic) => matches(filter, topic))
    const subscriber: Subscriber = { topics, deliver }
    this.#subscribers.add(subscriber)
    for (const topic of topics) deliver(topic, Buffer.from(this.#values.get(topic)!), true)
    return () => this.#unsubscribe(subscriber)
  }

  #unsubscribe(subscriber: Subscriber): void {
    if (this.#subscribers.delete(subscriber) && this.#subscribers.size === 0) this.close()
  }

  onTimer(): void {
    this.#timer = this.#clock.schedule(this.#intervalMs, this)
    const before = this.#values
    this.#values = this.#compute()
    const changed = new Map<string, Buffer>()
    for (const [topic, value] of this.#values) if (before.get(topic) !== value) changed.set(topic, Buffer.from(value))
    for (const { topics, deliver } of [...this.#subscribers]) {
      for (const topic of topics) {
        const payload = changed.get(topic)
        if (payload !== undefined) deliver(topic, payload, false)
      }
    }
  }

  #compute(): Map<string, string> {
    const facts = this.#read()
    const now = this.#clock.now()
    const values = new Map<string, string>()
    for (const [end, valueOf] of Object.entries(VALUES)) values.set(ROOT + end, String(valueOf(facts, now)))
    const passedMs = now - this.#loadsAt
    this.#loadsAt = now
    for (const [name, countOf] of Object.entries(LOADS)) {
      const averages = this.#average(name, countOf(facts), passedMs)
      for (const [i, minutes] of LOAD_MINUTES.entries()) {
        values.set(`${ROOT}load/${name}/${minutes}min`, averages[i]!.toFixed(2))
      }
    }
    return values
  }

  /** What came while nobody looked counts as if it had come evenly. */
  #average(name: string, total: number, passedMs: number): readonly number[] {
    let load = this.#loads.get(name)
    if (load === undefined) this.#loads.set(name, (load = { total: 0, averages: LOAD_MINUTES.map(() => 0) }))
    if (passedMs === 0) return load.averages
    const perMinute = ((total - load.total) * 60_000) / passedMs
    load.total = total
    for (const [i, minutes] of LOAD_MINUTES.entries()) {
      const kept = Math.exp(-passedMs / (minutes * 60_000))
      load.averages[i] = load.averages[i]! * kept + perMinute * (1 - kept)
    }
    return load.averages
  }

  /** No more is told to anybody. */
  close(): void {
    this.#timer?.cancel()
    this.#timer = null
    this.#subscribers.clear()
    this.#values = new Map()
  }
}
