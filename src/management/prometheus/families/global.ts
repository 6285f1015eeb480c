import { MessageCounters } from '../../../core/message-counters.ts'
import { QueueCounters } from '../../../core/queues/queue-host.ts'
import type { DeathReason } from '../../../core/message.ts'
import type { ManagementHost } from '../../management-host.ts'
import { labelsOf } from '../exposition.ts'
import { counter, type Family, gauge, type Metric } from '../metric.ts'
import { consumerCount } from './node.ts'

// `rabbitmq_global_*`: of the node since its start, by protocol and type of queue.

/** What comes over HTTP, or from within, is counted as AMQP 0-9-1, as it is in RabbitMQ. */
const PROTOCOL = 'amqp091'

/** Of all queues of a type, those that are gone included. */
function countersOf({ broker }: ManagementHost, type: string): QueueCounters {
  const sum = new QueueCounters()
  const past = broker.counters.pastQueues.get(type)
  if (past !== undefined) sum.add(past)
  for (const { queues } of broker.vhosts.values()) {
    for (const queue of queues.values()) if (queue.type === type) sum.add(queue.counters)
  }
  return sum
}

/** What one protocol has done. */
interface ProtocolRow {
  readonly protocol: string
  readonly messages: MessageCounters
  receivedConfirm: number
  routed: number
  publishers: number
  consumers: number
}

const rowOf = (protocol: string, past: MessageCounters | undefined): ProtocolRow => {
  const messages = new MessageCounters()
  if (past !== undefined) messages.add(past)
  return { protocol, messages, receivedConfirm: 0, routed: 0, publishers: 0, consumers: 0 }
}

/** By protocol; the first is AMQP 0-9-1, with all that no other protocol has done. */
function protocolRows({ broker }: ManagementHost): ProtocolRow[] {
  const { counters } = broker
  const amqp = rowOf(PROTOCOL, counters.pastMessages)
  amqp.receivedConfirm = counters.pastConfirmPublished
  const others = new Map([...counters.pastCountedAs].map(([name, past]) => [name, rowOf(name, past)]))
  for (const { publishing, consumers, connection, counters: session } of broker.sessions()) {
    const { countedAs } = connection.facts
    let row = countedAs === undefined ? amqp : others.get(countedAs)
    if (row === undefined) others.set(countedAs!, (row = rowOf(countedAs!, undefined)))
    row.messages.add(session)
    if (publishing.confirms !== null) row.receivedConfirm += session.published
    if (publishing.byExchange.size > 0) row.publishers++
    row.consumers += consumers.size
  }
  amqp.routed = counters.pastPublishedOut
  for (const { exchanges } of broker.vhosts.values()) {
    for (const { publishedOut } of exchanges.values()) amqp.routed += publishedOut
  }
  amqp.consumers = consumerCount(broker)
  for (const [name, row] of others) {
    row.receivedConfirm += row.messages.toConfirm
    row.routed = row.messages.routed
    amqp.routed -= row.routed
    amqp.consumers -= row.consumers
    const past = counters.pastCountedAs.get(name)
    if (past !== undefined) amqp.messages.subtract(past)
  }
  return [amqp, ...others.values()]
}

export function globalProtocolMetrics(host: ManagementHost): Family<ProtocolRow> {
  const rows = protocolRows(host)
  const total = (name: string, help: string, value: (row: ProtocolRow) => number): Metric<ProtocolRow> =>
    counter(`global_messages_${name}_total`, `Total number of messages ${help}`, value)
  return {
    rows: () => rows,
    labels: ({ protocol }) => labelsOf({ protocol }),
    metrics: [
      total('received', 'received from publishers', ({ messages }) => messages.published),
      total(
        'received_confirm',
        'received from publishers expecting confirmations',
        ({ receivedConfirm }) => receivedConfirm,
      ),
      total('routed', 'routed to queues or streams', ({ routed }) => routed),
      total('confirmed', 'confirmed to publishers', ({ messages }) => messages.confirmed),
      total(
        'unroutable_dropped',
        'published as non-mandatory into an exchange and dropped as unroutable',
        ({ messages }) => messages.unroutable,
      ),
      total(
        'unroutable_returned',
        'published as mandatory into an exchange and returned to the publisher as unroutable',
        ({ messages }) => messages.returned,
      ),
      gauge('global_publishers', 'Current number of publishers', ({ publishers }) => publishers),
      gauge('global_consumers', 'Current number of consumers', ({ consumers }) => consumers),
    ],
  }
}

