import { Type } from 'typebox'
import type { Broker } from '../../core/broker.ts'
import { DIRECT_REPLY } from '../../core/direct-reply.ts'
import { preconditionFailed } from '../../core/errors.ts'
import { composeMessage, type Message, type Properties } from '../../core/message.ts'
import { applyHeaders, applyReplyTo, parseExpiration } from '../../core/publish-properties.ts'
import { QuietSink } from '../../core/quiet-sink.ts'
import type { Session } from '../../core/session.ts'
import { requireClientOf } from '../access.ts'
import { ApiError, badRequest } from '../api-error.ts'
import type { Routes } from '../app.ts'
import { asPublisher } from '../channel-error.ts'
import { actAs } from '../in-process.ts'
import { exchangeOf, requireName } from '../names.ts'
import { propertiesFromObject } from '../objects/properties.ts'
import { exactBodyOf, textOf } from '../request-body.ts'
import { described } from '../route-schema.ts'

const Publish = Type.Object({
  routing_key: Type.String(),
  properties: Type.Record(Type.String(), Type.Unknown(), { description: '`delivery_mode`, `headers` and so on' }),
  payload: Type.String(),
  payload_encoding: Type.Enum(['string', 'base64']),
})

export const publishRoutes: Routes = (app, { host: { broker } }) => {
  const options = described('Publish a message', { body: Publish, tag: 'Exchanges' })
  app.post('/exchanges/:vhost/:exchange/publish', options, async (request) => {
    const params = request.params as { vhost: string; exchange: string }
    requireClientOf(request, broker, params.vhost)
    requireNoAlarm(broker)
    const body = exactBodyOf(request, 'routing_key', 'properties', 'payload', 'payload_encoding')
    const payload = decode(body['payload'], body['payload_encoding'])
    const key = requireName('routing key', textOf(body['routing_key'], 'routing_key'))
    const properties = propertiesFromObject(body['properties'])
    const message = compose(broker, exchangeOf(params.exchange), key, properties, payload)
    const publisher = new Publisher()
    const routed = await asPublisher(() =>
      actAs(broker, request.caller!.user, params.vhost, (session) => publisher.publish(session, message), publisher),
    )
    return { routed }
  })
}

/** Whoever publishes over HTTP cannot be held back as AMQP clients are. @throws ApiError 503 */
function requireNoAlarm({ alarms }: Broker): void {
  if (alarms.active) throw new ApiError(503, 'resource_alarm', `publishers are held: ${alarms.reason}`)
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/** @throws ApiError 400 */
function decode(payload: unknown, encoding: unknown): Buffer {
  if (typeof payload !== 'string') throw badRequest('payload_not_string')
  if (encoding === 'string') return Buffer.from(payload)
  if (encoding !== 'base64') throw badRequest(['unsupported_encoding', encoding])
  const text = payload.replaceAll(/\s/g, '')
  if (!BASE64.test(text)) throw badRequest(['not_base64', payload])
  return Buffer.from(text, 'base64')
}

/** @throws ApiError 400 for what a message cannot carry */
function compose(broker: Broker, exchange: string, key: string, properties: Properties, body: Buffer): Message {
  try {
    return composeMessage(exchange, key, properties, body, broker.propertyFormat)
  } catch (error) {
    if (error instanceof RangeError) throw badRequest(`the properties cannot be sent: ${error.message}`)
    throw error
  }
}

/** Publishes one message, and hears what became of it. */
class Publisher extends QuietSink {
  readonly #answer = Promise.withResolvers<boolean>()
  #returned = false

  /** @returns whether it reached a queue, once all are sure to have it @throws BrokerError, ApiError */
  publish(session: Session, given: Message): Promise<boolean> {
    const { publishing, broker } = session
    publishing.selectConfirms()
    const message = this.#prepare(session, given)
    const { messageBytesMax: most } = broker.options
    if (message.bodyLength > most) {
      throw preconditionFailed(`message size ${message.bodyLength} is larger than configured max size ${most}`)
    }
    publishing.publish(publishing.access(message.exchange), message, true)
    return this.#answer.promise
  }

  #prepare(session: Session, given: Message): Message {
    const { headers, expiration, replyTo, userId } = given.properties()
    let message = given
    if (replyTo === DIRECT_REPLY) message = applyReplyTo(message, session.replyName())
    if (expiration !== null) message.ttlMs = parseExpiration(expiration)
    if (headers?.has('CC') === true || headers?.has('BCC') === true) message = applyHeaders(message)
    if (userId !== null) session.publishing.requireUserId(userId)
    return message
  }

  override returned(): void {
    this.#returned = true
  }

  override confirmed(): void {
    this.#answer.resolve(!this.#returned)
  }

  override rejected(): void {
    this.#answer.reject(badRequest('rejected Unable to publish message. Check queue limits.'))
  }
}
