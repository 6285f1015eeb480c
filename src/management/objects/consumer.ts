import type { Consumer } from '../../core/consumer.ts'
import { tableToJson } from '../../core/fields-json.ts'
import { channelDetails } from './channel-details.ts'
import type { Row } from './queue.ts'

export function renderConsumer(consumer: Consumer): Row {
  const { queue, session } = consumer
  const status = activityOf(consumer)
  return {
    consumer_tag: consumer.tag,
    queue: { name: queue.name, vhost: session.vhost.name },
    channel_details: channelDetails(session),
    ack_required: !consumer.noAck,
    exclusive: consumer.exclusive,
    active: status !== 'waiting',
    activity_status: status,
    prefetch_count: consumer.prefetch,
    // as in RabbitMQ 4 always a number; 0 where it may take its time
    consumer_timeout: queue.ackTimeoutOf(consumer),
    arguments: tableToJson(consumer.arguments),
    // WarrenMQ's own: who sits on messages
    messages_unacknowledged: consumer.unacked,
  }
}

/** Where one consumer alone is served, the others wait. */
function activityOf(consumer: Consumer): 'up' | 'single_active' | 'waiting' {
  const { dispatcher, settings } = consumer.queue
  if (!settings.singleActiveConsumer) return 'up'
  return dispatcher.active === consumer ? 'single_active' : 'waiting'
}
