import { list, named, one } from './option.ts'
import {
  boolean,
  bytes,
  duration,
  integer,
  type ListenAddress,
  listenAddress,
  oneOf,
  optional,
  path,
  port,
  text,
  tlsVersion,
} from './option-types.ts'

// Rows of the table in options.ts: which protocols are spoken, and where those besides AMQP are.

const WEB_MESSAGE_MAX = 512 * 1024 * 1024

const noAddresses: ReadonlyMap<string, ListenAddress> = new Map()

interface DefaultPorts {
  readonly tcp: number
  readonly tls: number
  readonly web: number
  readonly webTls: number
}

/** Where a protocol is spoken: over TCP, TLS and WebSocket. @param key RabbitMQ's prefix of its keys */
function listenersOf(key: string, title: string, ports: DefaultPorts, olderWebPorts: readonly string[] = []) {
  return {
    tcp: named(
      `${key}.listeners.tcp`,
      listenAddress,
      new Map([['default', { host: null, port: ports.tcp }]]),
      `${title} listeners without TLS. The default one goes when others are named, and where its port is taken.`,
      { flag: `${key}-port`, entry: 'default' },
    ),
    tls: named(
      `${key}.listeners.ssl`,
      listenAddress,
      noAddresses,
      `${title} listeners with TLS, usually on ${ports.tls}; their certificate is that of \`ssl_options\`.`,
      { flag: `${key}-tls-port`, entry: 'default' },
    ),
    proxyProtocol: one(
      `${key}.proxy_protocol`,
      boolean,
      false,
      `Expect a PROXY protocol header (version 1 or 2) on every ${title} connection, but those over WebSocket.`,
    ),
    ...webOf(key, title, ports.web, olderWebPorts),
    ...webTlsOf(key, title, ports.webTls),
  }
}

/** WebSocket: where, and what holds for its TLS port, too. */
function webOf(key: string, title: string, defaultPort: number, olderPorts: readonly string[]) {
  const web = `web_${key}`
  return {
    webPort: one(
      `${web}.tcp.port`,
      optional(port),
      defaultPort,
      `Port of ${title} over WebSocket; \`none\` is off. The default goes when only a TLS port is named, and where it is taken.`,
      { flag: `web-${key}-port`, aliases: olderPorts },
    ),
    webHost: one(`${web}.tcp.ip`, optional(text), null, 'Address of that port; that of `--bind` unless given.'),
    webListener: one(
      `${web}.tcp.listener`,
      optional(listenAddress),
      null,
      'Both in one, where it is given; `none` is off.',
    ),
    webPath: one(`${web}.ws_path`, text, '/ws', `Path of ${title} over WebSocket.`, { flag: `web-${key}-path` }),
    webProxyProtocol: one(
      `${web}.proxy_protocol`,
      boolean,
      false,
      `Expect a PROXY protocol header (version 1 or 2) on every connection to the WebSocket ports of ${title}.`,
    ),
    webMessageBytesMax: one(
      `${web}.ws_opts.max_frame_size`,
      optional(bytes(1, WEB_MESSAGE_MAX)),
      null,
      'Largest WebSocket message that a client may send. `none`: what `max_message_size` allows, and 1 MiB for the rest of it.',
    ),
    webConnectionsMax: one(
      `${web}.max_connections`,
      optional(integer(1)),
      null,
      'WebSockets that each of those ports serves; who comes when there are so many gets HTTP status 503.',
    ),
    webOrigins: list(
      `${web}.allow_origins`,
      text,
      [],
      'Origins (`https://example.org`) whose pages may connect there; others get HTTP status 403. `*`, as when none is named, is any. Clients that are no browser name no origin, and may.',
    ),
    webIdleMs: one(
      `${web}.ws_opts.idle_timeout`,
      optional(duration('ms', 1)),
      null,
      'A WebSocket of which nothing has come for so long is closed; `infinity` leaves that to heart-beats and keep alives.',
    ),
    webCompresses: one(
      `${web}.ws_opts.compress`,
      boolean,
      false,
      'Compress WebSocket messages of 1 KiB and more (permessage-deflate) for clients that offer it, and let them.',
    ),
  }
}

function webTlsOf(key: string, title: string, usualPort: number) {
  const tls = `web_${key}.ssl`
  const file = (name: string, what: string) =>
    one(
      `${tls}.${name}`,
      optional(path),
      null,
      `PEM file of the ${what} for that port; that of \`ssl_options\` unless given.`,
    )
  return {
    webTlsPort: one(
      `${tls}.port`,
      optional(port),
      null,
      `Port of ${title} over WebSocket with TLS, usually ${usualPort}.`,
      { flag: `web-${key}-tls-port` },
    ),
    webTlsHost: one(`${tls}.ip`, optional(text), null, 'Address of that port; that of `--bind` unless given.'),
    webTlsListener: one(`${tls}.listener`, optional(listenAddress), null, 'Both in one, where it is given.'),
    webCaFile: file('cacertfile', 'authorities'),
    webCertFile: file('certfile', 'certificate'),
    webKeyFile: file('keyfile', 'private key'),
    webPassword: one(`${tls}.password`, optional(text), null, 'Password of that key.', { secret: true }),
    webVersions: list(
      `${tls}.versions`,
      tlsVersion,
      [],
      'TLS versions to accept on that port; those of `ssl_options` unless given.',
    ),
    webCiphers: list(
      `${tls}.ciphers`,
      text,
      [],
      'Cipher suites of that port, by their OpenSSL names; those of `ssl_options` unless given.',
    ),
    webHonorCipherOrder: one(
      `${tls}.honor_cipher_order`,
      optional(boolean),
      null,
      "Whether the broker's order of them counts, or the client's; as in `ssl_options` unless given.",
    ),
  }
}

export const protocols = {
  spoken: list(
    'warren.protocols',
    oneOf('amqp', 'mqtt', 'stomp'),
    ['amqp', 'mqtt', 'stomp'],
    'The protocols that are spoken; `listeners.tcp = none` and its likes close single ports.',
    { flag: 'protocols' },
  ),
}

export const mqttListeners = listenersOf('mqtt', 'MQTT', { tcp: 1883, tls: 8883, web: 15675, webTls: 15676 })
export const stompListeners = listenersOf('stomp', 'STOMP', { tcp: 61613, tls: 61614, web: 15674, webTls: 15673 }, [
  'web_stomp.port',
])
