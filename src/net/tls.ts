import { constants, createHash, createPrivateKey, X509Certificate } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { SecureContextOptions, SecureVersion, TlsOptions, TLSSocket } from 'node:tls'
import { tlsModule } from './tls-module.ts'

export interface TlsSettings {
  /** Paths of PEM files. */
  readonly caFile: string | null
  readonly certFile: string
  readonly keyFile: string
  readonly password: string | null
  /** Ask clients for a certificate and check it. */
  readonly verifyPeer: boolean
  /** With `verifyPeer`: refuse clients that give none. */
  readonly requireCertificate: boolean
  readonly versions: readonly ('tlsv1.3' | 'tlsv1.2' | 'tlsv1.1' | 'tlsv1')[]
  /** OpenSSL names; empty: those of Node.js. */
  readonly ciphers: readonly string[]
  readonly honorCipherOrder: boolean
  readonly handshakeTimeoutMs: number
}

/** What a TLS listener needs, with all files read and checked. */
export interface TlsContext {
  readonly options: TlsOptions
  readonly settings: TlsSettings
  /** What the keys of the settings begin with. */
  readonly keys: string
  /** Of what was in the files, to see whether they have changed. */
  readonly digest: string
  /** Since when the broker's certificate is valid, and when it expires; ms since the epoch. */
  readonly validFrom: number
  readonly validTo: number
}

/** TLS settings that cannot be used; the text names the key and the file. */
export class TlsError extends Error {
  constructor(text: string) {
    super(text)
    this.name = 'TlsError'
  }
}

// Lowest first. The flags leave out a version between two that are accepted.
const VERSIONS = [
  { name: 'tlsv1', node: 'TLSv1', exclude: constants.SSL_OP_NO_TLSv1 },
  { name: 'tlsv1.1', node: 'TLSv1.1', exclude: constants.SSL_OP_NO_TLSv1_1 },
  { name: 'tlsv1.2', node: 'TLSv1.2', exclude: constants.SSL_OP_NO_TLSv1_2 },
  { name: 'tlsv1.3', node: 'TLSv1.3', exclude: constants.SSL_OP_NO_TLSv1_3 },
] as const satisfies readonly { name: string; node: SecureVersion; exclude: number }[]

/** @param keys what the keys of the settings begin with, for error texts @throws TlsError */
export function loadTls(settings: TlsSettings, keys = 'ssl_options'): TlsContext {
  const cert = readPem(`${keys}.certfile`, settings.certFile)
  const certificate = attempt(`${keys}.certfile`, settings.certFile, () => new X509Certificate(cert))
  const key = readPem(`${keys}.keyfile`, settings.keyFile)
  const privateKey = attempt(`${keys}.keyfile`, settings.keyFile, () => openKey(key, settings.password))
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new TlsError(`${keys}.keyfile: ${settings.keyFile} is not the key of ${settings.certFile}`)
  }
  const secure: SecureContextOptions = {
    cert,
    key,
    honorCipherOrder: settings.honorCipherOrder,
    ...versionOptions(settings, keys),
  }
  if (settings.password !== null) secure.passphrase = settings.password
  let ca: Buffer | null = null
  if (settings.caFile !== null) {
    ca = readPem(`${keys}.cacertfile`, settings.caFile)
    secure.ca = authoritiesOf(ca, settings.caFile, keys)
  }
  attempt(`${keys}.ciphers`, settings.ciphers.join(':'), () => tlsModule().createSecureContext(secure))
  const options: TlsOptions = {
    ...secure,
    requestCert: settings.verifyPeer,
    // With this a client without a certificate may learn by a TLS alert that it needs one; of a certificate that does not verify
    // Node.js sends no alert. It cannot be set where clients may do without: there `peerProblem` alone refuses those whose
    // certificate does not verify.
    rejectUnauthorized: settings.verifyPeer && settings.requireCertificate,
    handshakeTimeout: settings.handshakeTimeoutMs,
  }
  const validFrom = certificate.validFromDate.getTime()
  const validTo = certificate.validToDate.getTime()
  return { options, settings, keys, digest: digestOf([cert, key, ca]), validFrom, validTo }
}

