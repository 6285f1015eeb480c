import { tableToJson, type Delivery } from '../../amqp-client/index.ts'
import { bodyFields, type MessageLine } from './message-line.ts'

/** A copy from `amq.rabbitmq.trace`: what happened, and the message that it happened to. */
export interface FirehoseCopy {
  readonly event: 'publish' | 'deliver'
  /** Queues that it went to, or the one that it came from. */
  readonly queues: readonly string[]
  readonly message: MessageLine
}

interface Headers {
  readonly exchange_name?: string
  readonly routing_keys?: readonly string[]
  readonly properties?: Readonly<Record<string, unknown>>
  readonly vhost?: string
  readonly redelivered?: number | boolean
  readonly routed_queues?: readonly string[]
}

/** Routing keys are `publish.EXCHANGE` and `deliver.QUEUE`, the facts are headers, the body is the message's own. */
export function readFirehose(delivery: Delivery): FirehoseCopy {
  const { headers } = delivery.properties
  const facts = (headers === null ? {} : tableToJson(headers)) as Headers
  const [, event, name = ''] = /^(publish|deliver)\.?(.*)$/s.exec(delivery.routingKey) ?? []
  const isPublish = event === 'publish'
  const queues = isPublish ? (facts.routed_queues ?? []) : [name]
  return {
    event: isPublish ? 'publish' : 'deliver',
    queues,
    message: {
      vhost: facts.vhost ?? null,
      queue: queues[0] ?? null,
      exchange: facts.exchange_name ?? '',
      routing_key: facts.routing_keys?.[0] ?? '',
      redelivered: facts.redelivered === true || facts.redelivered === 1,
      properties: facts.properties ?? {},
      ...bodyFields(delivery.body),
    },
  }
}
