/**
 * Addresses of brokers, with RabbitMQ's query parameters (rabbitmq.com/docs/uri-spec and uri-query-parameters):
 *
 *     amqp[s]://[user[:password]@]host[:port][/vhost][?heartbeat=10&verify=verify_none…]
 *
 * Everything but the host may be left out; where the host is left out as well (`amqp://`, `amqp:///vhost`) the broker itself is meant that
 * the address was given to.
 */
import { AmqpUriError } from './errors.ts'

export interface AmqpUri {
  readonly tls: boolean
  /** Null: the broker itself. */
  readonly host: string | null
  /** 5672, or 5671 with TLS, unless given. */
  readonly port: number
  readonly username: string | null
  readonly password: string | null
  readonly vhost: string
  /** Null where it is left to the broker. */
  readonly heartbeatSec: number | null
  readonly channelMax: number | null
  /** Bytes. */
  readonly frameMax: number | null
  /** For everything up to connection.open-ok. */
  readonly connectionTimeoutMs: number | null
  /** SASL mechanisms in the order of preference, in capital letters; empty: those with a password. */
  readonly mechanisms: readonly string[]
  readonly tlsOptions: AmqpTlsOptions
}

/** Paths of PEM files, and how the broker's certificate is checked. */
export interface AmqpTlsOptions {
  readonly caFile: string | null
  readonly certFile: string | null
  readonly keyFile: string | null
  /** Of the key file. */
  readonly password: string | null
  /** True unless the address says `verify=verify_none`. */
  readonly verify: boolean
  /** The name that is asked for and that the certificate has to have: the host unless given; empty: none is asked for, and it may have any. */
  readonly serverName: string | null
}

const PORT = 5672
const TLS_PORT = 5671
const U16_MAX = 0xffff
const U32_MAX = 0xffff_ffff
const TIMEOUT_MAX_MS = 2 ** 31 - 1

const PARTS = /^(?<scheme>[a-z][a-z0-9+.-]*):\/\/(?<authority>[^/?#]*)(?<path>\/[^?#]*)?(?:\?(?<query>[^#]*))?$/i
const AUTHORITY = /^(?:(?<user>[^:@]*)(?::(?<password>[^@]*))?@)?(?<host>\[[^\]]*\]|[^:@]*)(?::(?<port>[^:@]*))?$/

/**
 * @param defaultVhost where the address names none
 * @throws AmqpUriError
 */
export function parseAmqpUri(uri: string, defaultVhost = '/'): AmqpUri {
  const { scheme, authority, path, query } = PARTS.exec(uri)?.groups ?? {}
  if (scheme === undefined) throw new AmqpUriError('not a URI of the form amqp://user:password@host:port/vhost')
  const protocol = scheme.toLowerCase()
  if (protocol !== 'amqp' && protocol !== 'amqps') {
    throw new AmqpUriError(`the scheme is ${scheme}, where amqp or amqps is expected`)
  }
  const groups = AUTHORITY.exec(authority!)?.groups
  if (groups === undefined) {
    throw new AmqpUriError('user, password, host or port have characters that must be percent-encoded')
  }
  const tls = protocol === 'amqps'
  const host = unescape('host', groups['host']!.replace(/^\[(.*)\]$/, '$1'))
  if (host === '' && tls) throw new AmqpUriError('amqps needs a host')
  if (host === '' && groups['port'] !== undefined) throw new AmqpUriError('a port needs a host')
  return {
    tls,
    host: host === '' ? null : host,
    port: parsePort(groups['port'], tls),
    username: groups['user'] === undefined ? null : unescape('user', groups['user']),
    password: groups['password'] === undefined ? null : unescape('password', groups['password']),
    vhost: parseVhost(path, defaultVhost),
    ...parseQuery(query ?? ''),
  }
}

function parsePort(text: string | undefined, tls: boolean): number {
  if (text === undefined || text === '') return tls ? TLS_PORT : PORT
  const port = Number(text)
  if (!/^\d+$/.test(text) || port < 1 || port > U16_MAX)
    throw new AmqpUriError(`the port is not a number from 1 to ${U16_MAX}`)
  return port
}

function parseVhost(path: string | undefined, defaultVhost: string): string {
  if (path === undefined || path === '/') return defaultVhost
  const name = path.slice(1)
  if (name.includes('/')) throw new AmqpUriError("a '/' in the name of a virtual host is written %2F")
  return unescape('virtual host', name)
}

type Query = Omit<AmqpUri, 'tls' | 'host' | 'port' | 'username' | 'password' | 'vhost'>

function parseQuery(query: string): Query {
  const given = new Map<string, string[]>()
  for (const pair of query.split('&')) {
    const equals = pair.indexOf('=')
    if (equals < 0) continue
    const name = unescape('query', pair.slice(0, equals))
    given.set(name, [...(given.get(name) ?? []), unescape(name, pair.slice(equals + 1))])
  }
  const text = (name: string): string | null => given.get(name)?.at(-1) ?? null
  const integer = (name: string, max: number): number | null => {
    const value = text(name)
    if (value === null) return null
    if (!/^\d+$/.test(value) || Number(value) > max) {
      throw new AmqpUriError(`${name}=${value}: a whole number from 0 to ${max} is expected`)
    }
    return Number(value)
  }
  const verify = text('verify')
  if (verify !== null && verify !== 'verify_peer' && verify !== 'verify_none') {
    throw new AmqpUriError(`verify=${verify}: verify_peer or verify_none is expected`)
  }
  const serverName = text('server_name_indication')
  return {
    heartbeatSec: integer('heartbeat', U16_MAX),
    channelMax: integer('channel_max', U16_MAX),
    frameMax: integer('frame_max', U32_MAX),
    connectionTimeoutMs: integer('connection_timeout', TIMEOUT_MAX_MS),
    mechanisms: (given.get('auth_mechanism') ?? []).map((name) => name.toUpperCase()),
    tlsOptions: {
      caFile: text('cacertfile'),
      certFile: text('certfile'),
      keyFile: text('keyfile'),
      password: text('password'),
      verify: verify !== 'verify_none',
      serverName: serverName === 'disable' ? '' : serverName,
    },
  }
}

function unescape(what: string, text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new AmqpUriError(`${what}: broken percent-encoding`)
  }
}

/**
 * The address as it may be shown: without user and password, and without the query, which may hold the password of a key. What cannot be
 * used as an address is not shown at all, since there is no telling what part of it is the password.
 */
export function withoutCredentials(uri: string): string {
  try {
    parseAmqpUri(uri)
  } catch {
    return '(not a valid URI)'
  }
  const { scheme, authority, path = '' } = PARTS.exec(uri)!.groups!
  // a password with an unescaped slash would look like a path
  return `${scheme!}://${authority!.slice(authority!.lastIndexOf('@') + 1)}${path.includes('@') ? '' : path}`
}
