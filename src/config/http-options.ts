import { list, one } from './option.ts'
import {
  boolean,
  bytes,
  duration,
  integer,
  oneOf,
  type OptionType,
  optional,
  path,
  port,
  text,
  tlsVersion,
} from './option-types.ts'

// Rows of the table in options.ts: the HTTP port, for the HTTP API, the web console and AMQP over WebSocket.

const MB = 1_000_000

/** `/rabbitmq` or `rabbitmq/`: a path in front of all others, kept with a slash before it and none behind. */
const pathPrefix: OptionType<string> = {
  hint: 'PATH',
  parse(value) {
    const trimmed = value.replace(/^\/+|\/+$/g, '')
    if (!/^[\w.~/-]*$/.test(trimmed)) throw new Error('is not a path of letters, digits, and any of - . _ ~ /')
    return trimmed === '' ? '' : `/${trimmed}`
  },
  format: (value) => value,
}

/** Both of RabbitMQ's keys: those of today, and those of up to 3.7. */
const ssl = (key: string): [key: string, more: { aliases: readonly string[] }] => [
  `management.ssl.${key}`,
  { aliases: [`management.listener.ssl_opts.${key}`] },
]

const [caFileKey, caFileMore] = ssl('cacertfile')
const [certFileKey, certFileMore] = ssl('certfile')
const [keyFileKey, keyFileMore] = ssl('keyfile')
const [passwordKey, passwordMore] = ssl('password')
const [verifyKey, verifyMore] = ssl('verify')
const [requireKey, requireMore] = ssl('fail_if_no_peer_cert')
const [versionsKey, versionsMore] = ssl('versions')
const [ciphersKey, ciphersMore] = ssl('ciphers')
const [orderKey, orderMore] = ssl('honor_cipher_order')

export const http = {
  port: one(
    'management.tcp.port',
    optional(port),
    15_672,
    'HTTP port: management and AMQP over WebSocket; `none` is off. The default goes when only a TLS port is named.',
    { flag: 'management-port' },
  ),
  host: one('management.tcp.ip', optional(text), null, 'Address of the HTTP port; that of `--bind` unless given.', {
    flag: 'management-bind',
  }),
  tlsPort: one('management.ssl.port', optional(port), null, 'HTTPS port, usually 15671.', {
    flag: 'management-tls-port',
  }),
  tlsHost: one('management.ssl.ip', optional(text), null, 'Address of the HTTPS port; that of `--bind` unless given.'),
  listenerPort: one(
    'management.listener.port',
    optional(port),
    null,
    'The HTTP or HTTPS port as RabbitMQ 3.6 named it.',
  ),
  listenerHost: one('management.listener.ip', optional(text), null, 'The address of that port.'),
  listenerTls: one('management.listener.ssl', boolean, false, 'Whether that port is HTTPS.'),
  caFile: one(
    caFileKey,
    optional(path),
    null,
    "PEM file of the authorities that clients' certificates are checked against, on the HTTPS port.",
    caFileMore,
  ),
  certFile: one(
    certFileKey,
    optional(path),
    null,
    'PEM file of the certificate of the HTTPS port; the `ssl_options` unless given.',
    certFileMore,
  ),
  keyFile: one(keyFileKey, optional(path), null, 'PEM file of its private key.', keyFileMore),
  password: one(passwordKey, optional(text), null, 'Password of that key.', { ...passwordMore, secret: true }),
  verify: one(
    verifyKey,
    oneOf('verify_peer', 'verify_none'),
    'verify_none',
    'Whether clients of the HTTPS port are asked for a certificate.',
    verifyMore,
  ),
  requireCertificate: one(
    requireKey,
    boolean,
    false,
    'Refuse clients of the HTTPS port without a certificate (with `verify_peer`).',
    requireMore,
  ),
  versions: list(
    versionsKey,
    tlsVersion,
    ['tlsv1.3', 'tlsv1.2'],
    'TLS versions that the HTTPS port accepts.',
    versionsMore,
  ),
  ciphers: list(
    ciphersKey,
    text,
    [],
    'Cipher suites of the HTTPS port, by their OpenSSL names; those of Node.js unless given.',
    ciphersMore,
  ),
  honorCipherOrder: one(orderKey, boolean, true, "Prefer the broker's order of them to the client's.", orderMore),
  pathPrefix: one(
    'management.path_prefix',
    pathPrefix,
    '',
    'Path in front of those of the HTTP API and the web console, for a proxy that serves other things as well.',
  ),
  corsOrigins: list(
    'management.cors.allow_origins',
    text,
    [],
    'Origins (`https://example.org`) whose pages may use the HTTP API; `*` is any.',
  ),
  corsMaxAgeSec: one(
    'management.cors.max_age',
    optional(duration('s', 0)),
    1800,
    'How long browsers may remember that answer.',
  ),
  contentSecurityPolicy: one(
    'management.csp.policy',
    optional(text),
    null,
    'Content security policy of the web console; one that lets it load nothing but its own files unless given.',
  ),
  strictTransportSecurity: one(
    'management.hsts.policy',
    optional(text),
    null,
    'Value of the header `strict-transport-security` on the HTTPS port, such as `max-age=31536000`.',
  ),
  bodyBytesMax: one(
    'management.http.max_body_size',
    bytes(1),
    20 * MB,
    'Largest body of a request to the HTTP API, definitions included.',
  ),
  operatorPoliciesReadOnly: one(
    'management.restrictions.operator_policy_changes.disabled',
    boolean,
    false,
    'Let nobody set or clear operator policies over the HTTP API and in the web console: 405.',
  ),
  signInTimeout: one(
    'management.login_session_timeout',
    integer(1, 525_600),
    480,
    'Minutes without use after which a sign-in of the web console ends.',
  ),
}
