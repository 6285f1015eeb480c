import type { ConnectionFacts } from '../../core/client-connection.ts'
import { longstr } from '../../core/fields.ts'
import type { Peer } from '../../net/listener.ts'
import { connectionName, isLoopback } from '../peer-facts.ts'
import type { Version } from './wire/packets.ts'

/** As RabbitMQ 4 writes them. */
const VERSIONS: Readonly<Record<Version, string>> = { 3: '3-1', 4: '3-1-1', 5: '5-0' }

/** As connections show it. */
export const protocolName = ({ websocket }: Peer, version: Version): string =>
  `${websocket ? 'Web ' : ''}MQTT ${VERSIONS[version]}`

/** As RabbitMQ's metrics have them. */
const COUNTED_AS: Readonly<Record<Version, string>> = { 3: 'mqtt310', 4: 'mqtt311', 5: 'mqtt50' }

/** What management shows of a connection, as RabbitMQ shows it. */
export function connectionFacts(
  peer: Peer,
  client: { version: Version; clientId: string; mechanism: string; keepAliveSec: number },
): ConnectionFacts {
  const { address, port, localAddress, localPort, tls } = peer
  const { version, clientId, mechanism, keepAliveSec } = client
  return {
    name: connectionName(peer),
    protocol: protocolName(peer, version),
    givenName: clientId,
    peerAddress: address,
    peerPort: port,
    clientProperties: new Map([
      ['client_id', longstr(clientId)],
      ['product', longstr('MQTT client')],
    ]),
    loopback: isLoopback(peer),
    topicVariables: { client_id: clientId },
    hasChannels: false,
    countedAs: COUNTED_AS[version],
    network: { localAddress, localPort, mechanism, channelMax: 0, frameMaxBytes: 0, heartbeatSec: keepAliveSec, tls },
  }
}
