/**
 * MQTT's properties of a message as the broker's, and back, by RabbitMQ's table of conversions (`mc_mqtt`). What has no property of its
 * own, or does not fit into it, is in a header, so that it comes out again as it came in:
 *
 *     QoS                        delivery-mode: 2 for QoS 1 and 2, else 1; x-mqtt-publish-qos where it is 2
 *     Content Type               content-type
 *     Correlation Data           correlation-id, else x-correlation-id
 *     Response Topic             x-reply-to-topic as a routing key, and reply-to where it fits
 *     Message Expiry Interval    expiration, which is in ms
 *     User Property              headers; where a name comes several times, an array of texts. What headers cannot tell, because names come by
 *                                turns, are longer than those of headers or mean something there, is in x-mqtt-user-properties
 *     Payload Format Indicator   x-mqtt-payload-format
 *     Topic                      the routing key, and x-mqtt-topic where that does not tell it
 */
import { isUtf8 } from 'node:buffer'
import { isDeepStrictEqual } from 'node:util'
import { carbonCopies } from '../../core/dead-letter.ts'
import { DIRECT_REPLY } from '../../core/direct-reply.ts'
import { array, type Field, integerOf, longstr, stringOf, type Table } from '../../core/fields.ts'
import { fieldToJson } from '../../core/fields-json.ts'
import { type Message, Properties } from '../../core/message.ts'
import { EXPIRATION_MAX_MS } from '../../core/publish-properties.ts'
import { bytesOfAnyText, textOrBase64 } from '../../util/any-text.ts'
import { keepsTopic, keyToTopic, topicToKey, type TopicMapping } from './topics.ts'
import type { PacketProperties, UserProperties } from './wire/packets.ts'

/** The properties of a PUBLISH packet and of a will, without those that concern the connection or the subscription only. */
export type MessageProperties = Pick<
  PacketProperties,
  | 'payloadFormatIndicator'
  | 'messageExpiryInterval'
  | 'responseTopic'
  | 'correlationData'
  | 'userProperties'
  | 'contentType'
>

const CONTENT_TYPE = 'x-mqtt-content-type'
const CORRELATION = 'x-correlation-id'
const REPLY_TO = 'x-reply-to-topic'
const RESPONSE_TOPIC = 'x-mqtt-response-topic'
const PAYLOAD_FORMAT = 'x-mqtt-payload-format'
const TOPIC = 'x-mqtt-topic'
/** All of them where headers do not give them back: names and values by turns. */
const USER_PROPERTIES = 'x-mqtt-user-properties'
const QOS = 'x-mqtt-publish-qos'
/** That it was published to be retained, too. */
export const RETAIN = 'x-mqtt-retain'
/** That it comes from what was retained when a subscription was made, and the filter of that. */
export const RETAINED = 'x-mqtt-retained'
/** Who published it, where it has subscriptions that its own messages must not come to, or may have them later. */
export const OWN_CLIENT = 'x-mqtt-client-id'
/** Whose will it is, while it is kept. */
export const WILL = 'x-mqtt-will'
const OWN_HEADERS: ReadonlySet<string> = new Set([
  CONTENT_TYPE,
  CORRELATION,
  REPLY_TO,
  RESPONSE_TOPIC,
  PAYLOAD_FORMAT,
  TOPIC,
  USER_PROPERTIES,
  QOS,
  RETAIN,
  RETAINED,
  OWN_CLIENT,
  WILL,
])

const SHORT_BYTES_MAX = 255
const TEXT_BYTES_MAX = 0xffff

/**
 * The broker's properties of a message that came by MQTT.
 *
 * An expiry beyond ten years becomes ten years.
 *
 * @param given null for MQTT 3
 */
export function toProperties(
  topic: string,
  qos: number,
  given: MessageProperties | null | undefined,
  mapping: TopicMapping,
): Properties {
  const properties = new Properties()
  properties.deliveryMode = qos === 0 ? 1 : 2
  const headers: Table = new Map()
  if (given !== null && given !== undefined) {
    if (given.userProperties !== undefined) addUserProperties(headers, given.userProperties)
    addContentFacts(properties, headers, given)
    if (typeof given.responseTopic === 'string') addResponseTopic(properties, headers, given.responseTopic, mapping)
    if (typeof given.messageExpiryInterval === 'number') {
      properties.expiration = String(Math.min(given.messageExpiryInterval * 1000, EXPIRATION_MAX_MS))
    }
  }
  if (!keepsTopic(topic, mapping)) headers.set(TOPIC, longstr(topic))
  if (qos === 2) headers.set(QOS, { type: 'byte', value: 2 })
  if (headers.size > 0) properties.headers = headers
  return properties
}

function addUserProperties(headers: Table, user: UserProperties): void {
  const { byName, isWhole } = grouped(user)
  for (const [name, texts] of byName) {
    headers.set(name, texts.length > 1 ? array(texts.map(longstr)) : longstr(texts[0]!))
  }
  if (!isWhole) headers.set(USER_PROPERTIES, array(user.flat().map(longstr)))
}

