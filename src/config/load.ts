import { readFileSync, readdirSync } from 'node:fs'
import { availableParallelism, hostname } from 'node:os'
import { resolve } from 'node:path'
import type { Config, OperatorPolicyTemplate, TlsConfig, VhostLimits, Watermark } from './config.ts'
import { effectiveSettings } from './effective.ts'
import { ConfigError } from './errors.ts'
import { buildHttp } from './load-http.ts'
import { buildProtocols, listeners } from './load-protocols.ts'
import { buildMqtt } from './load-mqtt.ts'
import { buildLogins } from './load-logins.ts'
import { buildOpenTelemetry, buildPrometheus, buildStatistics } from './load-monitoring.ts'
import type { LogLevel } from '../telemetry/log.ts'
import { bytes, duration, integer, pattern as patternType } from './option-types.ts'
import type { OptionType } from './option-types.ts'
import { OPTIONS } from './options.ts'
import type { OptionValues } from './options.ts'
import { RANK, Settings } from './settings.ts'
import { readEnvironment, readFiles, readFlags, variablesRead } from './sources.ts'
import type { Environment } from './sources.ts'

export interface LoadOptions {
  /** Arguments after the command's name. */
  readonly argv: readonly string[]
  readonly env: Environment
  /** Keys of the configuration file and their values, as if they stood at the head of the first file. */
  readonly keys?: Readonly<Record<string, string | number | boolean>>
  /** Null when there is no such file; the file system unless given. */
  readonly readFile?: (path: string) => string | null
  /** The names in a folder, null when there is none; the file system unless given. */
  readonly readDir?: (path: string) => readonly string[] | null
}

/**
 * The configuration from flags, environment, files and defaults, the earlier of these winning.
 *
 * @throws ConfigError naming everything that is wrong, not just the first thing.
 */
export function loadConfig(options: LoadOptions): Config {
  const { argv, env, keys = {}, readFile = readFileIfAny, readDir = readDirIfAny } = options
  const settings = new Settings()
  readFlags(argv, settings)
  readEnvironment(env, settings)
  for (const [key, value] of Object.entries(keys)) {
    settings.setKey(key, String(value), { rank: RANK.file, where: 'configuration' })
  }
  const files = readFiles(settings, { read: readFile, list: readDir }, env)
  const values = resolveAll(settings)
  const config = build(values, settings, files)
  settings.throwProblems()
  return { ...config, effective: effectiveSettings(settings), environment: variablesRead(env) }
}

function resolveAll(settings: Settings): OptionValues {
  const groups = Object.entries(OPTIONS).map(([group, rows]) => [
    group,
    Object.fromEntries(Object.entries(rows).map(([name, option]) => [name, settings.resolve(option)])),
  ])
  return Object.fromEntries(groups) as OptionValues
}

/** A configuration without the account of where it comes from. */
type Built = Omit<Config, 'effective' | 'environment'>

function build(values: OptionValues, settings: Settings, files: readonly string[]): Built {
  const { node, network, auth, limits, queues } = values
  const name = nodeName(node.name)
  const tls = buildTls(values, settings)
  const amqp = values.protocols.spoken.includes('amqp')
  return {
    node: {
      name,
      clusterName: node.clusterName ?? name,
      announced: {
        product: node.product,
        version: node.version,
        platform: node.platform ?? `WarrenMQ on Node.js ${process.versions.node}`,
      },
    },
    interceptors: { timestamp: node.timestampInterceptor, routingNode: node.routingNodeInterceptor },
    dataDir: node.memory ? null : resolve(node.dataDir),
    store: { segmentBytes: node.segmentBytes, messageMemoryBytes: node.messageMemory },
    eventExchangeVhost: node.eventExchange ? (node.eventExchangeVhost ?? values.auth.defaultVhost) : null,
    plugins: { names: node.plugins, settings: node.pluginSettings },
    listeners: buildListeners(network, amqp),
    tls,
    http: buildHttp(values, tls, settings),
    protocols: buildProtocols(values, tls, settings),
    mqtt: buildMqtt(values, settings),
    stomp: values.stomp,
    websocket:
      amqp && network.webSocketEnabled ? { path: network.webSocketPath, compress: network.webSocketCompresses } : null,
    statistics: buildStatistics(values, settings),
    tracesDir: values.tracing.dir === null ? null : resolve(values.tracing.dir),
    prometheus: buildPrometheus(values, settings),
    opentelemetry: buildOpenTelemetry(values, settings),
    auth: buildAuth(auth, settings),
    logins: buildLogins(values, settings),
    connection: buildConnection(network),
    limits: {
      connectionsMax: limits.connectionsMax,
      channelsMax: limits.channelsMax,
      consumersPerChannelMax: limits.consumersPerChannelMax,
      vhostsMax: limits.vhostsMax,
      queuesMax: limits.queuesMax,
      exchangesMax: limits.exchangesMax,
      messageBytesMax: limits.messageBytesMax,
    },
    queues,
    memory: watermark(limits.memoryAbsolute, limits.memoryRelative),
    disk: buildDisk(limits, settings),
    defaults: {
      user: auth.defaultUser,
      password: auth.defaultPassword,
      vhost: auth.defaultVhost,
      tags: auth.defaultTags,
      permissions: { configure: auth.defaultConfigure, write: auth.defaultWrite, read: auth.defaultRead },
      vhostLimits: buildVhostLimits(limits.vhostDefaults, settings),
      operatorPolicies: buildOperatorPolicies(limits.operatorPolicies, settings),
    },
    definitionsFile: auth.definitions === null ? null : resolve(auth.definitions),
    log: buildLog(values.log, settings),
    files,
    warnings: rotationWarnings(values.log),
    ignored: [...settings.ignored],
  }
}

