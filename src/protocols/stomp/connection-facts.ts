import type { ConnectionFacts } from '../../core/client-connection.ts'
import { bool, longstr } from '../../core/fields.ts'
import type { Peer } from '../../net/listener.ts'
import { connectionName, isLoopback } from '../peer-facts.ts'
import type { Version } from './frame.ts'

/** As connections show it. */
export const protocolName = ({ websocket }: Peer, version: Version): string =>
  `${websocket ? 'Web ' : ''}STOMP ${version}`

/** What management shows of a connection, as RabbitMQ shows it. */
export function connectionFacts(
  peer: Peer,
  client: { version: Version; sessionId: string; isImplicit: boolean; mechanism: string; heartbeatSec: number },
): ConnectionFacts {
  const { version, sessionId, isImplicit, mechanism, heartbeatSec } = client
  const { address, port, localAddress, localPort, tls } = peer
  return {
    name: connectionName(peer),
    protocol: protocolName(peer, version),
    givenName: null,
    peerAddress: address,
    peerPort: port,
    clientProperties: new Map([
      ['product', longstr('STOMP client')],
      ['session', longstr(sessionId)],
      ['implicit_connect', bool(isImplicit)],
    ]),
    loopback: isLoopback(peer),
    network: { localAddress, localPort, mechanism, channelMax: 1, frameMaxBytes: 0, heartbeatSec, tls },
  }
}