interface Grouped {
  readonly byName: ReadonlyMap<string, string[]>
  /** Whether that tells all, and in which order. */
  readonly isWhole: boolean
}

/** User properties as headers can hold them. */
function grouped(user: UserProperties): Grouped {
  const byName = new Map<string, string[]>()
  let isWhole = true
  let last = ''
  for (const [name, text] of user) {
    if (OWN_HEADERS.has(name) || !isShort(name)) {
      isWhole = false
      continue
    }
    const known = byName.get(name)
    if (known === undefined) byName.set(name, [text])
    else {
      known.push(text)
      isWhole &&= name === last
    }
    last = name
  }
  return { byName, isWhole }
}

function addContentFacts(properties: Properties, headers: Table, given: MessageProperties): void {
  const { contentType, correlationData, payloadFormatIndicator } = given
  if (typeof contentType === 'string') {
    if (isShort(contentType)) properties.contentType = contentType
    else headers.set(CONTENT_TYPE, longstr(contentType))
  }
  if (correlationData instanceof Uint8Array) {
    const text = isUtf8(correlationData) ? correlationData.toString('utf8') : null
    if (text !== null && correlationData.length <= SHORT_BYTES_MAX) properties.correlationId = text
    else headers.set(CORRELATION, { type: 'longstr', value: text ?? new Uint8Array(correlationData) })
  }
  if (payloadFormatIndicator !== undefined) headers.set(PAYLOAD_FORMAT, { type: 'bool', value: payloadFormatIndicator })
}

function addResponseTopic(properties: Properties, headers: Table, topic: string, mapping: TopicMapping): void {
  const key = topicToKey(topic, mapping)
  headers.set(REPLY_TO, longstr(key))
  if (!keepsTopic(topic, mapping)) headers.set(RESPONSE_TOPIC, longstr(topic))
  // to a requester by AMQP it would mean another thing
  if (isShort(key) && !key.startsWith(DIRECT_REPLY)) properties.replyTo = key
}

const isShort = (text: string): boolean =>
  text.length * 3 <= SHORT_BYTES_MAX || Buffer.byteLength(text) <= SHORT_BYTES_MAX

/** The topic of a message, whoever published it. */
export function topicOf(message: Message, mapping: TopicMapping): string {
  const topic = keyToTopic(message.routingKey, mapping)
  if (!topic.includes('/') && !topic.includes('+')) return topic
  const known = message.mayHaveHeader(TOPIC_NAME) ? message.header(TOPIC_NAME) : null
  const exact = known === null ? null : stringOf(known)
  // it may have been published again, on another one
  return exact !== null && topicToKey(exact, mapping) === message.routingKey ? exact : topic
}

/** The QoS that a message was published with; by another protocol, 1 if it is persistent. */
export function qosOf(message: Message): 0 | 1 | 2 {
  if (!message.persistent) return 0
  const known = message.mayHaveHeader(QOS_NAME) ? message.header(QOS_NAME) : null
  return known !== null && integerOf(known) === 2 ? 2 : 1
}

const QOS_NAME = Buffer.from(QOS)
const TOPIC_NAME = Buffer.from(TOPIC)

/**
 * What a subscriber by MQTT 5 is told of a message; null where there is nothing to tell.
 *
 * Headers of other types become text: numbers in decimal, times in seconds since the epoch, tables and lists in JSON, bytes that are no
 * text in base64. What MQTT cannot hold is left out: names and values with a null character, or beyond 65,535 bytes.
 *
 * @param remainingMs what is left of the message's time to live; looked at only if the publisher gave it one
 */
export function fromProperties(
  properties: Properties,
  remainingMs: number,
  mapping: TopicMapping,
): MessageProperties | null {
  const { contentType, correlationId, expiration, headers } = properties
  const found: MessageProperties = {}
  if (contentType !== null && isText(contentType)) found.contentType = contentType
  if (correlationId !== null) found.correlationData = bytesOfText(correlationId)
  if (expiration !== null) found.messageExpiryInterval = Math.max(0, Math.ceil(remainingMs / 1000))
  const topic = responseTopicOf(properties, mapping)
  if (topic !== null) found.responseTopic = topic
  if (headers !== null) addHeaders(found, headers)
  return Object.keys(found).length === 0 ? null : found
}

function responseTopicOf({ replyTo, headers }: Properties, mapping: TopicMapping): string | null {
  const key = stringOf(headers?.get(REPLY_TO)) ?? replyTo
  if (key === null) return null
  const exact = stringOf(headers?.get(RESPONSE_TOPIC))
  if (exact !== null && topicToKey(exact, mapping) === key) return isTopic(exact) ? exact : null
  // a pseudo queue of AMQP is not reached by a topic
  if (key.startsWith(DIRECT_REPLY)) return null
  const topic = keyToTopic(key, mapping)
  return isTopic(topic) ? topic : null
}

