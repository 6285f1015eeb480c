import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { ConnectionOptions, SecureVersion } from 'node:tls'

/** TLS towards a server that logins are asked of. */
export interface ClientTlsSettings {
  readonly verify: 'verify_peer' | 'verify_none'
  /** Paths of PEM files. */
  readonly caFile: string | null
  readonly certFile: string | null
  readonly keyFile: string | null
  readonly password: string | null
  /** The name that the certificate has to have; null: the server's. */
  readonly serverName: string | null
  /** Empty: those of Node.js. */
  readonly versions: readonly ('tlsv1.3' | 'tlsv1.2' | 'tlsv1.1' | 'tlsv1')[]
}

/** Settings of a back end that cannot be used; the text names the key. */
export class AuthSettingsError extends Error {
  constructor(text: string) {
    super(text)
    this.name = 'AuthSettingsError'
  }
}

const VERSIONS: Readonly<Record<ClientTlsSettings['versions'][number], SecureVersion>> = {
  tlsv1: 'TLSv1',
  'tlsv1.1': 'TLSv1.1',
  'tlsv1.2': 'TLSv1.2',
  'tlsv1.3': 'TLSv1.3',
}

/** @param prefix of the keys, for errors @throws AuthSettingsError */
export function loadClientTls(settings: ClientTlsSettings, prefix: string): ConnectionOptions {
  const options: ConnectionOptions = { rejectUnauthorized: settings.verify === 'verify_peer' }
  const { caFile, certFile, keyFile, password, serverName } = settings
  if (caFile !== null) {
    options.ca = attempt(`${prefix}.cacertfile`, caFile, () => {
      const pem = readFileSync(caFile, 'latin1')
      const found = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
      if (found.length === 0) throw new Error('there is no certificate in it')
      for (const each of found) new X509Certificate(each)
      return found
    })
  }
  if (certFile !== null) options.cert = attempt(`${prefix}.certfile`, certFile, () => readFileSync(certFile))
  if (keyFile !== null) {
    options.key = attempt(`${prefix}.keyfile`, keyFile, () => {
      const key = readFileSync(keyFile)
      createPrivateKey(password === null ? { key } : { key, passphrase: password })
      return key
    })
  }
  if (password !== null) options.passphrase = password
  if (serverName !== null) options.servername = serverName
  const versions = Object.entries(VERSIONS).filter(([name]) => (settings.versions as readonly string[]).includes(name))
  if (versions.length > 0) {
    options.minVersion = versions[0]![1]
    options.maxVersion = versions.at(-1)![1]
  }
  // not by an import: a broker whose logins need no TLS goes without the memory that it takes
  attempt(prefix, 'the certificate', () => process.getBuiltinModule('node:tls').createSecureContext(options))
  return options
}

function attempt<T>(key: string, what: string, action: () => T): T {
  try {
    return action()
  } catch (error) {
    throw new AuthSettingsError(`${key}: ${what}: ${(error as Error).message}`)
  }
}
