import { isDate } from 'node:util/types'
import { preconditionFailed } from '../core/errors.ts'
import { tableToJson } from '../core/fields-json.ts'
import { composeMessage, type Message, Properties } from '../core/message.ts'
import type { Entry } from '../core/queues/entry.ts'
import { deliveredProperties } from '../protocols/amqp091/delivered-properties.ts'
import { applyHeaders } from '../core/publish-properties.ts'
import { amqpPropertyFormat } from '../protocols/amqp091/wire/properties.ts'
import { type PlainTable, tableFromPlain } from './values.ts'

/** What a message is published with. All of it may be left out. */
export interface MessageProperties {
  /** `application/json` unless given, where the body is an object. */
  readonly contentType?: string
  readonly contentEncoding?: string
  readonly headers?: PlainTable
  /** Whether a durable queue keeps the message over a restart. */
  readonly persistent?: boolean
  /** 0 to 255. */
  readonly priority?: number
  readonly correlationId?: string
  readonly replyTo?: string
  /** Time to live in milliseconds. */
  readonly expiration?: number | string
  readonly messageId?: string
  /** A Date, or seconds since the epoch. */
  readonly timestamp?: Date | number
  readonly type?: string
  readonly userId?: string
  readonly appId?: string
}

/** Text is sent as UTF-8, an object or array as JSON. */
export type MessageBody = string | Uint8Array | object

/** A message as a consumer would get it: a copy, good for as long as you like. */
export class ReceivedMessage {
  readonly exchange: string
  readonly routingKey: string
  readonly redelivered: boolean
  /** Those that the message has, but for the headers. `expiration` is text, `timestamp` seconds since the epoch. */
  readonly properties: Omit<MessageProperties, 'headers'>
  /** Empty when there are none. Timestamps are seconds, bytes are text, integers beyond 2^53 are decimal text. */
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: Buffer

  constructor(message: Message, entry: Entry | null) {
    const bytes = entry === null ? null : deliveredProperties(message, entry)
    const properties = bytes === null ? message.properties() : amqpPropertyFormat.decode(bytes, 0, bytes.length)
    this.exchange = message.exchange
    this.routingKey = message.routingKey
    this.redelivered = entry?.redelivered ?? false
    this.properties = propertiesToPlain(properties)
    this.headers = properties.headers === null ? {} : tableToJson(properties.headers)
    this.body = Buffer.from(message.body())
  }

  /** The body as UTF-8 text. */
  text(): string {
    return this.body.toString()
  }

  /**
   * The body as what its JSON says.
   * @throws SyntaxError when it is not JSON
   */
  json<T = unknown>(): T {
    return JSON.parse(this.text()) as T
  }
}

/** A message that no client has sent. @throws BrokerError for what AMQP cannot carry */
export function composePublished(
  exchange: string,
  routingKey: string,
  body: MessageBody,
  given: MessageProperties,
): Message {
  const properties = propertiesFromPlain(given)
  const plain = typeof body === 'string' || body instanceof Uint8Array
  if (!plain) properties.contentType ??= 'application/json'
  const bytes = body instanceof Uint8Array ? body : Buffer.from(plain ? body : JSON.stringify(body))
  const message = composeMessage(exchange, routingKey, properties, bytes, amqpPropertyFormat)
  if (properties.expiration !== null) message.ttlMs = Number(properties.expiration)
  const { headers } = properties
  return headers?.has('CC') === true || headers?.has('BCC') === true ? applyHeaders(message) : message
}

function propertiesFromPlain(given: MessageProperties): Properties {
  const { headers, persistent, expiration, timestamp, ...texts } = given
  const present = Object.fromEntries(Object.entries(texts).filter(([, value]) => value !== undefined))
  const properties = Object.assign(new Properties(), present)
  if (headers !== undefined) properties.headers = tableFromPlain(headers)
  if (persistent !== undefined) properties.deliveryMode = persistent ? 2 : 1
  if (expiration !== undefined) properties.expiration = expirationText(expiration)
  if (timestamp !== undefined) properties.timestamp = secondsOf(timestamp)
  return properties
}

/** @throws BrokerError preconditionFailed when it is no whole number of ms */
export function expirationText(expiration: number | string): string {
  const text = String(expiration)
  if (!/^\d+$/.test(text)) throw preconditionFailed(`invalid expiration '${text}': give a whole number of milliseconds`)
  return text
}

export const secondsOf = (timestamp: Date | number): number =>
  isDate(timestamp) ? Math.floor(timestamp.getTime() / 1000) : timestamp

function propertiesToPlain(properties: Properties): Omit<MessageProperties, 'headers'> {
  const { headers: _, deliveryMode, clusterId: __, ...rest } = properties
  const present = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== null))
  return deliveryMode === null ? present : { ...present, persistent: deliveryMode === 2 }
}
