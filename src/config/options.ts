import { http } from './http-options.ts'
import { backends, credentialValidator, httpLogins, ldap, loginCache, oauth2 } from './login-options.ts'
import { prometheus, statistics, tracing } from './monitoring-options.ts'
import { opentelemetry } from './otel-options.ts'
import { mqtt } from './mqtt-options.ts'
import { mqttListeners, protocols, stompListeners } from './protocol-options.ts'
import { list, members, named, one } from './option.ts'
import type { Option, ValueOf } from './option.ts'
import {
  auto,
  boolean,
  bytes,
  choice,
  duration,
  inherited,
  integer,
  listenAddress,
  oneOf,
  only,
  optional,
  path,
  pathOrFalse,
  rotationDate,
  ratio,
  share,
  text,
  tlsVersion,
} from './option-types.ts'
import type { ListenAddress } from './option-types.ts'
import { stomp } from './stomp-options.ts'

/**
 * Every option, one row each. The loader, `warren start --help` and `docs/configuration.md` all come from this table.
 */

const logLevel = choice({
  debug: 'debug',
  info: 'info',
  notice: 'info',
  warning: 'warn',
  warn: 'warn',
  error: 'error',
  critical: 'error',
  alert: 'error',
  emergency: 'error',
  none: 'silent',
  silent: 'silent',
})
const logFormat = oneOf('plaintext', 'json')

const queueType = choice({
  classic: 'classic',
  quorum: 'quorum',
  stream: 'stream',
  rabbit_classic_queue: 'classic',
  rabbit_quorum_queue: 'quorum',
  rabbit_stream_queue: 'stream',
})

const certificateLogin = choice({
  distinguished_name: 'distinguished_name',
  common_name: 'common_name',
  subject_alternative_name: 'subject_alternative_name',
  subject_alt_name: 'subject_alternative_name',
})

const KIB = 1024
const MIB = 1024 ** 2
const count = optional(integer(1))

const noAddresses: ReadonlyMap<string, ListenAddress> = new Map()
const noTexts: ReadonlyMap<string, string> = new Map()

const node = {
  config: one(
    'warren.config',
    optional(path),
    null,
    'Configuration file. The `*.conf` files of a `conf.d` folder next to it are read after it, in order of name.',
    { flag: 'config', env: ['RABBITMQ_CONFIG_FILE'] },
  ),
  configFiles: one(
    'warren.config_files',
    optional(path),
    null,
    'Folder (or `folder/*.conf`) of further configuration files, in place of `conf.d`.',
    { flag: 'config-files', env: ['RABBITMQ_CONFIG_FILES'] },
  ),
  advancedConfig: one(
    'warren.advanced_config',
    optional(path),
    null,
    'File in the Erlang-term format, for logins, traces, MQTT and STOMP; `advanced.config` next to the configuration file unless given.',
    { flag: 'advanced-config', env: ['RABBITMQ_ADVANCED_CONFIG_FILE'] },
  ),
  dataDir: one('warren.data_dir', path, './warren-data', 'Where the broker keeps its data.', { flag: 'data-dir' }),
  memory: one('warren.memory', boolean, false, 'Keep everything in memory and write nothing to disk.', {
    flag: 'memory',
  }),
  segmentBytes: one(
    'warren.journal_segment_size',
    bytes(64 * KIB, 1024 * MIB),
    64 * MIB,
    'Size of the files of the message store. A file goes when nothing in it is wanted any more.',
    { flag: 'journal-segment-size' },
  ),
  messageMemory: one(
    'warren.message_memory',
    optional(bytes()),
    null,
    'Memory for queued messages with a data directory; what is beyond is left to the disk and read back when its turn comes. A quarter of the memory high watermark, at most 64 MiB, unless given.',
    { flag: 'message-memory' },
  ),
  plugins: list(
    'warren.plugins',
    text,
    [],
    'Plugins to load: names of npm packages, or paths of files or folders that start with `/`, `./` or `../`.',
    { flag: 'plugins' },
  ),
  pluginSettings: named('plugin', text, noTexts, 'What a plugin is told, as `plugin.NAME.KEY`.', {
    flag: 'plugin-setting',
  }),
  eventExchange: one(
    'event_exchange.enabled',
    boolean,
    true,
    'Publish what happens in the broker to the exchange `amq.rabbitmq.event`. It costs nothing while nothing is bound to it.',
  ),
  eventExchangeVhost: one(
    'event_exchange.vhost',
    optional(text),
    null,
    'Virtual host of that exchange; the default one unless given.',
  ),
  name: one('warren.node_name', optional(text), null, 'Name of the node, `rabbit@` and the host name unless given.', {
    flag: 'node-name',
    env: ['RABBITMQ_NODENAME'],
  }),
  clusterName: one(
    'cluster_name',
    optional(text),
    null,
    'Name shown to clients and in the management UI; that of the node unless given.',
  ),
  product: one(
    'warren.announced_product',
    text,
    'RabbitMQ',
    'Product name announced to clients; some look at it to decide what the broker can do.',
    { flag: 'announced-product' },
  ),
  version: one('warren.announced_version', text, '4.3.5', 'Version announced to clients; some compare it.', {
    flag: 'announced-version',
  }),
  platform: one(
    'warren.announced_platform',
    optional(text),
    null,
    'Platform announced to clients; WarrenMQ on Node.js and its version unless given.',
    { flag: 'announced-platform' },
  ),
  timestampInterceptor: one(
    'message_interceptors.incoming.set_header_timestamp.overwrite',
    optional(boolean),
    null,
    'Put the time of receipt into each message (header `timestamp_in_ms` and the timestamp property); with `false` only where there is none.',
    { flag: 'set-header-timestamp' },
  ),
  routingNodeInterceptor: one(
    'message_interceptors.incoming.set_header_routing_node.overwrite',
    optional(boolean),
    null,
    "Put the node's name into each message (header `x-routed-by`); with `false` only where there is none.",
    { flag: 'set-header-routing-node' },
  ),
}

