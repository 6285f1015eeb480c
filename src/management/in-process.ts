import {
  type ClientConnection,
  type ConnectionFacts,
  type ConnectionSink,
  NO_TRAFFIC,
} from '../core/client-connection.ts'
import type { Broker } from '../core/broker.ts'
import type { Session, SessionSink } from '../core/session.ts'
import type { User } from '../core/users.ts'

/** What only declares, binds and deletes has nothing to be told. */
export const QUIET: SessionSink = {
  deliver() {},
  returned() {},
  cancelled: () => true,
  committed() {},
  timedOut() {},
  confirmed() {},
  rejected() {},
}

/**
 * Acts in a vhost as a user, with the same checks as any client, for as long as the call takes; nobody sees a connection of it. What is
 * changed is on disk when the promise resolves.
 * @throws BrokerError
 */
export async function actAs<T>(
  broker: Broker,
  user: User,
  vhost: string,
  act: (session: Session) => T | Promise<T>,
  sink: SessionSink = QUIET,
): Promise<T> {
  const connection = openFor(broker, user, vhost)
  try {
    return await act(connection.openSession(sink))
  } finally {
    connection.close()
    broker.turn.dispatch()
    await broker.commitMetadata()
  }
}

/** What a connection for a user may be told while it is open. */
export type InProcessSink = Partial<Omit<ConnectionSink, 'traffic'>>

/**
 * A connection of a user who is no client of the network: the caller closes it.
 * @param sink is told what the broker wants of the connection; being closed, it is closed in any case
 * @throws BrokerError notFound
 */
export function openFor(broker: Broker, user: User, vhost: string, sink: InProcessSink = {}): ClientConnection {
  const facts: ConnectionFacts = {
    name: `HTTP API for ${user.name}`,
    protocol: 'HTTP',
    givenName: null,
    peerAddress: '',
    peerPort: 0,
    clientProperties: new Map(),
    loopback: true,
    network: null,
  }
  let connection: ClientConnection | null = null
  const close = (text = ''): void => {
    sink.close?.(text)
    connection?.close()
  }
  const unheld = { block() {}, unblock() {}, hold() {}, release() {} }
  connection = broker.openInProcess(user, vhost, facts, {
    ...unheld,
    ...sink,
    close,
    drop: close,
    traffic: () => NO_TRAFFIC,
  })
  return connection
}