function rotationWarnings(log: OptionValues['log']): string[] {
  const { file, rotationDate, rotationBytes, rotationCount, rotationCompresses } = log
  const isRotated = [rotationDate, rotationBytes, rotationCount].some((value) => value !== null) || rotationCompresses
  if (file === null || !isRotated) return []
  return [
    'log.file.rotation has no effect: the log file grows until something like logrotate moves it and sends SIGHUP',
  ]
}

function buildListeners(network: OptionValues['network'], amqp: boolean): Config['listeners'] {
  const { bind, proxyProtocol, backlog, nodelay, keepalive, tlsThreads } = network
  return {
    tcp: amqp ? listeners(network.tcp, bind) : [],
    tls: amqp ? listeners(network.tls, bind) : [],
    bind,
    proxyProtocol,
    backlog,
    nodelay,
    keepalive,
    tlsThreads: tlsThreads === 'auto' ? sensibleTlsThreads() : tlsThreads,
  }
}

/** Threads beside the broker's help where there are cores for them, on the only system where several may share a port. */
function sensibleTlsThreads(): number {
  const cores = availableParallelism()
  return process.platform === 'linux' && cores >= 4 ? Math.min(4, Math.floor(cores / 4)) : 0
}

function buildConnection(network: OptionValues['network']): Config['connection'] {
  const { handshakeTimeoutMs, heartbeatSec, frameMaxBytes, initialFrameMaxBytes, channelMax } = network
  return { handshakeTimeoutMs, heartbeatSec, frameMaxBytes, initialFrameMaxBytes, channelMax }
}

/** RabbitMQ's rule: a name without a host gets this machine's. */
function nodeName(given: string | null): string {
  if (given?.includes('@')) return given
  return `${given ?? 'rabbit'}@${hostname().split('.')[0]}`
}

function buildTls(values: OptionValues, settings: Settings): TlsConfig | null {
  const { network, tls } = values
  const { certFile, keyFile } = tls
  const { mqttListeners, stompListeners } = values
  const secured = network.tls.size + mqttListeners.tls.size + stompListeners.tls.size
  if (certFile === null && keyFile === null && secured === 0) return null
  for (const [key, value] of [
    ['ssl_options.certfile', certFile],
    ['ssl_options.keyfile', keyFile],
  ]) {
    if (value === null) settings.problem({ rank: RANK.file, where: 'TLS listeners' }, `need ${key}`)
  }
  if (tls.verify === 'verify_peer' && tls.caFile === null) {
    settings.problem({ rank: RANK.file, where: 'ssl_options.verify' }, 'verify_peer needs ssl_options.cacertfile')
  }
  return {
    caFile: tls.caFile === null ? null : resolve(tls.caFile),
    certFile: resolve(certFile ?? ''),
    keyFile: resolve(keyFile ?? ''),
    password: tls.password,
    verifyPeer: tls.verify === 'verify_peer',
    requireCertificate: tls.requireCertificate,
    versions: tls.versions,
    ciphers: tls.ciphers,
    honorCipherOrder: tls.honorCipherOrder,
    handshakeTimeoutMs: tls.handshakeTimeoutMs,
  }
}

function buildAuth(auth: OptionValues['auth'], settings: Settings): Config['auth'] {
  const { validator, passwordBytesMin: bytesMin, passwordPattern: pattern } = auth
  if (validator === 'rabbit_credential_validator_password_regexp' && pattern === null) {
    settings.problem({ rank: RANK.file, where: 'credential_validator' }, 'needs credential_validator.regexp')
  }
  const anonymous = auth.anonymousUser === null ? null : { user: auth.anonymousUser, password: auth.anonymousPassword }
  return {
    mechanisms: auth.mechanisms.filter((mechanism) => mechanism !== 'ANONYMOUS' || anonymous !== null),
    loopbackUsers: auth.loopbackUsers,
    anonymous,
    credentialValidator: { kind: validator, bytesMin, pattern },
    certificateLogin: { from: auth.certificateLogin, sanType: auth.sanType, sanIndex: auth.sanIndex },
  }
}

const watermark = (absolute: number | null, relative: number): Watermark =>
  absolute === null ? { bytes: null, relativeToMemory: relative } : { bytes: absolute, relativeToMemory: null }

