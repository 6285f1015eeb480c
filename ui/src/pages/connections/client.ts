import type { Connection } from '../../api/connections.ts'
import { count, NONE } from '../../format.ts'
import { may, user } from '../../state/session.ts'

function property({ client_properties: properties }: Connection, name: string): string {
  const value = properties?.[name]
  return typeof value === 'string' ? value : ''
}

/** Which client library it is, as far as it says: `amqplib 2.3.1`. */
export const clientName = (connection: Connection): string =>
  `${property(connection, 'product')} ${property(connection, 'version')}`.trim()

/** One's own, or anybody's as an administrator. */
export const mayClose = (connection: Connection): boolean =>
  may.administrate.value || connection.user === user.value?.name

/** How an MQTT client calls itself; '' for other clients. */
export const clientId = (connection: Connection): string => property(connection, 'client_id')

/** What a client calls itself, however its protocol has it do so; '' where it does not. */
export const givenName = (connection: Connection): string => connection.user_provided_name || clientId(connection)

/** Whether its protocol has channels: `AMQP 0-9-1`, and `Direct 0-9-1` for what runs in the broker. */
export const hasChannels = ({ protocol }: Connection): boolean => /^(AMQP|Direct) 0/.test(protocol)

/** Whether it speaks MQTT, over WebSocket or not. */
export const isMqtt = ({ protocol }: Connection): boolean => /^(Web )?MQTT /.test(protocol)

/** How many channels it has; – where its protocol has none, whatever the broker uses in their place. */
export const channelCount = (connection: Connection): string =>
  hasChannels(connection) ? count(connection.channels) : NONE
