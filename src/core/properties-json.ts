import { type Json, tableFromJson, tableToJson } from './fields-json.ts'
import { Properties } from './message.ts'
import { preconditionFailed } from './errors.ts'

/** Names of the properties as in RabbitMQ's HTTP API, and what they are in JSON. */
const NAMES = {
  contentType: ['content_type', 'string'],
  contentEncoding: ['content_encoding', 'string'],
  headers: ['headers', 'table'],
  deliveryMode: ['delivery_mode', 'number'],
  priority: ['priority', 'number'],
  correlationId: ['correlation_id', 'string'],
  replyTo: ['reply_to', 'string'],
  expiration: ['expiration', 'string'],
  messageId: ['message_id', 'string'],
  timestamp: ['timestamp', 'number'],
  type: ['type', 'string'],
  userId: ['user_id', 'string'],
  appId: ['app_id', 'string'],
  clusterId: ['cluster_id', 'string'],
} as const satisfies Record<keyof Properties, readonly [name: string, type: 'string' | 'number' | 'table']>

const KEYS = Object.keys(NAMES) as (keyof Properties)[]

/** Properties that are absent are left out. */
export function propertiesToJson(properties: Properties): Record<string, Json> {
  const json: Record<string, Json> = {}
  for (const key of KEYS) {
    const value = properties[key]
    if (value !== null) json[NAMES[key][0]] = value instanceof Map ? tableToJson(value) : value
  }
  return json
}

/**
 * The same back; names that are no properties are passed over, as RabbitMQ does.
 *
 * @throws BrokerError preconditionFailed where a value is of the wrong kind
 */
export function propertiesFromJson(json: Readonly<Record<string, unknown>>): Properties {
  const properties = new Properties()
  for (const key of KEYS) {
    const [name, type] = NAMES[key]
    const value = json[name]
    if (value === undefined || value === null) continue
    if (type === 'table') properties.headers = tableFromJson(value)
    else if (type === 'number' ? Number.isSafeInteger(value) && (value as number) >= 0 : typeof value === 'string') {
      Object.assign(properties, { [key]: value })
    } else {
      throw preconditionFailed(`property ${name} has to be a ${type === 'number' ? 'whole number' : 'text'}`)
    }
  }
  return properties
}
