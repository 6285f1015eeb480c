import { returnedProperties } from '../../core/delivered-properties.ts'
import { fieldToJson } from '../../core/fields-json.ts'
import { type Field, longstr } from '../../core/fields.ts'
import { type Message, Properties } from '../../core/message.ts'
import type { Entry } from '../../core/queues/entry.ts'
import { textOrBase64 } from '../../util/any-text.ts'
import { invalidHeader } from './errors.ts'
import type { Frame } from './frame.ts'

/** Headers of SEND that are a property each, and what text becomes of the property in a MESSAGE. */
const TEXT_PROPERTIES = [
  ['app-id', 'appId'],
  ['user-id', 'userId'],
  ['type', 'type'],
  ['amqp-message-id', 'messageId'],
  ['expiration', 'expiration'],
  ['reply-to', 'replyTo'],
  ['correlation-id', 'correlationId'],
  ['content-encoding', 'contentEncoding'],
  ['content-type', 'contentType'],
] as const

/** What has a meaning of its own, in a SEND or in a MESSAGE: no header of a message may pass for it. */
const OWN = new Set([
  ...TEXT_PROPERTIES.map(([name]) => name as string),
  'destination',
  'message-id',
  'subscription',
  'redelivered',
  'ack',
  'content-length',
  'persistent',
  'priority',
  'timestamp',
])
const NOT_SENT_ON = new Set([...OWN].filter((name) => !['subscription', 'redelivered', 'ack'].includes(name)))

const SHORTSTR_MAX = 255

/** The properties of what a SEND publishes. @param replyTo in place of the frame's @throws StompError */
export function propertiesOf(frame: Frame, replyTo: string | null): Properties {
  const properties = new Properties()
  for (const [name, property] of TEXT_PROPERTIES) {
    const value = frame.get(name)
    if (value === null) continue
    if (Buffer.byteLength(value) > SHORTSTR_MAX) throw invalidHeader(`'${name}' is longer than ${SHORTSTR_MAX} bytes\n`)
    properties[property] = value
  }
  if (replyTo !== null) properties.replyTo = replyTo
  properties.priority = bounded(frame, 'priority', 255)
  properties.timestamp = bounded(frame, 'timestamp', Number.MAX_SAFE_INTEGER)
  if (frame.flag('persistent') === true) properties.deliveryMode = 2
  const headers = new Map<string, Field>()
  for (const [name, value] of frame.headers) {
    if (NOT_SENT_ON.has(name)) continue
    if (Buffer.byteLength(name) > SHORTSTR_MAX)
      throw invalidHeader(`a header's name is longer than ${SHORTSTR_MAX} bytes\n`)
    headers.set(name, longstr(value))
  }
  if (headers.size > 0) properties.headers = headers
  return properties
}

function bounded(frame: Frame, name: string, max: number): number | null {
  const value = frame.integer(name)
  if (value !== null && (value < 0 || value > max)) throw invalidHeader(`'${name}' must be from 0 to ${max}\n`)
  return value
}

/** What a MESSAGE tells of a message's own headers and properties. */
export function headersOf(message: Message, entry: Entry | null): [name: string, value: string][] {
  // decoded and forgotten: a message in memory is not to grow by having been looked at
  const properties =
    (entry === null ? null : returnedProperties(message, entry)) ??
    message.format.decode(message.buffer, message.propertiesOffset, message.propertiesLength)
  const headers: [string, string][] = []
  for (const [name, field] of properties.headers ?? []) {
    if (!OWN.has(name) && field.type !== 'void') headers.push([name, textOf(field)])
  }
  for (const [name, property] of TEXT_PROPERTIES) {
    const value = properties[property]
    if (value !== null) headers.push([name, value])
  }
  if (properties.timestamp !== null) headers.push(['timestamp', String(properties.timestamp)])
  if (properties.priority !== null) headers.push(['priority', String(properties.priority)])
  if (properties.deliveryMode === 2) headers.push(['persistent', 'true'])
  return headers
}

/** Tables and arrays, which RabbitMQ leaves out, as JSON. */
function textOf(field: Field): string {
  if (field.type === 'longstr' || field.type === 'binary')
    return typeof field.value === 'string' ? field.value : textOrBase64(field.value)
  const json = fieldToJson(field)
  return typeof json === 'string' ? json : JSON.stringify(json)
}
