import type { Content, QueueEntry } from '../store/message-store.ts'
import type { Field, Table } from './fields.ts'
import { headRoom, writeHead } from './message-record.ts'

/**
 * The properties that every message may carry, decoded. Absent is `null`. The set is AMQP 0-9-1's basic class, which the
 * other protocols map to and from; `headers` are the publisher's own.
 */
export class Properties {
  contentType: string | null = null
  contentEncoding: string | null = null
  headers: Table | null = null
  /** 1 transient, 2 persistent. */
  deliveryMode: number | null = null
  /** 0 to 255. */
  priority: number | null = null
  correlationId: string | null = null
  replyTo: string | null = null
  /** Milliseconds as a decimal string. */
  expiration: string | null = null
  messageId: string | null = null
  /** Seconds since the epoch. */
  timestamp: number | null = null
  type: string | null = null
  userId: string | null = null
  appId: string | null = null
  clusterId: string | null = null
}

/** How a protocol lays out a message's property bytes; core decodes through it only when something asks for a property. */
export interface PropertyFormat {
  /** 1 to 255, one for each format and never another: it is on disk. */
  readonly id: number
  readonly name: string
  decode(buffer: Buffer, offset: number, length: number): Properties
  /** One of the headers, without decoding the others; null where it is absent. @param name in UTF-8 */
  header(buffer: Buffer, offset: number, length: number, name: Uint8Array): Field | null
  /** Where the bytes of one of the headers are, if it is a text: then `out` says so. @param name in UTF-8 @returns whether it is */
  headerText(buffer: Buffer, offset: number, length: number, name: Uint8Array, out: TextPlace): boolean
  encode(properties: Properties): Buffer
}

/** A part of a message's buffer. */
export interface TextPlace {
  offset: number
  length: number
}

/** Why a queue let go of a message that goes to its dead-letter exchange. */
export type DeathReason = 'rejected' | 'expired' | 'maxlen' | 'delivery_limit'

/** What the retries of a message were like in one queue. */
export interface RetryFacts {
  /** How often it came back. */
  readonly count: number
  /** Why it did so last. */
  readonly reason: string
  /** When it was last to be had again, seconds since the epoch; 0 where it never was. */
  readonly time: number
}

/** One entry of `x-death`: all deaths for one reason in one queue. */
export interface Death {
  readonly queue: string
  readonly reason: DeathReason
  readonly count: number
  /** Seconds since the epoch, of the first death. */
  readonly time: number
  readonly exchange: string
  readonly routingKeys: readonly string[]
  readonly originalExpiration: string | null
  /** Of the last such death; absent where the queue did not retry. */
  readonly retries?: RetryFacts
}

/** What an exchange type may look at when it routes. */
export interface Routable {
  readonly routingKey: string
  /** Further keys (CC and BCC), or null. Every type that looks at keys routes by each of them. */
  readonly extraKeys: readonly string[] | null
  /** Decodes the properties on first use. */
  properties(): Properties
}

/**
 * One published message, shared by all queues it was routed to. The routing facts and the few properties that the broker
 * itself acts on are fields; the rest stays in the publisher's bytes.
 *
 * The bytes are views of a network buffer until a queue keeps the message past the turn: then the store takes them over
 * (`MessageStore.adopt`).
 */
export class Message implements Content, Routable {
  exchange: string
  routingKey: string
  extraKeys: readonly string[] | null = null
  persistent = false
  /** 0 to 255; absent counts as 0 in `priority` and is told apart by `hasPriority`. */
  priority = 0
  hasPriority = false
  /** Per-message time to live in ms, or -1. */
  ttlMs = -1

  buffer: Buffer
  propertiesOffset: number
  propertiesLength: number
  bodyOffset: number
  bodyLength: number
  slab: object | null = null
  position = 0
  /** Queues (and unsettled transactions) that hold this message. The store frees the bytes when it falls to zero. */
  references = 0
  pending: QueueEntry | null = null

  /** How often and where the broker dead-lettered this message; null for a publisher's own. Newest first. */
  deaths: readonly Death[] | null = null

  readonly format: PropertyFormat
  #properties: Properties | null = null