const network = {
  bind: list(
    'warren.bind',
    text,
    ['::'],
    'Addresses to listen on where a listener names none. `::` takes IPv4 as well; without IPv6 it is `0.0.0.0`.',
    { flag: 'bind', env: ['RABBITMQ_NODE_IP_ADDRESS'] },
  ),
  tcp: named(
    'listeners.tcp',
    listenAddress,
    new Map([['default', { host: null, port: 5672 }]]),
    'AMQP listeners without TLS. The default one goes when others are named.',
    { flag: 'port', entry: 'default', env: ['RABBITMQ_NODE_PORT'] },
  ),
  tls: named(
    'listeners.ssl',
    listenAddress,
    noAddresses,
    'AMQP listeners with TLS, usually on 5671; they need `ssl_options.certfile` and `ssl_options.keyfile`.',
    { flag: 'tls-port', entry: 'default' },
  ),
  proxyProtocol: one(
    'proxy_protocol',
    boolean,
    false,
    'Expect a PROXY protocol header (version 1 or 2) on every AMQP connection.',
  ),
  backlog: one('tcp_listen_options.backlog', integer(1, 65_535), 511, 'Connections that may wait to be accepted.'),
  nodelay: one('tcp_listen_options.nodelay', boolean, true, 'Send small packets at once (TCP_NODELAY).'),
  keepalive: one('tcp_listen_options.keepalive', boolean, false, 'Let the operating system probe idle connections.'),
  tlsThreads: one(
    'warren.tls_threads',
    auto(integer(0, 64)),
    'auto',
    "Threads that do the TLS of AMQP, MQTT and STOMP, on Linux; 0 leaves it to the broker's thread. `auto` is a quarter of the cores, at most 4, and 0 with fewer than four cores. A thread takes some 26 MiB, and a connection three open files in place of one.",
    { flag: 'tls-threads' },
  ),
  handshakeTimeoutMs: one(
    'handshake_timeout',
    duration('ms', 1),
    10_000,
    'Time for a client to get from connecting to an open connection.',
    { reloadable: true },
  ),
  heartbeatSec: one('heartbeat', duration('s', 0, 65_535), 60, 'Heartbeat interval suggested to clients; 0 is none.', {
    reloadable: true,
  }),
  frameMaxBytes: one('frame_max', bytes(8 * KIB, 2_147_483_647), 128 * KIB, 'Largest AMQP frame.', {
    reloadable: true,
  }),
  initialFrameMaxBytes: one(
    'initial_frame_max',
    bytes(4 * KIB, MIB),
    8 * KIB,
    'Largest AMQP frame before the client and the broker have agreed on `frame_max`.',
    { reloadable: true },
  ),
  channelMax: one('channel_max', integer(0, 65_535), 2047, 'Channels per connection; 0 is no limit.', {
    aliases: ['max_channels_per_connection'],
    reloadable: true,
  }),
  webSocketEnabled: one('web_amqp.enabled', boolean, true, 'Offer AMQP over WebSocket on the HTTP port.'),
  webSocketPath: one('web_amqp.path', text, '/ws/amqp', 'Path of AMQP over WebSocket.', {
    aliases: ['web_amqp.ws_path'],
  }),
  webSocketCompresses: one(
    'web_amqp.ws_opts.compress',
    boolean,
    false,
    'Compress WebSocket messages of 1 KiB and more (permessage-deflate) for clients that offer it, and let them.',
  ),
}