interface TypeRow {
  readonly moduleName: string
  readonly counters: QueueCounters
}

export function globalQueueTypeMetrics(host: ManagementHost): Family<TypeRow> {
  const rows = [...host.broker.queueTypes.values()].map(({ name, moduleName }) => ({
    moduleName,
    counters: countersOf(host, name),
  }))
  const total = (name: string, help: string, value: (counters: QueueCounters) => number): Metric<TypeRow> =>
    counter(`global_messages_${name}_total`, `Total number of ${help}`, ({ counters }) => value(counters))
  const delivered = 'messages delivered to consumers'
  return {
    rows: () => rows,
    labels: ({ moduleName }) => labelsOf({ protocol: PROTOCOL, queue_type: moduleName }),
    metrics: [
      total('acknowledged', 'messages acknowledged by consumers', ({ acknowledged }) => acknowledged),
      total(
        'delivered',
        delivered,
        (counters) => counters.delivered + counters.deliveredNoAck + counters.got + counters.gotNoAck,
      ),
      total(
        'delivered_consume_auto_ack',
        `${delivered} using basic.consume with automatic acknowledgment`,
        ({ deliveredNoAck }) => deliveredNoAck,
      ),
      total(
        'delivered_consume_manual_ack',
        `${delivered} using basic.consume with manual acknowledgment`,
        (counters) => counters.delivered,
      ),
      total(
        'delivered_get_auto_ack',
        `${delivered} using basic.get with automatic acknowledgment`,
        ({ gotNoAck }) => gotNoAck,
      ),
      total('delivered_get_manual_ack', `${delivered} using basic.get with manual acknowledgment`, ({ got }) => got),
      total('get_empty', 'times basic.get operations fetched no message', ({ getEmpty }) => getEmpty),
      total('redelivered', 'messages redelivered to consumers', ({ redelivered }) => redelivered),
    ],
  }
}

interface DeathRow {
  readonly moduleName: string
  readonly strategy: string
  readonly deaths: Readonly<Record<DeathReason, number>>
}

const NO_DEATHS: DeathRow['deaths'] = { rejected: 0, expired: 0, maxlen: 0, delivery_limit: 0 }

const WHY: Readonly<Record<DeathReason, string>> = {
  delivery_limit: 'due to delivery-limit exceeded',
  expired: 'due to message TTL exceeded',
  maxlen: 'due to overflow drop-head or reject-publish-dlx',
  rejected: 'due to basic.reject or basic.nack',
}

/** RabbitMQ's `disabled` is what would have been dead-lettered, in a queue that does not. */
export function globalDeadLetterMetrics(host: ManagementHost): Family<DeathRow>[] {
  const { broker } = host
  const rows = [...broker.queueTypes.values()].flatMap(({ name, moduleName }): DeathRow[] => {
    const counted = broker.counters.deadLetters.get(name)
    return [
      { moduleName, strategy: 'at_most_once', deaths: counted?.['at-most-once'] ?? NO_DEATHS },
      { moduleName, strategy: 'at_least_once', deaths: counted?.['at-least-once'] ?? NO_DEATHS },
      { moduleName, strategy: 'disabled', deaths: countersOf(host, name).droppedFor },
    ]
  })
  const labels = ({ moduleName, strategy }: DeathRow): string =>
    labelsOf({ queue_type: moduleName, dead_letter_strategy: strategy })
  const metrics = Object.entries(WHY).map(([reason, why]) =>
    counter<DeathRow>(
      `global_messages_dead_lettered_${reason}_total`,
      `Total number of messages dead-lettered ${why}`,
      ({ deaths }) => deaths[reason as DeathReason],
    ),
  )
  // a dead letter counts here once its targets have taken it
  const confirmed = counter<DeathRow>(
    'global_messages_dead_lettered_confirmed_total',
    'Total number of messages dead-lettered and confirmed by target queues',
    ({ deaths }) => Object.values(deaths).reduce((sum, count) => sum + count, 0),
  )
  const safe = (): DeathRow[] => rows.filter(({ strategy }) => strategy === 'at_least_once')
  return [
    { rows: () => rows, labels, metrics },
    { rows: safe, labels, metrics: [confirmed] },
  ]
}