/** A response topic has no wildcards (MQTT 5.0, 3.3.2.3.5). */
const isTopic = (text: string): boolean => !text.includes('+') && !text.includes('#') && isText(text) && text !== ''

function addHeaders(found: MessageProperties, headers: Table): void {
  const contentType = stringOf(headers.get(CONTENT_TYPE))
  if (contentType !== null && isText(contentType)) found.contentType = contentType
  const correlation = headers.get(CORRELATION)
  if (correlation?.type === 'longstr' || correlation?.type === 'binary') {
    const { value } = correlation
    const bytes = Buffer.from(value as string)
    if (bytes.length <= TEXT_BYTES_MAX) found.correlationData = bytes
  }
  const format = headers.get(PAYLOAD_FORMAT)
  if (format?.type === 'bool') found.payloadFormatIndicator = format.value
  const user = keptUserProperties(headers)
  const kept = new Set(user.map(([name]) => name))
  for (const [name, field] of headers) {
    if (OWN_HEADERS.has(name) || kept.has(name) || !isText(name)) continue
    const texts = textsOf(field)
    if (texts.every(isText)) for (const text of texts) user.push([name, text])
  }
  if (user.length > 0) found.userProperties = user
}

/** Those that headers do not give back, as long as nobody has changed the headers. */
function keptUserProperties(headers: Table): UserProperties {
  const field = headers.get(USER_PROPERTIES)
  if (field?.type !== 'array') return []
  const texts = field.value.map(stringOf)
  const user: UserProperties = []
  for (let i = 0; i + 1 < texts.length; i += 2) {
    const name = texts[i] ?? null
    const text = texts[i + 1] ?? null
    if (name === null || text === null || !isText(name) || !isText(text)) return []
    user.push([name, text])
  }
  for (const [name, values] of grouped(user).byName) {
    const there = headers.get(name)
    if (there === undefined || !isDeepStrictEqual(textsOf(there), values)) return []
  }
  return user
}

/** One text, or those of a list of texts. */
function textsOf(field: Field): string[] {
  if (field.type !== 'array' || field.value.length < 2) return [textOf(field)]
  const texts = field.value.map(stringOf)
  return texts.includes(null) ? [textOf(field)] : (texts as string[])
}

function textOf(field: Field): string {
  switch (field.type) {
    case 'longstr':
    case 'binary':
      return typeof field.value === 'string' ? field.value : textOrBase64(field.value)
    case 'table':
    case 'array':
      return JSON.stringify(fieldToJson(field))
    case 'decimal':
      return decimalText(field.value.unscaled, field.value.scale)
    case 'void':
      return ''
    default:
      return String(field.value)
  }
}

function decimalText(unscaled: number, scale: number): string {
  if (scale === 0) return String(unscaled)
  const digits = String(unscaled).padStart(scale + 1, '0')
  return `${digits.slice(0, -scale)}.${digits.slice(-scale)}`
}

/** Whether a text can be an UTF-8 Encoded String of MQTT (MQTT 5.0, 1.5.4). */
const isText = (text: string): boolean =>
  !text.includes('\0') &&
  text.isWellFormed() &&
  (text.length * 3 <= TEXT_BYTES_MAX || Buffer.byteLength(text) <= TEXT_BYTES_MAX)

/** A correlation id of AMQP may hold any bytes. */
const bytesOfText = (text: string): Buffer => (text.isWellFormed() ? Buffer.from(text) : bytesOfAnyText(text))

/** Whether a message was published by a client that asked not to get its own. */
export function isFromClient(message: Message, clientId: string): boolean {
  const known = message.mayHaveHeader(OWN_CLIENT_NAME) ? message.header(OWN_CLIENT_NAME) : null
  return known !== null && stringOf(known) === clientId
}

/** Of a message from what was retained, the filter that it was found by, or '' where that is not known; null of any other. */
export function retainedFor(message: Message): string | null {
  const known = message.mayHaveHeader(RETAINED_NAME) ? message.header(RETAINED_NAME) : null
  return known === null ? null : (stringOf(known) ?? (known.value === true ? '' : null))
}

/** Whether a header is there that is a flag. */
export const hasFlag = (message: Message, name: Buffer): boolean =>
  message.mayHaveHeader(name) && message.header(name)?.value === true

const OWN_CLIENT_NAME = Buffer.from(OWN_CLIENT)
export const RETAIN_NAME = Buffer.from(RETAIN)
const RETAINED_NAME = Buffer.from(RETAINED)

const CC_NAME = Buffer.from('CC')

/** Further routing keys by which AMQP publishers have sent a message: those of BCC, too, as long as it has not been read from disk. */
export function copyKeysOf(message: Message): readonly string[] {
  if (message.extraKeys !== null) return message.extraKeys
  return message.mayHaveHeader(CC_NAME) ? carbonCopies(message.properties().headers, 'CC') : []
}