const tls = {
  caFile: one(
    'ssl_options.cacertfile',
    optional(path),
    null,
    "PEM file of the authorities that clients' certificates are checked against.",
  ),
  certFile: one('ssl_options.certfile', optional(path), null, "PEM file of the broker's certificate and its chain."),
  keyFile: one('ssl_options.keyfile', optional(path), null, "PEM file of the broker's private key."),
  password: one('ssl_options.password', optional(text), null, 'Password of the private key.', { secret: true }),
  verify: one(
    'ssl_options.verify',
    oneOf('verify_peer', 'verify_none'),
    'verify_none',
    'Whether clients are asked for a certificate, and those that give one are checked.',
  ),
  requireCertificate: one(
    'ssl_options.fail_if_no_peer_cert',
    boolean,
    false,
    'Refuse clients without a certificate (with `verify_peer`).',
  ),
  versions: list('ssl_options.versions', tlsVersion, ['tlsv1.3', 'tlsv1.2'], 'TLS versions to accept.'),
  ciphers: list(
    'ssl_options.ciphers',
    text,
    [],
    'Cipher suites to accept, by their OpenSSL names; those of Node.js unless given.',
  ),
  honorCipherOrder: one(
    'ssl_options.honor_cipher_order',
    boolean,
    true,
    "Prefer the broker's order of cipher suites to the client's.",
  ),
  handshakeTimeoutMs: one('ssl_handshake_timeout', duration('ms', 1), 5000, 'Time for the TLS handshake.'),
  crlCheck: one(
    'ssl_options.crl_check',
    only(['false'], 'revocation lists are not checked here'),
    'false',
    'Accepted as `false` only: revocation lists are not checked.',
  ),
}

