import { stringOf } from '../../core/fields.ts'
import type { Peer } from '../../net/listener.ts'
import { certificateUser } from '../../net/tls.ts'
import type { AmqpSettings } from './settings.ts'
import { Reader } from './wire/reader.ts'
import { readTable } from './wire/table.ts'

export type SaslResult =
  | { readonly user: string; readonly tags: readonly string[] }
  /** The reason is for the log: clients are told the same for all refusals. */
  | { readonly user: null; readonly reason: string }

const refused = (reason: string): SaslResult => ({ user: null, reason })

/** Logs a client in by the mechanism that it chose. */
export async function login(
  settings: AmqpSettings,
  mechanism: string,
  response: Buffer,
  peer: Peer,
  loopback: boolean,
): Promise<SaslResult> {
  const byPassword = async (user: string, password: string): Promise<SaslResult> => {
    try {
      const outcome = await settings.authenticate(user, password, { loopback })
      return outcome.outcome === 'ok' ? { user, tags: outcome.tags } : refused(outcome.reason)
    } catch (error) {
      return refused(`the back end cannot be asked: ${String(error)}`)
    }
  }
  switch (mechanism) {
    case 'PLAIN': {
      const credentials = parsePlain(response)
      return credentials === null ? refused('response invalid') : byPassword(...credentials)
    }
    case 'AMQPLAIN': {
      const credentials = parseAmqPlain(response)
      return credentials === null ? refused('response invalid') : byPassword(...credentials)
    }
    case 'ANONYMOUS': {
      const { anonymous } = settings
      return anonymous === null ? refused('anonymous login is off') : byPassword(anonymous.user, anonymous.password)
    }
    case 'EXTERNAL':
      return byCertificate(settings, peer)
    default:
      return refused(`unknown mechanism ${mechanism}`)
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
  if (certificate === null) return refused('the client has no verified certificate')
  const name = certificateUser(certificate, settings.certificateLogin)
  if (name === null) return refused('the certificate names nobody')
  const user = settings.broker.users.get(name)
  return user === undefined ? refused(`user '${name}' not found`) : { user: name, tags: user.tags }
}
