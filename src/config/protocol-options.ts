import { list, named, one } from './option.ts'
import {
  boolean,
  bytes,
  duration,
  listenAddress,
  oneOf,
  optional,
  path,
  port,
  text,
  type ListenAddress,
} from './option-types.ts'

// Rows of the table in options.ts: which protocols are spoken, and where those besides AMQP are.

const noAddresses: ReadonlyMap<string, ListenAddress> = new Map()

/** Bytes of a message at most, whatever is configured. */
export const MESSAGE_MAX = 512 * 1024 * 1024

/** Where a protocol is spoken: over TCP, TLS and WebSocket. @param key RabbitMQ's prefix of its keys */
function listenersOf(key: string, title: string, ports: { tcp: number; tls: number; web: number; webTls: number }) {
  const web = `web_${key}`
  const flag = key
  return {
    tcp: named(
      `${key}.listeners.tcp`,
      listenAddress,
      new Map([['default', { host: null, port: ports.tcp }]]),
      `${title} listeners without TLS. The default one goes when others are named, and where its port is taken.`,
      { flag: `${flag}-port`, entry: 'default' },
    ),
    tls: named(
      `${key}.listeners.ssl`,
      listenAddress,
      noAddresses,
      `${title} listeners with TLS, usually on ${ports.tls}; their certificate is that of \`ssl_options\`.`,
      { flag: `${flag}-tls-port`, entry: 'default' },
    ),
    proxyProtocol: one(
      `${key}.proxy_protocol`,
      boolean,
      false,
      `Expect a PROXY protocol header (version 1 or 2) on every ${title} connection.`,
    ),
    webPort: one(
      `${web}.tcp.port`,
      optional(port),
      ports.web,
      `Port of ${title} over WebSocket; \`none\` is off. The default goes when only a TLS port is named, and where it is taken.`,
      { flag: `web-${flag}-port`, aliases: [`${web}.port`] },
    ),
    webHost: one(`${web}.tcp.ip`, optional(text), null, 'Address of that port; that of `--bind` unless given.'),
    webAt: one(
      `${web}.tcp.listener`,
      optional(listenAddress),
      null,
      'Address and port in one, in place of these two; `none` is off.',
    ),
    webTlsPort: one(
      `${web}.ssl.port`,
      optional(port),
      null,
      `Port of ${title} over WebSocket with TLS, usually ${ports.webTls}.`,
      { flag: `web-${flag}-tls-port` },
    ),
    webTlsHost: one(`${web}.ssl.ip`, optional(text), null, 'Address of that port; that of `--bind` unless given.'),
    webTlsAt: one(
      `${web}.ssl.listener`,
      optional(listenAddress),
      null,
      'Address and port in one, in place of these two; `none` is off.',
    ),
    webCaFile: one(
      `${web}.ssl.cacertfile`,
      optional(path),
      null,
      'PEM file of the authorities for that port; that of `ssl_options` unless given.',
    ),
    webCertFile: one(
      `${web}.ssl.certfile`,
      optional(path),
      null,
      'PEM file of the certificate for that port; that of `ssl_options` unless given.',
    ),
    webKeyFile: one(
      `${web}.ssl.keyfile`,
      optional(path),
      null,
      'PEM file of the private key for that port; that of `ssl_options` unless given.',
    ),
    webPassword: one(`${web}.ssl.password`, optional(text), null, 'Password of that key.', { secret: true }),
    webPath: one(`${web}.ws_path`, text, '/ws', `Path of ${title} over WebSocket.`, { flag: `web-${flag}-path` }),
    webProxyProtocol: one(
      `${web}.proxy_protocol`,
      boolean,
      false,
      `Expect a PROXY protocol header (version 1 or 2) on every connection of ${title} over WebSocket.`,
    ),
    webIdleTimeoutMs: one(
      `${web}.ws_opts.idle_timeout`,
      optional(duration('ms', 1)),
      null,
      'How long a WebSocket may be silent, its pings and pongs included; `none` leaves it to the heart-beats of the protocol.',
      { aliases: [`${web}.cowboy_opts.idle_timeout`, `${web}.cowboy_opts.timeout`] },
    ),
    webMessageBytesMax: one(
      `${web}.ws_opts.max_frame_size`,
      optional(bytes(1, MESSAGE_MAX)),
      null,
      'Largest WebSocket message that a client may send. `none`: what `max_message_size` allows, and 1 MiB for the rest of it.',
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
export const stompListeners = listenersOf('stomp', 'STOMP', { tcp: 61613, tls: 61614, web: 15674, webTls: 15673 })