const auth = {
  backends: named(
    'auth_backends',
    backends,
    new Map([['1', ['internal']]]),
    'Who logins are asked of, in the order of the numbers: `N = internal`, or `N.authn = ldap` and `N.authz = internal`. See [authentication](authentication.md).',
    { entry: '1' },
  ),
  trackSources: one('track_auth_attempt_source', boolean, false, 'Count logins by address and user as well.'),
  mechanisms: list(
    'auth_mechanisms',
    oneOf('PLAIN', 'AMQPLAIN', 'EXTERNAL', 'ANONYMOUS'),
    ['PLAIN', 'AMQPLAIN', 'ANONYMOUS'],
    'SASL mechanisms to offer. ANONYMOUS is offered only when `anonymous_login_user` is set.',
  ),
  loopbackUsers: members(
    'loopback_users',
    boolean,
    ['guest'],
    'Users that may connect from this machine only; `none` lifts it for all.',
    { keepsDefault: true, reloadable: true },
  ),
  anonymousUser: one(
    'anonymous_login_user',
    optional(text),
    null,
    'User that clients without credentials become; `none` refuses them.',
    { reloadable: true },
  ),
  anonymousPassword: one('anonymous_login_pass', text, 'guest', 'Password of that user.', {
    secret: true,
    reloadable: true,
  }),
  certificateLogin: one(
    'ssl_cert_login_from',
    certificateLogin,
    'distinguished_name',
    "Which name of a client's certificate is the user name, with EXTERNAL.",
  ),
  sanType: one(
    'ssl_cert_login_san_type',
    oneOf('dns', 'ip', 'email', 'uri', 'other_name'),
    'dns',
    'Kind of the subject alternative name that is the user name.',
  ),
  sanIndex: one('ssl_cert_login_san_index', integer(0, 1000), 0, 'Which one of that kind, counted from 0.'),
  defaultUser: one('default_user', text, 'guest', 'User created when the broker starts for the first time.', {
    env: ['RABBITMQ_DEFAULT_USER'],
  }),
  defaultPassword: one('default_pass', text, 'guest', 'Password of that user.', {
    env: ['RABBITMQ_DEFAULT_PASS'],
    secret: true,
  }),
  defaultVhost: one('default_vhost', text, '/', 'Virtual host created when the broker starts for the first time.', {
    env: ['RABBITMQ_DEFAULT_VHOST'],
  }),
  defaultTags: members('default_user_tags', boolean, ['administrator'], 'Tags of the default user.'),
  defaultConfigure: one('default_permissions.configure', text, '.*', 'What the default user may declare and delete.'),
  defaultRead: one('default_permissions.read', text, '.*', 'What the default user may read from.'),
  defaultWrite: one('default_permissions.write', text, '.*', 'What the default user may write to.'),
  ...credentialValidator,
  definitions: one(
    'load_definitions',
    optional(path),
    null,
    'Definitions file (JSON) to import at start. With one, the default user and virtual host are not created.',
    {
      aliases: ['definitions.local.path', 'management.load_definitions'],
    },
  ),
  definitionsBackend: one(
    'definitions.import_backend',
    only(
      ['local_filesystem', 'rabbit_definitions_import_local_filesystem'],
      'definitions are read from local files only',
    ),
    'local_filesystem',
    'Accepted as `local_filesystem` only.',
  ),
}

const limits = {
  connectionsMax: one('max_connections', optional(integer(0)), null, 'Connections the node accepts.', {
    aliases: ['connection_max'],
    reloadable: true,
  }),
  channelsMax: one('channel_max_per_node', count, null, 'Channels on the node.', { reloadable: true }),
  consumersPerChannelMax: one('consumer_max_per_channel', count, null, 'Consumers on a channel.', { reloadable: true }),
  vhostsMax: one('vhost_max', optional(integer(0)), null, 'Virtual hosts.', { reloadable: true }),
  queuesMax: one('cluster_queue_limit', count, null, 'Queues in all virtual hosts.', { reloadable: true }),
  exchangesMax: one('cluster_exchange_limit', count, null, 'Exchanges in all virtual hosts.', { reloadable: true }),
  messageBytesMax: one('max_message_size', bytes(1, 512 * MIB), 16 * MIB, 'Largest message body.', {
    reloadable: true,
  }),
  vhostDefaults: named(
    'default_limits.vhosts',
    text,
    noTexts,
    'Limits of new virtual hosts: `ID.pattern`, `ID.max_connections`, `ID.max_queues`.',
  ),
  operatorPolicies: named(
    'default_policies.operator',
    text,
    noTexts,
    'Operator policies of new virtual hosts: `ID.vhost_pattern`, `ID.queue_pattern`, and keys such as `ID.max_length`.',
  ),
  memoryRelative: one(
    'vm_memory_high_watermark.relative',
    share,
    0.6,
    'Publishers are held back above this share of the memory.',
    { reloadable: true },
  ),
  memoryAbsolute: one(
    'vm_memory_high_watermark.absolute',
    optional(bytes()),
    null,
    'The same in bytes; it wins over the share.',
    { reloadable: true },
  ),
  diskRelative: one(
    'disk_free_limit.relative',
    optional(ratio),
    null,
    'Publishers are held back below this much free disk, as a multiple of the memory.',
    { reloadable: true },
  ),
  diskAbsolute: one(
    'disk_free_limit.absolute',
    optional(bytes()),
    50_000_000,
    'The same in bytes; when both are set, this one wins.',
    { reloadable: true },
  ),
}

