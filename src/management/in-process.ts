import { type ClientConnection, type ConnectionFacts, NO_TRAFFIC } from '../core/client-connection.ts'
import type { Broker } from '../core/broker.ts'
import type { Session, SessionSink } from '../core/session.ts'
import type { Identity } from '../core/identity.ts'
import { whenDecided } from '../core/undecided.ts'

/** What only declares, binds and deletes has nothing to be told. */
const QUIET: SessionSink = {
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
 * @param act called again where it asks for a permission that a back end has to be asked for: so one change at a time
 * @throws BrokerError
 */
export async function actAs<T>(
  broker: Broker,
  user: Identity,
  vhost: string,
  act: (session: Session) => T | Promise<T>,
  sink: SessionSink = QUIET,
): Promise<T> {
  const connection = openFor(broker, user, vhost)
  try {
    const session = connection.openSession(sink)
    return await whenDecided(() => act(session))
  } finally {
    connection.close()
    broker.turn.dispatch()
    await broker.commitMetadata()
  }
}

function openFor(broker: Broker, user: Identity, vhost: string): ClientConnection {
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
  const close = (): void => connection?.close()
  const unheld = { block() {}, unblock() {}, hold() {}, release() {}, traffic: () => NO_TRAFFIC }
  connection = broker.openInProcess(user, vhost, facts, { close, drop: close, ...unheld })
  return connection
}
