import { sessionName } from '../../../core/event-facts.ts'
import type { Consumer } from '../../../core/consumer.ts'
import type { MessageCounters, PublishCounters } from '../../../core/message-counters.ts'
import type { Session } from '../../../core/session.ts'
import type { ManagementHost } from '../../management-host.ts'
import { label } from '../exposition.ts'
import { counter, type Family, gauge, type Metric } from '../metric.ts'

// RabbitMQ's label `channel` is a process; here it is the channel's name, as the management API has it.

function* sessionsOf({ broker }: ManagementHost): Generator<Session> {
  for (const { sessions } of broker.connections) yield* sessions
}

const labels = (session: Session): string => label('channel', sessionName(session))

export function channelMetrics(host: ManagementHost): Family<Session> {
  return {
    rows: () => sessionsOf(host),
    labels,
    metrics: [
      gauge('channel_consumers', 'Consumers on a channel', ({ consumers }) => consumers.size),
      gauge(
        'channel_messages_unacked',
        'Delivered but not yet acknowledged messages',
        ({ deliveries }) => deliveries.unacked.size,
      ),
      gauge(
        'channel_messages_unconfirmed',
        'Published but not yet confirmed messages',
        ({ publishing }) => publishing.confirms?.unconfirmed ?? 0,
      ),
      gauge(
        'channel_messages_uncommitted',
        'Messages received in a transaction but not yet committed',
        ({ publishing }) => publishing.uncommitted,
      ),
      gauge(
        'channel_acks_uncommitted',
        'Message acknowledgements in a transaction not yet committed',
        ({ deliveries }) => deliveries.uncommitted,
      ),
      gauge('consumer_prefetch', 'Limit of unacknowledged messages for each consumer', ({ prefetch }) => prefetch),
      gauge(
        'channel_prefetch',
        'Total limit of unacknowledged messages for all consumers on a channel',
        ({ deliveries }) => deliveries.sharedPrefetch,
      ),
    ],
  }
}

const workOf = (counters: MessageCounters): number =>
  counters.published +
  counters.confirmed +
  counters.delivered +
  counters.deliveredNoAck +
  counters.got +
  counters.gotNoAck +
  counters.getEmpty +
  counters.acknowledged

export function channelProcessMetrics(host: ManagementHost): Family<Session> {
  return {
    rows: () => sessionsOf(host),
    labels,
    metrics: [
      counter(
        'channel_process_reductions_total',
        'Total number of channel process reductions',
        ({ counters }) => workOf(counters),
        () => workOf(host.broker.messageCounters()),
      ),
    ],
  }
}

interface PublishRow {
  readonly session: Session
  readonly exchange: string
  readonly published: PublishCounters
}

function* publishesOf(host: ManagementHost): Generator<PublishRow> {
  for (const session of sessionsOf(host)) {
    for (const [exchange, published] of session.publishing.byExchange) yield { session, exchange, published }
  }
}

export function channelExchangeMetrics(host: ManagementHost): Family<PublishRow> {
  const counting = (
    name: string,
    help: string,
    value: (row: PublishRow) => number,
    total: (counters: MessageCounters) => number,
  ): Metric<PublishRow> => counter(name, help, value, () => total(host.broker.messageCounters()))
  return {
    rows: () => publishesOf(host),
    labels: ({ session, exchange }) =>
      `${labels(session)},${label('vhost', session.vhost.name)},${label('exchange', exchange)}`,
    metrics: [
      counting(
        'channel_messages_published_total',
        'Total number of messages published into an exchange on a channel',
        ({ published }) => published.published,
        ({ published }) => published,
      ),
      counting(
        'channel_messages_confirmed_total',
        'Total number of messages published into an exchange and confirmed on the channel',
        ({ published }) => published.confirmed,
        ({ confirmed }) => confirmed,
      ),
      counting(
        'channel_messages_unroutable_returned_total',
        'Total number of messages published as mandatory into an exchange and returned to the publisher as unroutable',
        ({ published }) => published.returned,
        ({ returned }) => returned,
      ),
      counting(
        'channel_messages_unroutable_dropped_total',
        'Total number of messages published as non-mandatory into an exchange and dropped as unroutable',
        ({ published }) => published.unroutable,
        ({ unroutable }) => unroutable,
      ),
    ],
  }
}

interface DeliveryRow {
  readonly session: Session
  readonly queue: string
  readonly consumers: readonly Consumer[]
  readonly fetched: MessageCounters | undefined
}

function* deliveriesOf(host: ManagementHost): Generator<DeliveryRow> {
  for (const session of sessionsOf(host)) {
    const byQueue = Map.groupBy(session.consumers.values(), ({ queue }) => queue.name)
    for (const queue of new Set([...byQueue.keys(), ...session.fetched.keys()])) {
      yield { session, queue, consumers: byQueue.get(queue) ?? [], fetched: session.fetched.get(queue) }
    }
  }
}

const sumOf = (consumers: readonly Consumer[], value: (consumer: Consumer) => number): number =>
  consumers.reduce((sum, consumer) => sum + value(consumer), 0)

export function channelQueueMetrics(host: ManagementHost): Family<DeliveryRow> {
  const counting = (
    name: string,
    help: string,
    value: (row: DeliveryRow) => number,
    total: (counters: MessageCounters) => number,
  ): Metric<DeliveryRow> => counter(name, help, value, () => total(host.broker.messageCounters()))
  return {
    rows: () => deliveriesOf(host),
    labels: ({ session, queue }) => `${labels(session)},${label('vhost', session.vhost.name)},${label('queue', queue)}`,
    metrics: [
      counting(
        'channel_get_ack_total',
        'Total number of messages fetched with basic.get in manual acknowledgement mode',
        ({ fetched }) => fetched?.got ?? 0,
        ({ got }) => got,
      ),
      counting(
        'channel_get_total',
        'Total number of messages fetched with basic.get in automatic acknowledgement mode',
        ({ fetched }) => fetched?.gotNoAck ?? 0,
        ({ gotNoAck }) => gotNoAck,
      ),
      counting(
        'channel_messages_delivered_ack_total',
        'Total number of messages delivered to consumers in manual acknowledgement mode',
        ({ consumers }) => sumOf(consumers, ({ noAck, delivered }) => (noAck ? 0 : delivered)),
        ({ delivered }) => delivered,
      ),
      counting(
        'channel_messages_delivered_total',
        'Total number of messages delivered to consumers in automatic acknowledgement mode',
        ({ consumers }) => sumOf(consumers, ({ noAck, delivered }) => (noAck ? delivered : 0)),
        ({ deliveredNoAck }) => deliveredNoAck,
      ),
      counting(
        'channel_messages_redelivered_total',
        'Total number of messages redelivered to consumers',
        ({ consumers, fetched }) => sumOf(consumers, ({ redelivered }) => redelivered) + (fetched?.redelivered ?? 0),
        ({ redelivered }) => redelivered,
      ),
      counting(
        'channel_messages_acked_total',
        'Total number of messages acknowledged by consumers',
        ({ consumers }) => sumOf(consumers, ({ acknowledged }) => acknowledged),
        ({ acknowledged }) => acknowledged,
      ),
      counting(
        'channel_get_empty_total',
        'Total number of times basic.get operations fetched no message',
        ({ fetched }) => fetched?.getEmpty ?? 0,
        ({ getEmpty }) => getEmpty,
      ),
    ],
  }
}