const queues = {
  defaultType: one('default_queue_type', queueType, 'classic', 'Type of queues that are declared without one.', {
    reloadable: true,
  }),
  consumerTimeoutMs: one(
    'consumer_timeout',
    optional(duration('ms', 1, Number.MAX_SAFE_INTEGER)),
    1_800_000,
    'Time for a consumer to acknowledge a delivery; `none` is no limit.',
    { reloadable: true },
  ),
  defaultPrefetch: one(
    'default_consumer_prefetch',
    integer(0, 65_535),
    0,
    'Prefetch of consumers that set none; 0 is no limit.',
    { reloadable: true },
  ),
}

const NO_ROTATION =
  'Checked, and has no effect: a log file is rotated by logrotate, see [operations](operations.md#logs).'

const log = {
  level: one('log.level', logLevel, 'info', 'How much is logged: `debug`, `info`, `warning`, `error` or `none`.', {
    aliases: ['log.default.level'],
    reloadable: true,
  }),
  console: one('log.console', boolean, true, 'Log to standard error.'),
  consoleLevel: one(
    'log.console.level',
    inherited(logLevel),
    null,
    'Level for the console, `none` for nothing; `log.level` unless given.',
    {
      reloadable: true,
    },
  ),
  consoleFormat: one('log.console.formatter', logFormat, 'plaintext', "Form of the console's lines."),
  file: one('log.file', pathOrFalse, null, 'Log to this file as well.'),
  fileLevel: one(
    'log.file.level',
    inherited(logLevel),
    null,
    'Level for the file, `none` for nothing; `log.level` unless given.',
    {
      reloadable: true,
    },
  ),
  fileFormat: one('log.file.formatter', logFormat, 'plaintext', "Form of the file's lines."),
  rotationDate: one('log.file.rotation.date', optional(rotationDate), null, NO_ROTATION),
  rotationBytes: one('log.file.rotation.size', optional(bytes()), null, NO_ROTATION),
  rotationCount: one('log.file.rotation.count', optional(integer(0)), null, NO_ROTATION),
  rotationCompresses: one('log.file.rotation.compress', boolean, false, NO_ROTATION),
  exchange: one('log.exchange', boolean, false, 'Publish the log to the exchange `amq.rabbitmq.log` as well.'),
  exchangeLevel: one(
    'log.exchange.level',
    inherited(logLevel),
    null,
    'Level for the exchange, `none` for nothing; `log.level` unless given.',
    {
      reloadable: true,
    },
  ),
  exchangeFormat: one('log.exchange.formatter', logFormat, 'plaintext', "Form of the exchange's lines."),
  dir: one('log.dir', optional(path), null, 'Folder that a relative `log.file` is in.', { env: ['RABBITMQ_LOG_BASE'] }),
}

export const OPTIONS = {
  node,
  network,
  protocols,
  mqttListeners,
  mqtt,
  stompListeners,
  stomp,
  http,
  auth,
  ldap,
  httpLogins,
  loginCache,
  oauth2,
  tls,
  limits,
  queues,
  statistics,
  tracing,
  prometheus,
  opentelemetry,
  log,
}

export const GROUP_TITLES: Readonly<Record<keyof typeof OPTIONS, string>> = {
  node: 'Node',
  network: 'Network',
  protocols: 'Protocols',
  mqttListeners: 'MQTT: listeners',
  mqtt: 'MQTT',
  stompListeners: 'STOMP: listeners',
  stomp: 'STOMP',
  http: 'HTTP API and web console',
  auth: 'Users and permissions',
  ldap: 'Logins by LDAP',
  httpLogins: 'Logins by an HTTP service',
  loginCache: 'Cached logins',
  oauth2: 'Logins by OAuth 2',
  tls: 'TLS',
  limits: 'Limits',
  queues: 'Queues and consumers',
  statistics: 'Statistics',
  tracing: 'Traces',
  prometheus: 'Metrics for Prometheus',
  opentelemetry: 'OpenTelemetry',
  log: 'Logging',
}

export type OptionValues = {
  readonly [G in keyof typeof OPTIONS]: {
    readonly [K in keyof (typeof OPTIONS)[G]]: ValueOf<(typeof OPTIONS)[G][K]>
  }
}

export const allOptions: readonly Option<unknown>[] = Object.values(OPTIONS).flatMap((group) => Object.values(group))
