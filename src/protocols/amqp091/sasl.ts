import { stringOf } from '../../core/fields.ts'
import type { LoginFacts, LoginOutcome } from '../../core/identity.ts'
import type { Peer } from '../../net/listener.ts'
import { certificateUser } from '../../net/tls.ts'
import type { AmqpSettings, InProcessLogin } from './settings.ts'
import { Reader } from './wire/reader.ts'
import { readTable } from './wire/table.ts'

export type SaslResult =
  | LoginOutcome
  /** The client does not even speak the mechanism: it is told nothing. */
  | { readonly outcome: 'broken'; readonly reason: string }

/** Logs a client in by the mechanism that it chose: at once, if the back end answers at once. */
export function login(
  settings: AmqpSettings,
  mechanism: string,
  response: Buffer,
  peer: Peer,
  facts: LoginFacts,
): SaslResult | Promise<SaslResult> {
  const { logins } = settings
  const broken = (reason: string): SaslResult => {
    logins.countBroken(facts, reason)
    return { outcome: 'broken', reason }
  }
  const nobody = (reason: string): SaslResult => {
    logins.countBroken(facts, reason)
    return { outcome: 'refused', reason }
  }
  const byPassword = (credentials: [user: string, password: string] | null): SaslResult | Promise<SaslResult> =>
    credentials === null ? broken('response invalid') : logins.authenticatePassword(...credentials, facts)
  switch (mechanism) {
    case 'PLAIN':
      return byPassword(parsePlain(response))
    case 'AMQPLAIN':
      return byPassword(parseAmqPlain(response))
    case 'ANONYMOUS': {
      const { anonymous } = settings
      return anonymous === null ? broken('anonymous login is off') : byPassword([anonymous.user, anonymous.password])
    }
    case 'EXTERNAL': {
      if (settings.inProcess !== undefined) return byProgram(settings, settings.inProcess)
      const certificate = peer.tls?.certificate ?? null
      // told as any refusal is: who set out to log in by certificate finds out at once that it went wrong
      if (certificate === null) return nobody('connection peer presented no TLS (x.509) certificate')
      const name = certificateUser(certificate, settings.certificateLogin)
      return name === null ? nobody('no name found') : logins.authenticateName(name, facts)
    }
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

/** Who runs the broker need not prove anything. */
function byProgram({ broker }: AmqpSettings, { user }: InProcessLogin): SaslResult {
  const name = user ?? ''
  if (user !== null && broker.users.get(user) === undefined) {
    return { outcome: 'refused', reason: `user '${user}' not found` }
  }
  return { outcome: 'ok', identity: broker.identityOf({ name }) }
}
