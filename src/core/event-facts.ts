import type { ClientConnection } from './client-connection.ts'
import type { Consumer } from './consumer.ts'
import type { Exchange } from './exchange.ts'
import type { Binding } from './exchanges/exchange-type.ts'
import { tableToJson } from './fields-json.ts'
import type { LoginConnection } from './identity.ts'
import type { Queue } from './queues/queue.ts'
import type { Session } from './session.ts'
import { type User, userToJson } from './users.ts'
import type { VHostMetadata } from './vhost.ts'

// What events say of the things they are about, by RabbitMQ's names.

type Facts = Record<string, unknown>

/** As RabbitMQ names channels. */
export const sessionName = ({ connection, number }: Session): string => `${connection.facts.name} (${number})`

export function connectionFacts({ facts, user, vhost, connectedAt, broker }: ClientConnection): Facts {
  const { network } = facts
  return {
    name: facts.name,
    user_provided_name: facts.givenName ?? '',
    type: network === null ? 'direct' : 'network',
    protocol: facts.protocol,
    user: user.name,
    vhost: vhost.name,
    node: broker.options.nodeName,
    connected_at: connectedAt,
    peer_host: facts.peerAddress,
    peer_port: facts.peerPort,
    host: network?.localAddress ?? '',
    port: network?.localPort ?? 0,
    ssl: network !== null && network.tls !== null,
    auth_mechanism: network?.mechanism ?? '',
    channel_max: network?.channelMax ?? 0,
    frame_max: network?.frameMaxBytes ?? 0,
    timeout: network?.heartbeatSec ?? 0,
    client_properties: tableToJson(facts.clientProperties),
  }
}

/** @param user '' where the client did not get as far as a name */
export const loginEventFacts = (user: string, peerAddress: string, connection: LoginConnection): Facts => ({
  name: user,
  connection_name: connection.name,
  connection_type: 'network',
  protocol: connection.protocol,
  auth_mechanism: connection.mechanism,
  peer_host: peerAddress,
  peer_port: connection.peerPort,
  host: connection.localAddress,
  ssl: connection.isTls,
})

export const sessionFacts = (session: Session): Facts => ({
  name: sessionName(session),
  number: session.number,
  connection: session.connection.facts.name,
  user: session.connection.user.name,
  vhost: session.vhost.name,
})

export const exchangeFacts = (vhost: string, exchange: Exchange): Facts => ({
  name: exchange.name,
  vhost,
  type: exchange.type,
  durable: exchange.durable,
  auto_delete: exchange.autoDelete,
  internal: exchange.internal,
  arguments: tableToJson(exchange.arguments),
})

export const queueFacts = (vhost: string, queue: Queue): Facts => ({
  name: queue.name,
  vhost,
  type: queue.type,
  durable: queue.durable,
  auto_delete: queue.autoDelete,
  exclusive: queue.owner !== null,
  arguments: tableToJson(queue.arguments),
})

export const bindingFacts = (vhost: string, { source, destination, key, arguments: args }: Binding): Facts => ({
  source_name: source,
  source_kind: 'exchange',
  destination_name: destination.name,
  destination_kind: destination.kind,
  routing_key: key,
  vhost,
  arguments: tableToJson(args),
})

export const consumerFacts = (consumer: Consumer): Facts => ({
  consumer_tag: consumer.tag,
  exclusive: consumer.exclusive,
  ack_required: !consumer.noAck,
  channel: sessionName(consumer.session),
  connection: consumer.connection.facts.name,
  queue: consumer.queue.name,
  prefetch_count: consumer.prefetch,
  arguments: tableToJson(consumer.arguments),
  vhost: consumer.session.vhost.name,
})

export const vhostFacts = ({ description, tags }: VHostMetadata): Facts => ({ description, tags })

/** @param event one of `userEvents` */
export function userFacts(event: string, user: User): Facts {
  const { name, tags } = user
  // as in RabbitMQ, where limits have a name of their own
  return event.startsWith('user.limits.')
    ? { name: 'limits', username: name, ...userToJson(user).limits }
    : { name, tags }
}

/** What a change of a user is told as. */
export function userEvents(user: User, previous: User | null): string[] {
  if (previous === null) return ['user.created']
  const events: string[] = []
  if (user.passwordHash !== previous.passwordHash) {
    events.push(user.passwordHash === '' ? 'user.password.cleared' : 'user.password.changed')
  }
  if (user.tags.join() !== previous.tags.join()) events.push('user.tags.set')
  const { maxConnections, maxChannels } = user.limits
  const changed = maxConnections !== previous.limits.maxConnections || maxChannels !== previous.limits.maxChannels
  if (changed)
    events.push(maxConnections === undefined && maxChannels === undefined ? 'user.limits.cleared' : 'user.limits.set')
  return events
}
