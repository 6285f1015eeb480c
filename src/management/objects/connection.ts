import type { ClientConnection, NetworkFacts } from '../../core/client-connection.ts'
import { tableToJson } from '../../core/fields-json.ts'
import type { Ranges } from '../statistics/ranges.ts'
import { CONNECTIONS, CONNECTIONS_SHOWN } from '../statistics/series.ts'
import type { Statistics } from '../statistics/statistics.ts'
import { statsOf } from '../statistics/stats.ts'
import { collectorFacts } from './collector-facts.ts'
import type { Row } from './queue.ts'
import { tlsFacts } from './tls-facts.ts'

/** What is shown where statistics are not wanted, and of the connections of a user. */
export const renderConnectionName = ({ facts, vhost, user, broker }: ClientConnection): Row => ({
  name: facts.name,
  vhost: vhost.name,
  user: user.name,
  node: broker.options.nodeName,
})

export function renderConnection(connection: ClientConnection, statistics: Statistics, ranges: Ranges): Row {
  const { facts, user, channels, connectedAt } = connection
  const values: number[] = []
  CONNECTIONS.read(connection, values)
  const { receivedPackets, sentPackets, pendingBytes } = connection.traffic()
  const past = statistics.samples ? statistics.ofConnection(connection) : null
  return {
    ...renderConnectionName(connection),
    ...networkFacts(facts.network),
    ...statsOf(CONNECTIONS.keys, { values, shown: CONNECTIONS_SHOWN, past, range: ranges.data_rates }),
    type: facts.network === null ? 'direct' : 'network',
    protocol: facts.protocol,
    user_provided_name: facts.givenName ?? '',
    user_who_performed_action: user.name,
    client_properties: tableToJson(facts.clientProperties),
    connected_at: connectedAt,
    state: connectionState(connection),
    channels: channels.size,
    peer_host: facts.peerAddress,
    peer_port: facts.peerPort,
    recv_cnt: receivedPackets,
    send_cnt: sentPackets,
    send_pend: pendingBytes,
    garbage_collection: collectorFacts(),
  }
}

/** `blocked` after publishing during an alarm, `blocking` before; `flow` while the store does not keep up. */
export function connectionState({ closed, blocked, held, broker }: ClientConnection): string {
  if (closed) return 'closed'
  if (blocked) return 'blocked'
  if (broker.alarms.active) return 'blocking'
  return held ? 'flow' : 'running'
}

function networkFacts(network: NetworkFacts | null): Row {
  const tls = network?.tls ?? null
  const certificate = tls?.certificate ?? null
  const day = (time: number): string => new Date(time).toISOString().slice(0, 19)
  return {
    auth_mechanism: network?.mechanism ?? '',
    host: network?.localAddress ?? '',
    port: network?.localPort ?? 0,
    channel_max: network?.channelMax ?? 0,
    frame_max: network?.frameMaxBytes ?? 0,
    timeout: network?.heartbeatSec ?? 0,
    ssl: tls !== null,
    ...tlsFacts(tls),
    peer_cert_subject: certificate?.distinguishedName ?? null,
    peer_cert_issuer: certificate?.issuer ?? null,
    peer_cert_validity: certificate === null ? null : `${day(certificate.validFrom)}Z - ${day(certificate.validTo)}Z`,
  }
}