/** What `TlsContext.digest` would be if the files were read now. Rejects where one of them cannot be read. */
export async function currentDigest({ certFile, keyFile, caFile }: TlsSettings): Promise<string> {
  const read = async (path: string | null): Promise<Buffer | null> => (path === null ? null : readFile(path))
  return digestOf(await Promise.all([certFile, keyFile, caFile].map(read)))
}

const digestOf = (files: readonly (Buffer | null)[]): string =>
  files.map((file) => (file === null ? '' : createHash('sha256').update(file).digest('hex'))).join(' ')

/** Certificates that expire sooner are warned of. */
const WARNING_DAYS = 30
const DAY_MS = 86_400_000

/**
 * What is wrong with the time in which a certificate is valid, for the log, or null.
 * @param now ms since the epoch
 */
export function validityProblem({ validFrom, validTo }: TlsContext, now: number): string | null {
  if (now > validTo) return 'the certificate has expired: clients refuse it'
  if (now < validFrom) return 'the certificate is not valid yet: clients refuse it'
  if (now + WARNING_DAYS * DAY_MS > validTo) return `the certificate expires in less than ${WARNING_DAYS} days`
  return null
}

function versionOptions(settings: TlsSettings, keys: string): SecureContextOptions {
  const chosen = VERSIONS.filter(({ name }) => settings.versions.includes(name))
  const [lowest, highest] = [chosen[0], chosen.at(-1)]
  if (lowest === undefined || highest === undefined) throw new TlsError(`${keys}.versions: names no version`)
  const excluded = VERSIONS.filter((version) => !chosen.includes(version))
  // OpenSSL 3 speaks the versions before 1.2 at its lowest security level only.
  const old = lowest.name === 'tlsv1' || lowest.name === 'tlsv1.1'
  const ciphers = settings.ciphers.length > 0 ? settings.ciphers.join(':') : tlsModule().DEFAULT_CIPHERS
  return {
    minVersion: lowest.node,
    maxVersion: highest.node,
    secureOptions: excluded.reduce((flags, { exclude }) => flags | exclude, 0),
    ciphers: old ? `${ciphers}:@SECLEVEL=0` : ciphers,
  }
}

function openKey(key: Buffer, password: string | null): KeyObject {
  return createPrivateKey(password === null ? { key } : { key, passphrase: password })
}

function authoritiesOf(pem: Buffer, path: string, keys: string): string[] {
  const key = `${keys}.cacertfile`
  const found = pem.toString('latin1').match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  if (found.length === 0) throw new TlsError(`${key}: there is no certificate in ${path}`)
  for (const each of found) attempt(key, path, () => new X509Certificate(each))
  return found
}

const readPem = (key: string, path: string): Buffer => attempt(key, path, () => readFileSync(path))

function attempt<T>(key: string, path: string, action: () => T): T {
  try {
    return action()
  } catch (error) {
    throw new TlsError(`${key}: ${path}: ${(error as Error).message}`)
  }
}

export interface PeerCertificateFacts {
  /** As RabbitMQ prints it, most specific part first: `CN=client,O=example`. */
  readonly distinguishedName: string
  readonly issuer: string
  /** Several are joined by commas. */
  readonly commonName: string | null
  readonly alternativeNames: readonly AlternativeName[]
  /** Milliseconds since the epoch. */
  readonly validFrom: number
  readonly validTo: number
}

export interface AlternativeName {
  readonly type: 'dns' | 'ip' | 'email' | 'uri' | 'other_name'
  readonly value: string
}

/** Why a client that has finished the handshake is to be refused, or null. */
export function peerProblem(socket: TLSSocket, { settings }: TlsContext): string | null {
  if (!settings.verifyPeer) return null
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) return settings.requireCertificate ? 'the client has no certificate' : null
  return certificateProblem(socket)
}

/** What is wrong with the certificate of a client. Node.js tells where it has refused it by itself, too, and no more than here. */
export function certificateProblem({ authorizationError }: TLSSocket): string | null {
  return authorizationError ? `the client's certificate is not valid: ${String(authorizationError)}` : null
}

/** Null when the client gave no certificate or was not asked for one. */
export function peerCertificate(socket: TLSSocket): PeerCertificateFacts | null {
  const certificate = socket.getPeerX509Certificate()
  return certificate === undefined ? null : certificateFacts(certificate)
}

