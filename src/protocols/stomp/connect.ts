import { randomBytes } from 'node:crypto'
import type { ClientConnection, ConnectionSink } from '../../core/client-connection.ts'
import { BrokerError } from '../../core/errors.ts'
import type { Identity, LoginFacts, LoginOutcome } from '../../core/identity.ts'
import { whenDecided } from '../../core/undecided.ts'
import type { Peer } from '../../net/listener.ts'
import { certificateUser } from '../../net/tls.ts'
import { loginFacts } from '../peer-facts.ts'
import { connectionFacts, protocolName } from './connection-facts.ts'
import { StompError } from './errors.ts'
import { Frame, VERSIONS, type Version } from './frame.ts'
import { type HeartBeatWish, inWholeSeconds, parseHeartBeat } from './heart-beat.ts'
import type { StompSettings } from './settings.ts'

/** A client that has been let in. */
export interface Connected {
  readonly connection: ClientConnection
  readonly version: Version
  readonly heartBeat: HeartBeatWish
  /** Part of the ids of all messages that it gets. */
  readonly sessionId: string
}

interface Login {
  readonly user: string
  readonly mechanism: string
  readonly outcome: LoginOutcome | Promise<LoginOutcome>
}

/** Of a client that leaves CONNECT out, where it may. */
export const IMPLICIT_CONNECT = new Frame('CONNECT', new Map())

/** @throws StompError where there is no version that both sides know */
export function versionOf(frame: Frame): Version {
  const given = frame.get('accept-version')
  if (given === null) return '1.0'
  const accepted = new Set(given.split(',').map((version) => version.trim()))
  const version = VERSIONS.find((known) => accepted.has(known))
  if (version === undefined) {
    const known = [...VERSIONS].reverse().join(',')
    throw new StompError('Version mismatch', `Supported versions are ${known}\n`, true)
  }
  return version
}

/**
 * From CONNECT to a connection of the broker. Rejects with a StompError, which ends the connection.
 * @param isWanted whether the client is still there
 */
export async function connect(
  frame: Frame,
  peer: Peer,
  settings: StompSettings,
  sink: ConnectionSink,
  isWanted: () => boolean,
): Promise<Connected | null> {
  const version = versionOf(frame)
  const heartBeat = parseHeartBeat(frame.get('heart-beat'))
  const vhost = frame.get('host') ?? settings.defaultVhost
  const { user, mechanism, outcome } = logIn(frame, version, peer, settings)
  const found = await outcome
  if (found.outcome === 'refused') {
    settings.broker.limitedLog.warn(`login ${peer.address}`, 'login refused', {
      peer: peer.address,
      reason: found.reason,
    })
    if (found.misplaced === true) throw badConnect('non-loopback access denied')
    throw badConnect(`Access refused for user '${user}'\n`)
  }
  const { identity } = found
  await enter(identity, vhost, settings)
  if (!isWanted()) return null
  const heartbeatSec = inWholeSeconds(heartBeat.wants) / 1000
  const sessionId = `session-${randomBytes(16).toString('base64url')}`
  const isImplicit = frame === IMPLICIT_CONNECT
  const facts = connectionFacts(peer, { version, sessionId, isImplicit, mechanism, heartbeatSec })
  const connection = open(() => settings.broker.openConnection(identity, vhost, facts, sink))
  return { connection, version, heartBeat, sessionId }
}

/** By what the client says, else by its certificate, else as the default user. */
function logIn(frame: Frame, version: Version, peer: Peer, settings: StompSettings): Login {
  const { logins, defaultUser, defaultPassword } = settings
  const factsOf = (mechanism: string): LoginFacts => loginFacts(peer, 'stomp', protocolName(peer, version), mechanism)
  if (peer.websocket && settings.takesHttpLogins) return logInByHttp(peer.authorization, factsOf('PLAIN'), settings)
  const login = frame.get('login')
  const certificate = peer.tls?.certificate ?? null
  if (login === null && certificate !== null && settings.certificateLogins) {
    const user = certificateUser(certificate, settings.certificateLogin)
    const facts = factsOf('EXTERNAL')
    if (user !== null) return { user, mechanism: 'EXTERNAL', outcome: logins.authenticateName(user, facts) }
    return nobody('EXTERNAL', 'the certificate names nobody', facts, settings)
  }
  const user = login ?? defaultUser
  const password = frame.get('passcode') ?? (user === defaultUser ? defaultPassword : '')
  return { user, mechanism: 'PLAIN', outcome: logins.authenticatePassword(user, password, factsOf('PLAIN')) }
}

/** By the request that became the WebSocket: of HTTP's Basic scheme (RFC 7617), or as the default user where it names nobody. */
function logInByHttp(authorization: string | undefined, facts: LoginFacts, settings: StompSettings): Login {
  const { logins, defaultUser, defaultPassword } = settings
  const encoded = /^Basic +([A-Za-z0-9+/=]+)$/i.exec(authorization ?? '')?.[1] ?? ''
  const [, user, password] =
    authorization === undefined
      ? [null, defaultUser, defaultPassword]
      : (/^([^:]*):(.*)$/s.exec(Buffer.from(encoded, 'base64').toString()) ?? [])
  if (user !== undefined && password !== undefined)
    return { user, mechanism: 'PLAIN', outcome: logins.authenticatePassword(user, password, facts) }
  return nobody('PLAIN', 'the HTTP login is not understood', facts, settings)
}

function nobody(mechanism: string, reason: string, facts: LoginFacts, { logins }: StompSettings): Login {
  logins.countBroken(facts, reason)
  return { user: '', mechanism, outcome: { outcome: 'refused', reason } }
}

async function enter(identity: Identity, vhost: string, { broker }: StompSettings): Promise<void> {
  const refusal = badConnect(`Virtual host '${vhost}' access denied`)
  if (!broker.vhosts.has(vhost)) throw refusal
  try {
    await whenDecided(() => identity.authorizer.requireVhost(vhost))
  } catch (error) {
    if (error instanceof BrokerError) throw refusal
    throw error
  }
}

/** Who may enter is refused only where a limit is reached. */
function open<T>(act: () => T): T {
  try {
    return act()
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error
    throw badConnect(`${error.message}\n`)
  }
}

const badConnect = (detail: string): StompError => new StompError('Bad CONNECT', detail, true)