  constructor(
    exchange: string,
    routingKey: string,
    format: PropertyFormat,
    buffer: Buffer,
    propertiesOffset: number,
    propertiesLength: number,
    bodyOffset: number,
    bodyLength: number,
  ) {
    this.exchange = exchange
    this.routingKey = routingKey
    this.format = format
    this.buffer = buffer
    this.propertiesOffset = propertiesOffset
    this.propertiesLength = propertiesLength
    this.bodyOffset = bodyOffset
    this.bodyLength = bodyLength
  }

  properties(): Properties {
    return (this.#properties ??= this.format.decode(this.buffer, this.propertiesOffset, this.propertiesLength))
  }

  /** One of the publisher's headers, or null. Unlike `properties()`, it keeps nothing. @param name in UTF-8 */
  header(name: Uint8Array): Field | null {
    return this.format.header(this.buffer, this.propertiesOffset, this.propertiesLength, name)
  }

  /** Where in `buffer` the bytes of one of the headers are, if it is a text. @param name in UTF-8 @returns whether it is */
  headerText(name: Uint8Array, out: TextPlace): boolean {
    return this.format.headerText(this.buffer, this.propertiesOffset, this.propertiesLength, name, out)
  }

  /**
   * Whether there may be a header whose name contains `name`: false is certain, and costs less than to decode. Every format has names
   * in its bytes as they are.
   */
  mayHaveHeader(name: Buffer): boolean {
    const { buffer, propertiesOffset } = this
    const first = name[0]!
    const end = propertiesOffset + this.propertiesLength - name.length
    for (let at = propertiesOffset; at <= end; at++) {
      if (buffer[at] !== first) continue
      let same = 1
      while (same < name.length && buffer[at + same] === name[same]) same++
      if (same === name.length) return true
    }
    return false
  }

  /** The publisher's headers. Unlike `properties()`, it keeps nothing: for what is looked at while a message only passes. */
  headers(): Table | null {
    if (this.#properties !== null) return this.#properties.headers
    if (this.propertiesLength === 0) return null
    return this.format.decode(this.buffer, this.propertiesOffset, this.propertiesLength).headers
  }

  headRoom(): number {
    return headRoom(this)
  }

  writeHead(out: Buffer, at: number): number {
    return writeHead(this, out, at)
  }

  /** The body's bytes: a view, valid while the message is held. */
  body(): Buffer {
    return this.buffer.subarray(this.bodyOffset, this.bodyOffset + this.bodyLength)
  }
}

/** A new message with its own bytes: for dead letters, HTTP and in-process publishing. */
export function composeMessage(
  exchange: string,
  routingKey: string,
  properties: Properties,
  body: Uint8Array,
  format: PropertyFormat,
): Message {
  const head = format.encode(properties)
  const buffer = Buffer.concat([head, body])
  const message = new Message(exchange, routingKey, format, buffer, 0, head.length, head.length, body.length)
  message.persistent = properties.deliveryMode === 2
  message.hasPriority = properties.priority !== null
  message.priority = properties.priority ?? 0
  return message
}

/** The message with other properties and the same body. `change` gets a copy; headers are shared until it replaces them. */
export function withProperties(message: Message, change: (properties: Properties) => void): Message {
  const properties = Object.assign(new Properties(), message.properties())
  change(properties)
  const changed = composeMessage(message.exchange, message.routingKey, properties, message.body(), message.format)
  changed.ttlMs = message.ttlMs
  changed.extraKeys = message.extraKeys
  return changed
}

/** The message with its own bytes, which no store knows. */
export function copyOfMessage(message: Message): Message {
  const { propertiesLength, bodyLength } = message
  const from = (offset: number, length: number): Buffer => message.buffer.subarray(offset, offset + length)
  const bytes = Buffer.concat([from(message.propertiesOffset, propertiesLength), message.body()])
  const { exchange, routingKey, format } = message
  const copy = new Message(exchange, routingKey, format, bytes, 0, propertiesLength, propertiesLength, bodyLength)
  copy.persistent = message.persistent
  copy.priority = message.priority
  copy.hasPriority = message.hasPriority
  copy.ttlMs = message.ttlMs
  copy.extraKeys = message.extraKeys
  copy.deaths = message.deaths
  return copy
}
