import { array, type Field, longstr, signedint, type Table, table, timestamp } from '../fields.ts'
import { composeMessage, type Message, Properties } from '../message.ts'
import { Queue } from '../queues/queue.ts'
import type { Target } from '../router.ts'
import { type Delivered, MessageObserver } from './message-observer.ts'
import type { Session } from '../session.ts'
import type { VHost } from '../vhost.ts'

const TRACE_EXCHANGE = 'amq.rabbitmq.trace'

/**
 * RabbitMQ's message tracer: while it is on, every publish and delivery of a vhost is copied to `amq.rabbitmq.trace`, with the key
 * `publish.<exchange>` or `deliver.<queue>`, the payload as it is, and all else in headers. What goes through the trace exchange itself is not
 * traced.
 */
export class Firehose extends MessageObserver {
  readonly #vhost: VHost

  constructor(vhost: VHost) {
    super()
    this.#vhost = vhost
  }

  override published(session: Session, message: Message, targets: readonly Target[]): void {
    if (message.exchange === TRACE_EXCHANGE) return
    const queues = targets.filter((target) => target instanceof Queue).map((queue) => longstr(queue.name))
    this.#emit(`publish.${message.exchange}`, message, [
      ...this.#facts(session, message),
      ['routed_queues', array(queues)],
    ])
  }

  override delivered(session: Session, { queue, message, redelivered }: Delivered): void {
    if (message.exchange === TRACE_EXCHANGE) return
    this.#emit(`deliver.${queue}`, message, [
      ...this.#facts(session, message),
      ['redelivered', signedint(redelivered ? 1 : 0)],
    ])
  }

  #facts(session: Session, message: Message): [string, Field][] {
    const { connection } = session
    return [
      ['exchange_name', longstr(message.exchange)],
      ['routing_keys', array([message.routingKey, ...(message.extraKeys ?? [])].map(longstr))],
      ['properties', table(propertyTable(message.properties()))],
      ['node', longstr(this.#vhost.broker.options.nodeName)],
      ['vhost', longstr(this.#vhost.name)],
      ['connection', longstr(connection.facts.name)],
      ['channel', signedint(session.number)],
      ['user', longstr(connection.user.name)],
    ]
  }

  #emit(key: string, message: Message, headers: [string, Field][]): void {
    const exchange = this.#vhost.exchanges.get(TRACE_EXCHANGE)
    if (exchange === undefined || exchange.bindings.size === 0) return
    const properties = new Properties()
    properties.headers = new Map(headers)
    const copy = composeMessage(TRACE_EXCHANGE, key, properties, message.body(), message.format)
    this.#vhost.give(copy, this.#vhost.tryRoute(exchange, copy) ?? [])
  }
}

/** Properties under the names of RabbitMQ's tracer. */
export function propertyTable(properties: Properties): Table {
  const result: Table = new Map()
  const text = (name: string, value: string | null): void => {
    if (value !== null) result.set(name, longstr(value))
  }
  text('content_type', properties.contentType)
  text('content_encoding', properties.contentEncoding)
  if (properties.headers !== null) result.set('headers', table(properties.headers))
  if (properties.deliveryMode !== null) result.set('delivery_mode', signedint(properties.deliveryMode))
  if (properties.priority !== null) result.set('priority', signedint(properties.priority))
  text('correlation_id', properties.correlationId)
  text('reply_to', properties.replyTo)
  text('expiration', properties.expiration)
  text('message_id', properties.messageId)
  if (properties.timestamp !== null) result.set('timestamp', timestamp(properties.timestamp))
  text('type', properties.type)
  text('user_id', properties.userId)
  text('app_id', properties.appId)
  text('cluster_id', properties.clusterId)
  return result
}
