import { preconditionFailed } from '../../../core/errors.ts'
import type { Broker } from '../../../core/broker.ts'
import type { BrokerEvent } from '../../../core/events.ts'
import type { Message } from '../../../core/message.ts'
import type { VHost } from '../../../core/vhost.ts'
import { topicOf } from '../message-mapping.ts'
import type { TopicMapping } from '../topics.ts'
import { RetainedExpiry } from './retained-expiry.ts'
import { TopicTrie } from './topic-trie.ts'

const PURPOSE = 'mqtt-retained'
/** Topics looked up before their messages are read. */
const BATCH = 512

export interface RetainedLimits {
  /** Retained messages of the node; -1 for no limit. */
  readonly messagesMax: number
  /** Bytes of their payloads and topics; -1 for no limit. */
  readonly bytesMax: number
}

/** Where the message of a topic is. */
interface Row {
  readonly number: number
  /** Of payload and topic. */
  readonly bytes: number
}

/** A retained message as a new subscriber gets it. */
export interface RetainedMessage {
  readonly topic: string
  /** With bytes of its own. */
  readonly message: Message
  /** What is left of its time to live, or -1 where it has none. */
  readonly remainingMs: number
}

/** What is retained in one virtual host. */
interface Shelf {
  readonly vhost: VHost
  readonly trie: TopicTrie<Row>
  bytes: number
}

/**
 * Retained messages: the last one of each topic of a virtual host. They lie in the message store; memory has topics, and where the messages
 * are. All of them survive a restart, whatever their QoS.
 */
export class RetainedMessages {
  /** Messages of all virtual hosts, and their bytes as limits count them. */
  count = 0
  bytes = 0
  readonly #broker: Broker
  readonly #limits: RetainedLimits
  readonly #mapping: TopicMapping
  readonly #shelves = new Map<string, Shelf>()
  readonly #expiry: RetainedExpiry<Shelf>
  readonly #stopListening: () => void