function certificateFacts(certificate: X509Certificate): PeerCertificateFacts {
  const subject = parseName(certificate.subject)
  const commonNames = subject.flat().filter(({ type }) => type === 'CN')
  return {
    distinguishedName: formatName(subject),
    issuer: formatName(parseName(certificate.issuer)),
    commonName: commonNames.length === 0 ? null : commonNames.map(({ value }) => unescapeValue(value)).join(','),
    alternativeNames: parseAlternativeNames(certificate.subjectAltName ?? ''),
    validFrom: certificate.validFromDate.getTime(),
    validTo: certificate.validToDate.getTime(),
  }
}

export interface CertificateLogin {
  readonly from: 'distinguished_name' | 'common_name' | 'subject_alternative_name'
  readonly sanType: AlternativeName['type']
  /** Among the alternative names of that type, from 0. */
  readonly sanIndex: number
}

/** The user that a certificate stands for, or null when it lacks the name that is asked for. */
export function certificateUser(facts: PeerCertificateFacts, login: CertificateLogin): string | null {
  switch (login.from) {
    case 'distinguished_name':
      return facts.distinguishedName
    case 'common_name':
      return facts.commonName
    case 'subject_alternative_name': {
      const names = facts.alternativeNames.filter(({ type }) => type === login.sanType)
      return names[login.sanIndex]?.value ?? null
    }
  }
}

interface NamePart {
  readonly type: string
  /** Escaped as in RFC 4514. */
  readonly value: string
}

/** Node.js gives a name as one line per part, in the order of the certificate, values escaped as in RFC 4514. */
function parseName(lines: string | undefined): NamePart[][] {
  if (!lines) return []
  return lines.split('\n').map((line) =>
    line.split(/(?<!\\) \+ /).map((part) => {
      const equals = part.indexOf('=')
      return { type: part.slice(0, equals), value: part.slice(equals + 1) }
    }),
  )
}

// Where OpenSSL's short names are not the ones that RabbitMQ prints.
const NAME_TYPES: Readonly<Record<string, string>> = {
  GN: 'GIVENNAME',
  initials: 'INITIALS',
  generationQualifier: 'GENERATIONQUALIFIER',
  title: 'TITLE',
  serialNumber: 'SERIALNUMBER',
  pseudonym: 'PSEUDONYM',
  emailAddress: 'EMAILADDRESS',
  street: 'STREET',
}

function formatName(parts: readonly NamePart[][]): string {
  return parts
    .toReversed()
    .map((values) => values.map(({ type, value }) => `${NAME_TYPES[type] ?? type}=${escapeValue(value)}`).join('+'))
    .join(',')
}

/** RabbitMQ writes what is not ASCII, and `~`, byte by byte, and so do the names of users that certificates stand for: `CN=J\\C3\\BCrgen`. */
function escapeValue(value: string): string {
  return value.replaceAll(/[^\x00-\x7d]/gu, (character) =>
    Buffer.from(character)
      .toString('hex')
      .toUpperCase()
      .replaceAll(/../g, (byte) => `\\${byte}`),
  )
}

function unescapeValue(value: string): string {
  return value.replaceAll(/\\([0-9A-Fa-f]{2}|.)/g, (_, escaped: string) =>
    escaped.length === 2 ? String.fromCharCode(Number.parseInt(escaped, 16)) : escaped,
  )
}

const ALTERNATIVE_TYPES: Readonly<Record<string, AlternativeName['type']>> = {
  DNS: 'dns',
  'IP Address': 'ip',
  email: 'email',
  URI: 'uri',
  othername: 'other_name',
}

/** `DNS:a.example, IP Address:127.0.0.1, URI:"quoted as JSON, where needed"`. */
function parseAlternativeNames(text: string): AlternativeName[] {
  const found: AlternativeName[] = []
  for (const [, label, written] of text.matchAll(/([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/g)) {
    const type = ALTERNATIVE_TYPES[label!.trim()]
    if (type === undefined) continue
    const value = written!.startsWith('"') ? (JSON.parse(written!) as string) : written!
    // The kind of other name stands before its value: `UPN:ann@example.org`.
    found.push({ type, value: type === 'other_name' ? value.slice(value.indexOf(':') + 1) : value })
  }
  return found
}
