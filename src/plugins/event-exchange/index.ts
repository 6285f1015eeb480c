import type { BrokerEvent } from '../../core/events.ts'
import { long, longstr, type Table } from '../../core/fields.ts'
import { tableFromJson } from '../../core/fields-json.ts'
import { Properties } from '../../core/message.ts'
import { Announcer } from '../announcer.ts'
import { definePlugin, type Plugin } from '../plugin.ts'

const EVENT_EXCHANGE = 'amq.rabbitmq.event'
const NO_BODY = new Uint8Array()

/**
 * Publishes what happens in the broker to `amq.rabbitmq.event`, as RabbitMQ's plugin rabbitmq_event_exchange does: the routing key is the name
 * of the event, all else is in headers, the body is empty. Arguments are tables here, where RabbitMQ prints Erlang terms.
 * @param vhost where the exchange is
 */
export const eventExchange = (vhost: string): Plugin =>
  definePlugin({
    name: 'event-exchange',
    start({ broker, onEvent }) {
      const announcer = new Announcer(broker, vhost, EVENT_EXCHANGE)
      onEvent(
        (event) => {
          if (event.vhost === vhost) announcer.declare()
        },
        ['vhost.created'],
      )
      onEvent(
        (event) => announcer.announce(event.name, () => ({ properties: propertiesOf(event), body: NO_BODY })),
        () => announcer.isHeard,
      )
    },
  })

function propertiesOf({ at, actor, facts }: BrokerEvent): Properties {
  const properties = new Properties()
  const headers: Table = tableFromJson(facts)
  headers.set('timestamp_in_ms', long(at))
  headers.set('user_who_performed_action', longstr(actor))
  properties.headers = headers
  properties.deliveryMode = 2
  properties.timestamp = Math.floor(at / 1000)
  return properties
}
