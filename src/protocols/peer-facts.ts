import type { LoginFacts } from '../core/identity.ts'
import type { Peer } from '../net/listener.ts'

/** Whether a client is on this machine. */
export const isLoopback = ({ address }: Peer): boolean => address.startsWith('127.') || address === '::1'

/** As RabbitMQ names connections: `127.0.0.1:50000 -> 127.0.0.1:5672`. */
export const connectionName = ({ address, port, localAddress, localPort }: Peer): string =>
  `${hostOf(address)}:${port} -> ${hostOf(localAddress)}:${localPort}`

/** As in a URL: IPv6 addresses in brackets. */
const hostOf = (address: string): string => (address.includes(':') ? `[${address}]` : address)

/** @param countedAs the protocol as logins are counted @param protocol as connections show it */
export function loginFacts(peer: Peer, countedAs: string, protocol: string, mechanism: string): LoginFacts {
  const { address, port, localAddress, tls } = peer
  const connection = () => ({
    name: connectionName(peer),
    protocol,
    mechanism,
    peerPort: port,
    localAddress,
    isTls: tls !== null,
  })
  return { loopback: isLoopback(peer), protocol: countedAs, address, connection }
}
