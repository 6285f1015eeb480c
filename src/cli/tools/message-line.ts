import { propertiesFromJson, propertiesToJson, type Delivery, type Properties } from '../../amqp-client/index.ts'
import type { QueueMessage } from '../api/messages.ts'
import { CliError } from '../errors.ts'
import { EXIT } from '../exit-codes.ts'

/**
 * A message as a line of JSON, as `warren export` and `warren doctor --export` write it and `warren import` reads it:
 *
 *     {"vhost": "/", "queue": "q", "exchange": "x", "routing_key": "k", "redelivered": false, "properties": {…},
 *      "encoding": "utf-8" or "base64", "body": "…"}
 */
export interface MessageLine {
  readonly vhost: string | null
  readonly queue: string | null
  readonly exchange: string
  readonly routing_key: string
  readonly redelivered?: boolean
  readonly properties: Readonly<Record<string, unknown>>
  readonly encoding: 'utf-8' | 'base64'
  readonly body: string
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Text as text, anything else as base64. */
export function bodyFields(body: Uint8Array): Pick<MessageLine, 'encoding' | 'body'> {
  try {
    return { encoding: 'utf-8', body: utf8.decode(body) }
  } catch {
    return { encoding: 'base64', body: Buffer.from(body).toString('base64') }
  }
}

export function lineOfDelivery(vhost: string, queue: string | null, delivery: Delivery): MessageLine {
  return {
    vhost,
    queue,
    exchange: delivery.exchange,
    routing_key: delivery.routingKey,
    redelivered: delivery.redelivered,
    properties: propertiesToJson(delivery.properties),
    ...bodyFields(delivery.body),
  }
}

/** @throws CliError when the node has cut the body */
export function lineOfQueueMessage(vhost: string, queue: string, message: QueueMessage): MessageLine {
  if (message.truncated) throw new CliError(EXIT.software, `the node cut the body of message ${message.id}`)
  return {
    vhost,
    queue,
    exchange: message.exchange,
    routing_key: message.routing_key,
    redelivered: message.redelivered,
    properties: message.properties,
    encoding: message.payload_encoding === 'base64' ? 'base64' : 'utf-8',
    body: message.payload,
  }
}

export interface ParsedLine {
  readonly vhost: string | null
  readonly queue: string | null
  readonly exchange: string
  readonly routingKey: string
  readonly properties: Properties
  readonly body: Buffer
}

/** @throws Error saying what is wrong with it */
export function parseLine(text: string): ParsedLine {
  const json = parseObject(text)
  const { encoding = 'utf-8', body = '', properties = {} } = json
  if (typeof body !== 'string') throw new Error('body has to be a text')
  if (encoding !== 'utf-8' && encoding !== 'base64') throw new Error('encoding has to be utf-8 or base64')
  if (typeof properties !== 'object' || properties === null) throw new Error('properties have to be an object')
  return {
    vhost: textOf(json, 'vhost'),
    queue: textOf(json, 'queue'),
    exchange: textOf(json, 'exchange') ?? '',
    routingKey: textOf(json, 'routing_key') ?? '',
    properties: propertiesFromJson(properties as Record<string, unknown>),
    body: Buffer.from(body, encoding === 'base64' ? 'base64' : 'utf8'),
  }
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    throw new Error(`not JSON: ${(error as Error).message}`, { cause: error })
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new Error('is no object')
  return json as Record<string, unknown>
}

function textOf(json: Readonly<Record<string, unknown>>, name: string): string | null {
  const value = json[name]
  if (value === undefined || value === null) return null
  if (typeof value !== 'string') throw new Error(`${name} has to be a text`)
  return value
}