/** The absolute limit wins when both are set, but its default does not win over a relative one that was set. */
function buildDisk(limits: OptionValues['limits'], settings: Settings): Watermark {
  const { diskRelative, diskAbsolute } = limits
  if (diskRelative === null) return { bytes: diskAbsolute ?? 0, relativeToMemory: null }
  const chosen = settings.rankOf(OPTIONS.limits.diskAbsolute) === RANK.default ? null : diskAbsolute
  return watermark(chosen, diskRelative)
}

/** A level for one sink holds unless the general one was set from a stronger source, as with `--log-level debug`. */
function buildLog(log: OptionValues['log'], settings: Settings): Config['log'] {
  const { level, consoleLevel, fileLevel, exchangeLevel } = OPTIONS.log
  const general = settings.rankOf(level)
  const levelOf = (option: typeof consoleLevel, own: LogLevel | null): LogLevel =>
    own === null || general > settings.rankOf(option) ? log.level : own
  return {
    console: log.console ? { level: levelOf(consoleLevel, log.consoleLevel), format: log.consoleFormat } : null,
    file:
      log.file === null
        ? null
        : { path: resolve(log.dir ?? '', log.file), level: levelOf(fileLevel, log.fileLevel), format: log.fileFormat },
    exchange: log.exchange ? { level: levelOf(exchangeLevel, log.exchangeLevel), format: log.exchangeFormat } : null,
  }
}

/** `ID.field = value` lines by their ID. */
function byId(lines: ReadonlyMap<string, string>): Map<string, Map<string, string>> {
  const found = new Map<string, Map<string, string>>()
  for (const [path, value] of lines) {
    const dot = path.indexOf('.')
    const id = dot < 0 ? path : path.slice(0, dot)
    if (!found.has(id)) found.set(id, new Map())
    found.get(id)!.set(dot < 0 ? '' : path.slice(dot + 1), value)
  }
  return found
}

/** Reads one field of a structured option, as `Settings` does for the plain ones. */
function field<T>(settings: Settings, key: string, value: string, type: OptionType<T> | undefined): T | null {
  try {
    if (type === undefined) throw new Error('is not a known key')
    return type.parse(value)
  } catch (error) {
    const text = type === undefined ? (error as Error).message : `'${value}' ${(error as Error).message}`
    settings.problem({ rank: RANK.file, where: key }, text)
    return null
  }
}

function buildVhostLimits(lines: ReadonlyMap<string, string>, settings: Settings): VhostLimits[] {
  return [...byId(lines)].map(([name, fields]) => {
    let pattern = '.*'
    const found: Record<string, number | null> = { max_connections: null, max_queues: null }
    for (const [key, value] of fields) {
      const where = `default_limits.vhosts.${name}.${key}`
      if (key === 'pattern') pattern = field(settings, where, value, patternType) ?? pattern
      else found[key] = field(settings, where, value, key in found ? integer(1) : undefined)
    }
    return { name, pattern, connectionsMax: found['max_connections']!, queuesMax: found['max_queues']! }
  })
}

const POLICY_FIELDS: Readonly<Record<string, OptionType<number>>> = {
  expires: duration('ms', 1, Number.MAX_SAFE_INTEGER),
  message_ttl: duration('ms', 0, Number.MAX_SAFE_INTEGER),
  max_length: integer(1),
  max_length_bytes: bytes(1),
  max_in_memory_length: integer(1),
  max_in_memory_bytes: bytes(1),
  delivery_limit: integer(1),
}

function buildOperatorPolicies(lines: ReadonlyMap<string, string>, settings: Settings): OperatorPolicyTemplate[] {
  return [...byId(lines)].map(([name, fields]) => {
    const patterns = { vhost_pattern: '.*', queue_pattern: '.*' }
    const definition: Record<string, number> = {}
    for (const [key, value] of fields) {
      const where = `default_policies.operator.${name}.${key}`
      if (key === 'vhost_pattern' || key === 'queue_pattern') {
        patterns[key] = field(settings, where, value, patternType) ?? patterns[key]
      } else if (key.startsWith('classic_queues.')) {
        settings.ignored.add(where) // Mirroring: it went with RabbitMQ 4.
      } else {
        const parsed = field(settings, where, value, POLICY_FIELDS[key])
        if (parsed !== null) definition[key.replaceAll('_', '-')] = parsed
      }
    }
    return { name, vhostPattern: patterns.vhost_pattern, queuePattern: patterns.queue_pattern, definition }
  })
}

function readFileIfAny(path: string): string | null {
  return ifAny(path, () => readFileSync(path, 'utf8'))
}

function readDirIfAny(path: string): string[] | null {
  return ifAny(path, () => readdirSync(path))
}

function ifAny<T>(path: string, read: () => T): T | null {
  try {
    return read()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') return null
    throw new ConfigError([`${path}: cannot be read: ${(error as Error).message}`])
  }
}
