import { encodeProperties, propertiesFromJson, type Properties } from '../../amqp-client/index.ts'
import { readNamedFile } from '../named-file.ts'
import type { ProducerConfig } from './config.ts'
import { Schedule } from './schedule.ts'
import { STAMP_BYTES, STAMP_HEADER, writeStamp } from './stamp.ts'

/** From here on the client sends bodies from where they lie: they must not change any more. */
const UNCOPIED_BYTES = 32 * 1024

/** A message that is about to be published; valid until the next one is asked for. */
export interface Outgoing {
  readonly properties: Uint8Array
  readonly body: Buffer
}

/** Makes messages, each with the time at which it is made. */
export interface MessageSource {
  /** @param us the time; @param elapsedSec since the start */
  next(us: number, elapsedSec: number): Outgoing
}

export function createSource(config: ProducerConfig): MessageSource {
  if (config.bodies.length > 0) return fileSource(config)
  const size = new Schedule(config.size)
  const largest = Math.max(...size.steps.map(({ value }) => value))
  return largest < UNCOPIED_BYTES ? stampedBodies(config, size) : stampedHeaders(config, size)
}

function basicProperties({ persistent, properties }: ProducerConfig): Properties {
  const { headers, ...rest } = sortProperties(properties)
  return propertiesFromJson({ delivery_mode: persistent ? 2 : 1, ...rest, headers })
}

const PROPERTY_NAMES = new Set([
  'content_type',
  'content_encoding',
  'delivery_mode',
  'priority',
  'correlation_id',
  'reply_to',
  'expiration',
  'message_id',
  'timestamp',
  'type',
  'user_id',
  'app_id',
  'cluster_id',
])
const NUMBERS = new Set(['delivery_mode', 'priority', 'timestamp'])

/** As in PerfTest: what is no property is a header, and dashes or camel case are as good as underscores. */
function sortProperties(given: ProducerConfig['properties']): Record<string, unknown> {
  const headers: Record<string, unknown> = {}
  const properties: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(given)) {
    const name = key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`).replaceAll('-', '_')
    if (!PROPERTY_NAMES.has(name)) headers[key] = value
    else properties[name] = NUMBERS.has(name) ? Number(value) : String(value)
  }
  return { ...properties, headers }
}

/** The client copies small bodies: one buffer serves all messages of a size. */
function stampedBodies(config: ProducerConfig, size: Schedule): MessageSource {
  const properties = encodeProperties(basicProperties(config))
  const bodies = new Map(size.steps.map(({ value }) => [value, Buffer.alloc(Math.max(value, STAMP_BYTES))]))
  let sequence = 0
  const outgoing = { properties, body: bodies.get(size.at(0))! }
  return {
    next(us, elapsedSec) {
      if (!size.isConstant) outgoing.body = bodies.get(size.at(elapsedSec))!
      writeStamp(outgoing.body, sequence++, us)
      return outgoing
    },
  }
}

function stampedHeaders(config: ProducerConfig, size: Schedule): MessageSource {
  const stamp = headerStamper(config)
  const bodies = new Map(size.steps.map(({ value }) => [value, Buffer.alloc(value)]))
  return { next: (us, elapsedSec) => ({ properties: stamp(us), body: bodies.get(size.at(elapsedSec))! }) }
}

function fileSource(config: ProducerConfig): MessageSource {
  const stamp = headerStamper(config)
  const bodies = config.bodies.map(readNamedFile)
  let next = 0
  return {
    next(us) {
      next = (next + 1) % bodies.length
      return { properties: stamp(us), body: bodies[next]! }
    },
  }
}

const PLACEHOLDER = 1.2345e300

/** Encoded once; then only the eight bytes of the time change, which the client has copied when it returns. */
function headerStamper(config: ProducerConfig): (us: number) => Uint8Array {
  const properties = basicProperties(config)
  properties.headers ??= new Map()
  properties.headers.set(STAMP_HEADER, { type: 'double', value: PLACEHOLDER })
  const encoded = Buffer.from(encodeProperties(properties))
  const marker = Buffer.alloc(8)
  marker.writeDoubleBE(PLACEHOLDER)
  const offset = encoded.indexOf(marker)
  return (us) => {
    encoded.writeDoubleBE(us, offset)
    return encoded
  }
}
