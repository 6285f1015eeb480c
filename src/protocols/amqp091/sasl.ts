import { stringOf } from '../../core/fields.ts'
import type { Peer } from '../../net/listener.ts'
import { certificateUser } from '../../net/tls.ts'
import type { AmqpSettings, InProcessLogin, LoginOutcome } from './settings.ts'
import { Reader } from './wire/reader.ts'
import { readTable } from './wire/table.ts'

export type SaslResult =
  | { readonly user: string; readonly tags: readonly string[] }
  /** The reason is for the log: clients are told the same for all refusals. */
  | { readonly user: null; readonly reason: string; readonly broken: boolean }

const refused = (reason: string): SaslResult => ({ user: null, reason, broken: false })

/** The client does not even speak the mechanism: it is told nothing. */
const broken = (reason: string): SaslResult => ({ user: null, reason, broken: true })

/** Logs a client in by the mechanism that it chose: at once, if the back end answers at once. */
export function login(
  settings: AmqpSettings,
  mechanism: string,
  response: Buffer,
  peer: Peer,
  loopback: boolean,
): SaslResult | Promise<SaslResult> {
  const byPassword = (user: string, password: string): SaslResult | Promise<SaslResult> => {
    const resultOf = (outcome: LoginOutcome): SaslResult =>
      outcome.outcome === 'ok' ? { user, tags: outcome.tags } : refused(outcome.reason)
    const outcome = settings.authenticate(user, password, { loopback })
    if (!(outcome instanceof Promise)) return resultOf(outcome)
    return outcome.then(resultOf, (error: unknown) => refused(`the back end cannot be asked: ${String(error)}`))
  }
  switch (mechanism) {
    case 'PLAIN': {
      const credentials = parsePlain(response)
      return credentials === null ? broken('response invalid') : byPassword(...credentials)
    }
    case 'AMQPLAIN': {
      const credentials = parseAmqPlain(response)
      return credentials === null ? broken('response invalid') : byPassword(...credentials)
    }
    case 'ANONYMOUS': {
      const { anonymous } = settings
      return anonymous === null ? broken('anonymous login is off') : byPassword(anonymous.user, anonymous.password)
    }
    case 'EXTERNAL':
      return settings.inProcess === undefined ? byCertificate(settings, peer) : byProgram(settings, settings.inProcess)
    default:
      return broken(`unknown mechanism ${mechanism}`)
  }
}

/** NUL user NUL password; an authorization identity before the first NUL is not supported. */
function parsePlain(response: Buffer): [user: string, password: string] | null {
  if (response[0] !== 0) return null
  const second = response.indexOf(0, 1)
  if (second < 0 || response.includes(0, second + 1)) return null
  return [response.toString('utf8', 1, second), response.toString('utf8', second + 1)]
}

/** A field table without its length: LOGIN and PASSWORD. */
function parseAmqPlain(response: Buffer): [user: string, password: string] | null {
  const sized = Buffer.concat([Buffer.alloc(4), response])
  sized.writeUInt32BE(response.length)
  const reader = new Reader()
  reader.reset(sized, 0, sized.length)
  try {
    const table = readTable(reader)
    const user = stringOf(table.get('LOGIN'))
    const password = stringOf(table.get('PASSWORD'))
    return user === null || password === null ? null : [user, password]
  } catch {
    return null
  }
}

function byCertificate(settings: AmqpSettings, peer: Peer): SaslResult {
  const certificate = peer.tls?.certificate ?? null
  if (certificate === null) return broken('the client has no verified certificate')
  const name = certificateUser(certificate, settings.certificateLogin)
  if (name === null) return refused('the certificate names nobody')
  const user = settings.broker.users.get(name)
  return user === undefined ? refused(`user '${name}' not found`) : { user: name, tags: user.tags }
}

/** Who runs the broker need not prove anything. */
function byProgram({ broker }: AmqpSettings, { user }: InProcessLogin): SaslResult {
  if (user === null) return { user: '', tags: [] }
  const known = broker.users.get(user)
  return known === undefined ? refused(`user '${user}' not found`) : { user, tags: known.tags }
}
