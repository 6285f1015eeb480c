import { isUtf8 } from 'node:buffer'
import { setImmediate } from 'node:timers/promises'
import { Type } from 'typebox'
import { returnedProperties } from '../../core/delivered-properties.ts'
import type { Entry } from '../../core/queues/entry.ts'
import type { Session } from '../../core/session.ts'
import { requireClientOf } from '../access.ts'
import { badRequest } from '../api-error.ts'
import type { Routes } from '../app.ts'
import { asConsumer } from '../channel-error.ts'
import { actAs } from '../in-process.ts'
import { propertiesObject } from '../objects/properties.ts'
import { bodyOf, integerOf, type Json } from '../request-body.ts'
import { described } from '../route-schema.ts'
import { LIST_OF_OBJECTS } from '../openapi.ts'

/** What to do with a message that was fetched: settle it at once, or hold it until all are fetched, and then give it back or reject it. */
const ACK_MODES = {
  ack_requeue_true: { noAck: false, reject: null },
  ack_requeue_false: { noAck: true, reject: null },
  reject_requeue_true: { noAck: false, reject: { requeue: true } },
  reject_requeue_false: { noAck: false, reject: { requeue: false } },
} as const

const Get = Type.Object({
  count: Type.Integer({ description: 'Most messages to fetch' }),
  ackmode: Type.Enum(Object.keys(ACK_MODES)),
  encoding: Type.Enum(['auto', 'base64']),
  truncate: Type.Optional(Type.Integer({ minimum: 0, description: 'Bytes of each payload to show' })),
})

/** One answer has to fit into memory, whatever was asked for. */
const MESSAGES_MAX = 100_000
const BYTES_MAX = 64 * 1024 * 1024
/** Messages fetched in one go, before others have their turn. */
const PER_TURN = 500

export const queueGetRoutes: Routes = (app, { host: { broker } }) => {
  const options = described('Fetch messages of a queue', {
    body: Get,
    tag: 'Queues',
    answers: { 200: LIST_OF_OBJECTS },
  })
  app.post('/queues/:vhost/:queue/get', options, async (request) => {
    const { vhost, queue } = request.params as { vhost: string; queue: string }
    requireClientOf(request, broker, vhost)
    const wanted = requestOf(bodyOf(request))
    return asConsumer(() => actAs(broker, request.caller!.user, vhost, (session) => fetch(session, queue, wanted)))
  })
}

interface GetRequest {
  readonly count: number
  readonly mode: (typeof ACK_MODES)[keyof typeof ACK_MODES]
  readonly base64: boolean
  /** Null: whole payloads. */
  readonly truncate: number | null
}

/** @throws ApiError 400 */
function requestOf(given: Json): GetRequest {
  // up to RabbitMQ 3.6
  const { requeue } = given
  const body = requeue === undefined ? given : { ackmode: `ack_requeue_${String(requeue)}`, ...given }
  const missing = ['ackmode', 'count', 'encoding'].filter((key) => body[key] === undefined)
  if (missing.length > 0) throw badRequest(`[${missing.map((key) => `{key_missing,${key}}`).join(',')}]`)
  const { ackmode, encoding, truncate } = body
  if (typeof ackmode !== 'string' || !Object.hasOwn(ACK_MODES, ackmode)) {
    throw badRequest(`Unsupported ackmode. Please use ${Object.keys(ACK_MODES).join(', ')}.`)
  }
  if (encoding !== 'auto' && encoding !== 'base64') {
    throw badRequest('Unsupported encoding. Please use auto or base64.')
  }
  const bytes = truncate === undefined || truncate === null ? null : integerOf(truncate)
  if (bytes !== null && bytes < 0) throw badRequest('truncate is negative')
  const count = integerOf(body['count'])
  return {
    count: count < 0 ? MESSAGES_MAX : Math.min(count, MESSAGES_MAX),
    mode: ACK_MODES[ackmode as keyof typeof ACK_MODES],
    base64: encoding === 'base64',
    truncate: bytes,
  }
}

/** What is held goes back to its place when the session ends. @throws BrokerError */
async function fetch(session: Session, queue: string, wanted: GetRequest): Promise<Json[]> {
  const found: Json[] = []
  const tags: number[] = []
  let bytes = 0
  while (found.length < wanted.count && bytes < BYTES_MAX) {
    if (found.length > 0 && found.length % PER_TURN === 0) await setImmediate()
    const next = await fetchOne(session, queue, wanted)
    if (next === null) break
    found.push(next.shown)
    tags.push(next.tag)
    bytes += next.bytes
  }
  const { reject } = wanted.mode
  if (reject !== null) for (const tag of tags) session.reject(tag, reject.requeue)
  return found
}

interface Fetched {
  readonly tag: number
  readonly shown: Json
  /** Of the payload as shown. */
  readonly bytes: number
}

const fetchOne = (session: Session, queue: string, wanted: GetRequest): Promise<Fetched | null> =>
  new Promise((resolve) => {
    const take = (tag: number, entry: Entry, remaining: number): void => resolve(show(tag, entry, remaining, wanted))
    session.get(queue, wanted.mode.noAck, take, () => resolve(null))
  })

/** Its bytes are there during the call only. */
function show(tag: number, entry: Entry, remaining: number, { base64, truncate }: GetRequest): Fetched {
  const { message, redelivered } = entry
  const body = message.body()
  const part = truncate === null || truncate >= body.length ? body : body.subarray(0, truncate)
  // as with RabbitMQ, a text that is cut within a character is none
  const asText = !base64 && isUtf8(part)
  const shown = {
    payload_bytes: body.length,
    redelivered,
    exchange: message.exchange,
    routing_key: message.routingKey,
    message_count: remaining,
    properties: propertiesObject(returnedProperties(message, entry) ?? message.properties()),
    payload: part.toString(asText ? 'utf8' : 'base64'),
    payload_encoding: asText ? 'string' : 'base64',
  }
  return { tag, shown, bytes: part.length }
}