  /** Use `open`. */
  private constructor(broker: Broker, limits: RetainedLimits, mapping: TopicMapping) {
    this.#broker = broker
    this.#limits = limits
    this.#mapping = mapping
    this.#expiry = new RetainedExpiry(
      broker.clock,
      (shelf, topic, number) => shelf.trie.get(topic)?.number === number,
      (shelf, topic) => void this.#remove(shelf, topic),
    )
    const onVhost = ({ name, vhost }: BrokerEvent): void => {
      if (name === 'vhost.deleted') this.#forget(vhost!)
      // with the virtual host the place for what it retains gets to disk
      else broker.findVhost(vhost!).keptMessages(PURPOSE)
    }
    this.#stopListening = broker.events.listen(onVhost, ['vhost.created', 'vhost.deleted'])
  }

  /** Takes over what is retained from before a restart: reads each message once. */
  static async open(broker: Broker, limits: RetainedLimits, mapping: TopicMapping): Promise<RetainedMessages> {
    const retained = new RetainedMessages(broker, limits, mapping)
    for (const vhost of broker.vhosts.values()) await retained.#recover(vhost)
    await broker.commitMetadata()
    return retained
  }

  async #recover(vhost: VHost): Promise<void> {
    const shelf = this.#shelfOf(vhost)
    const now = this.#broker.clock.now()
    const gone: number[] = []
    await vhost.keptMessages(PURPOSE).recover((number, message, expiresAt) => {
      const topic = topicOf(message, this.#mapping)
      const before = shelf.trie.get(topic)
      // only where other settings gave it another topic
      if (before !== null) gone.push(before.number)
      if (expiresAt >= 0 && expiresAt <= now) gone.push(number)
      else this.#place(shelf, topic, number, message.bodyLength, expiresAt)
    })
    for (const number of gone) vhost.keptMessages(PURPOSE).remove(number)
  }

  #shelfOf(vhost: VHost): Shelf {
    let shelf = this.#shelves.get(vhost.name)
    if (shelf === undefined) this.#shelves.set(vhost.name, (shelf = { vhost, trie: new TopicTrie(), bytes: 0 }))
    return shelf
  }

  /** How many messages are retained in a virtual host. */
  countIn(vhost: VHost): number {
    return this.#shelves.get(vhost.name)?.trie.size ?? 0
  }

  /**
   * Retains a message in place of the one that the topic has, or with null none any more. The time to live is that of `ttlMs`.
   * @returns the position in the log of what a restart must not undo
   * @throws BrokerError preconditionFailed where a limit is reached; nothing has changed then
   */
  put(vhost: VHost, topic: string, message: Message | null): number {
    const shelf = this.#shelfOf(vhost)
    if (message === null) return this.#remove(shelf, topic)
    this.#requireRoom(shelf, topic, message)
    const expiresAt = message.ttlMs < 0 ? -1 : this.#broker.clock.now() + message.ttlMs
    const before = shelf.trie.get(topic)?.number ?? 0
    const number = vhost.keptMessages(PURPOSE).add(message, expiresAt, before)
    this.#place(shelf, topic, number, message.bodyLength, expiresAt)
    return message.position
  }

  #requireRoom(shelf: Shelf, topic: string, message: Message): void {
    const { messagesMax, bytesMax } = this.#limits
    const before = shelf.trie.get(topic)
    if (messagesMax >= 0 && before === null && this.count >= messagesMax) {
      throw preconditionFailed(
        `cannot retain a message on topic '${topic}': limit of ${messagesMax} messages is reached`,
      )
    }
    const bytes = this.bytes + bytesOf(topic, message.bodyLength) - (before?.bytes ?? 0)
    if (bytesMax >= 0 && bytes > bytesMax) {
      throw preconditionFailed(`cannot retain a message on topic '${topic}': limit of ${bytesMax} bytes is reached`)
    }
  }

  /** The message of a topic is another one now. */
  #place(shelf: Shelf, topic: string, number: number, bodyBytes: number, expiresAt: number): void {
    const before = shelf.trie.get(topic)
    const row = { number, bytes: bytesOf(topic, bodyBytes) }
    shelf.trie.set(topic, row)
    this.#count(shelf, before === null ? 1 : 0, row.bytes - (before?.bytes ?? 0))
    if (expiresAt >= 0) this.#expiry.add({ shelf, topic, number, expiresAt })
  }

  /** @returns the position in the log from which on it does not come back */
  #remove(shelf: Shelf, topic: string): number {
    const row = shelf.trie.get(topic)
    if (row === null) return 0
    this.#drop(shelf, topic, row)
    return shelf.vhost.keptMessages(PURPOSE).remove(row.number)
  }

  #drop(shelf: Shelf, topic: string, row: Row): void {
    shelf.trie.delete(topic)
    this.#count(shelf, -1, -row.bytes)
  }

  #count(shelf: Shelf, messages: number, bytes: number): void {
    this.count += messages
    this.bytes += bytes
    shelf.bytes += bytes
  }

  /** A virtual host is deleted, with all that it keeps. */
  #forget(name: string): void {
    const shelf = this.#shelves.get(name)
    if (shelf === undefined) return
    this.#shelves.delete(name)
    this.#count(shelf, -shelf.trie.size, -shelf.bytes)
    this.#expiry.forget(shelf)
  }

  // ---- reading ----

  /**
   * The messages of all topics that a filter matches, by topic. Those that come, change or go meanwhile may be missing, or be there with what
   * they were.
   */
  async *matching(vhost: VHost, filter: string): AsyncGenerator<RetainedMessage> {
    const shelf = this.#shelves.get(vhost.name)
    if (shelf === undefined) return
    let batch: [topic: string, row: Row][] = []
    for (const found of shelf.trie.match(filter)) {
      batch.push(found)
      if (batch.length < BATCH) continue
      yield* this.#read(shelf, batch)
      batch = []
    }
    yield* this.#read(shelf, batch)
  }

  async *#read(shelf: Shelf, batch: readonly [topic: string, row: Row][]): AsyncGenerator<RetainedMessage> {
    if (batch.length === 0) return
    const topics = new Map(batch.map(([topic, row]) => [row.number, topic]))
    for await (const { number, message, expiresAt } of shelf.vhost.keptMessages(PURPOSE).read([...topics.keys()])) {
      const topic = topics.get(number)!
      topics.delete(number)
      const remainingMs = expiresAt < 0 ? -1 : expiresAt - this.#broker.clock.now()
      if (expiresAt < 0 || remainingMs > 0) yield { topic, message, remainingMs }
    }
    // the store has not got them any more: it has said why
    for (const [number, topic] of topics) {
      const row = shelf.trie.get(topic)
      if (row?.number === number) this.#drop(shelf, topic, row)
    }
  }

  /** Ends timers; what is retained stays as it is. */
  close(): void {
    this.#stopListening()
    this.#expiry.close()
  }
}

const bytesOf = (topic: string, bodyBytes: number): number => Buffer.byteLength(topic) + bodyBytes
