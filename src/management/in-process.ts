import { type ClientConnection, type ConnectionFacts, NO_TRAFFIC } from '../core/client-connection.ts'
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
  const connection = openFor(broker, user, vhost, (reason) => {
    connection.close()
    ended.reject(preconditionFailed(reason))
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

/** @param onEnd the broker ends the connection, because the vhost or the user is gone */
function openFor(broker: Broker, user: Identity, vhost: string, onEnd: (reason: string) => void): ClientConnection {
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
  const drop = (): void => onEnd('the connection was closed')
  const unheld = { block() {}, unblock() {}, hold() {}, release() {}, traffic: () => NO_TRAFFIC }
  return broker.openInProcess(user, vhost, facts, { close: onEnd, drop, ...unheld })
}
