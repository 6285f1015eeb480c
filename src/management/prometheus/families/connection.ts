import type { ClientConnection } from '../../../core/client-connection.ts'
import type { ManagementHost } from '../../management-host.ts'
import { label } from '../exposition.ts'
import { counter, type Family, gauge } from '../metric.ts'

// RabbitMQ's label is `channel` for connections as well, and its value a process; here it is the connection's name.

const labels = ({ facts }: ClientConnection): string => label('channel', facts.name)

/** Of connections that are closed. */
function pastTraffic({ broker }: ManagementHost, key: 'receivedBytes' | 'sentBytes'): number {
  let sum = 0
  for (const { pastTraffic: past } of broker.vhosts.values()) sum += past[key]
  for (const connection of broker.connections) sum += connection.traffic()[key]
  return sum
}

export function connectionCoarseMetrics(host: ManagementHost): Family<ClientConnection> {
  return {
    rows: () => host.broker.connections,
    labels,
    metrics: [
      counter(
        'connection_incoming_bytes_total',
        'Total number of bytes received on a connection',
        (connection) => connection.traffic().receivedBytes,
        () => pastTraffic(host, 'receivedBytes'),
      ),
      counter(
        'connection_outgoing_bytes_total',
        'Total number of bytes sent on a connection',
        (connection) => connection.traffic().sentBytes,
        () => pastTraffic(host, 'sentBytes'),
      ),
      counter('connection_process_reductions_total', 'Total number of connection process reductions', (connection) => {
        const { receivedPackets, sentPackets } = connection.traffic()
        return receivedPackets + sentPackets
      }),
    ],
  }
}

export function connectionMetrics(host: ManagementHost): Family<ClientConnection> {
  return {
    rows: () => host.broker.connections,
    labels,
    metrics: [
      counter(
        'connection_incoming_packets_total',
        'Total number of packets received on a connection',
        (connection) => connection.traffic().receivedPackets,
      ),
      counter(
        'connection_outgoing_packets_total',
        'Total number of packets sent on a connection',
        (connection) => connection.traffic().sentPackets,
      ),
      gauge(
        'connection_pending_packets',
        'Number of packets waiting to be sent on a connection',
        (connection) => connection.traffic().pendingBytes,
      ),
      gauge('connection_channels', 'Channels on a connection', ({ channels }) => channels.size),
    ],
  }
}
