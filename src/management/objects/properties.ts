import { tableToJson } from '../../core/fields-json.ts'
import { Properties } from '../../core/message.ts'
import { badRequest } from '../api-error.ts'
import { isObject } from '../../core/parameter-validation.ts'
import { tableOf } from '../request-body.ts'

/** RabbitMQ's names for the properties that are texts. */
const TEXTS = {
  content_type: 'contentType',
  content_encoding: 'contentEncoding',
  correlation_id: 'correlationId',
  reply_to: 'replyTo',
  expiration: 'expiration',
  message_id: 'messageId',
  type: 'type',
  user_id: 'userId',
  app_id: 'appId',
  cluster_id: 'clusterId',
} as const satisfies Readonly<Record<string, keyof Properties>>

/** And for those that are numbers, with the largest that they may be. */
const NUMBERS = {
  delivery_mode: ['deliveryMode', 255],
  priority: ['priority', 255],
  timestamp: ['timestamp', Number.MAX_SAFE_INTEGER],
} as const satisfies Readonly<Record<string, readonly [keyof Properties, number]>>

type TextKey = keyof typeof TEXTS
type NumberKey = keyof typeof NUMBERS

/** The properties that a message has, by RabbitMQ's keys; its JSON for none is an empty list. */
export function propertiesObject(properties: Properties): Record<string, unknown> | [] {
  const shown: Record<string, unknown> = {}
  for (const key of Object.keys(TEXTS) as TextKey[]) {
    const value = properties[TEXTS[key]]
    if (value !== null) shown[key] = value
  }
  for (const key of Object.keys(NUMBERS) as NumberKey[]) {
    const value = properties[NUMBERS[key][0]]
    if (value !== null) shown[key] = value
  }
  if (properties.headers !== null) shown['headers'] = tableToJson(properties.headers)
  return Object.keys(shown).length === 0 ? [] : shown
}

/** The inverse; what is no property is left out. @throws ApiError 400, BrokerError */
export function propertiesFromObject(value: unknown): Properties {
  const properties = new Properties()
  if (Array.isArray(value) && value.length === 0) return properties
  if (!isObject(value)) throw badRequest(['not_object', 'properties'])
  for (const key of Object.keys(TEXTS) as TextKey[]) {
    const text = value[key]
    if (text === undefined) continue
    if (typeof text !== 'string') throw badRequest(['not_string', key])
    properties[TEXTS[key]] = text
  }
  for (const key of Object.keys(NUMBERS) as NumberKey[]) {
    const number = value[key]
    if (number === undefined) continue
    const [name, max] = NUMBERS[key]
    if (!Number.isSafeInteger(number) || (number as number) < 0 || (number as number) > max) {
      throw badRequest(['not_int', key])
    }
    properties[name] = number as number
  }
  if (value['headers'] !== undefined) properties.headers = tableOf(value['headers'])
  return properties
}
