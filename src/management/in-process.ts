import {
  type ClientConnection,
  type ConnectionFacts,
  type ConnectionSink,
  NO_TRAFFIC,
} from '../core/client-connection.ts'
import type { Broker } from '../core/broker.ts'
import { preconditionFailed } from '../core/errors.ts'
import { QuietSink } from '../core/quiet-sink.ts'
import type { Identity } from '../core/identity.ts'
import type { Session, SessionSink } from '../core/session.ts'
import { whenDecided } from '../core/undecided.ts'

const QUIET = new QuietSink()

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
  const ended = Promise.withResolvers<never>()
  // where nobody waits for it any more
  ended.promise.catch(() => {})
  const connection = openFor(broker, user, vhost, {
    onEnd: (reason) => {
      connection.close()
      ended.reject(preconditionFailed(reason))
    },
  })
  try {
    const session = connection.openSession(sink)
    return await Promise.race([whenDecided(() => (session.closed ? ended.promise : act(session))), ended.promise])
  } finally {
    connection.close()
    broker.turn.dispatch()
    await broker.commitMetadata()
  }
}

/**
 * Changes something of the broker that no vhost holds, on behalf of a user. What is changed is on disk when the promise resolves.
 * @throws BrokerError
 */
export async function changeAs<T>(broker: Broker, user: Identity, change: () => T): Promise<T> {
  try {
    return broker.events.as(user.name, change)
  } finally {
    await broker.commitMetadata()
  }
}

/** What a connection for a user may be told while it is open. */
export type InProcessSink = Partial<Omit<ConnectionSink, 'close' | 'drop' | 'traffic'>> & {
  /** The broker ends the connection, because the vhost or the user is gone. */
  onEnd(reason: string): void
}

/**
 * A connection of a user who is no client of the network: whoever opens it closes it.
 * @throws BrokerError notFound
 */
export function openFor(broker: Broker, user: Identity, vhost: string, sink: InProcessSink): ClientConnection {
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
  const unheld = { block() {}, unblock() {}, hold() {}, release() {}, traffic: () => NO_TRAFFIC }
  const drop = (): void => sink.onEnd('the connection was closed')
  return broker.openInProcess(user, vhost, facts, { ...unheld, ...sink, close: (text) => sink.onEnd(text), drop })
}
