import { readFile } from 'node:fs/promises'
import type { ClientContext } from './amqp-client/index.ts'
import type { Authenticator } from './auth/authenticator.ts'
import { passwords } from './auth/password-hash.ts'
import { CertificateRenewal } from './certificate-renewal.ts'
import type { Config } from './config/config.ts'
import { ConfigError } from './config/errors.ts'
import { Broker, type BrokerOptions } from './core/broker.ts'
import type { BrokerEvent } from './core/events.ts'
import { setRoutingNode, setTimestamp } from './core/interceptors.ts'
import { CredentialRefusedError } from './core/users.ts'
import type { LazyHttp } from './lazy-http.ts'
import { createLogins, credentialValidator } from './logins.ts'
import { importDefinitions } from './management/definitions.ts'
import { Maintenance } from './maintenance.ts'
import type { ManagementHost, NodeControl } from './management/management-host.ts'
import { openMetrics } from './metrics-listeners.ts'
import { BufferPool } from './net/buffer-pool.ts'
import { LateHttpServer } from './net/late-http.ts'
import { LateTlsThreads } from './net/late-tls-threads.ts'
import type { Listener, ListenOptions } from './net/listener.ts'
import { loadTls, type TlsContext } from './net/tls.ts'
import { AmqpFrontEnd, amqpPropertyFormat } from './protocols/amqp091/index.ts'
import { type AddedProtocol, createAdded, openAdded } from './plugin-protocols.ts'
import { eventExchange } from './plugins/event-exchange/index.ts'
import { Links, registerLinks } from './plugins/links.ts'
import type { LinkHost } from './plugins/links/link-host.ts'
import { logExchange } from './plugins/log-exchange/index.ts'
import { loadPlugin } from './plugins/load.ts'
import { openTelemetry } from './plugins/opentelemetry/index.ts'
import { Traces } from './plugins/tracing/traces.ts'
import type { Plugin } from './plugins/plugin.ts'
import { Plugins } from './plugins/plugins.ts'
import { MemoryMessageStore } from './store/memory/memory-message-store.ts'
import { MemoryMetadataStore } from './store/memory/memory-metadata-store.ts'
import type { MessageStore } from './store/message-store.ts'
import type { MetadataStore } from './store/metadata-store.ts'
import { OpenedListeners, type ServerUrls, urlOf } from './opened-listeners.ts'
import { NodeLimits, watermarkBytes } from './node-limits.ts'
import { addQueueTypes, loadProtocols, openProtocol, type SpokenProtocol } from './spoken-protocols.ts'
import type { Log, SteerableLog } from './telemetry/log.ts'
import type { LogTap } from './telemetry/log-tap.ts'
import type { Clock } from './util/clock.ts'
import { Interner } from './util/interner.ts'
import { compilePcre } from './util/pcre.ts'
import { systemClock } from './util/system-clock.ts'
import { Turn } from './util/turn.ts'
import { readVersion } from './version.ts'

/** A broker that has been started from a configuration. */
export interface RunningServer {
  readonly urls: ServerUrls
  /** Null: everything is in memory. */
  readonly dataDir: string | null
  readonly broker: Broker
  /** How all protocols log in. */
  readonly authenticator: Authenticator
  /** To other brokers: shovels and federation. */
  readonly links: Pick<Links, 'shovels' | 'federation'>
  readonly clock: Clock
  /** Creates what a first start creates: default vhost, user and permissions. */
  createDefaults(): void
  /** Closes connections, writes what is pending and closes the store, in this order. `reason` is told to clients. */
  stop(reason: string): Promise<void>
  /** Has listeners show certificates that have been renewed; resolves when they do. It happens every minute all the same. */
  renewCertificates(): Promise<void>
  /** Resolves when the broker cannot go on, for instance because a sync failed. */
  readonly failed: Promise<Error>
}

export interface ServerParts {
  /** Real time unless given. A clock that is given stays its owner's, to close or to use for the next broker. */
  readonly clock?: Clock
  /** Of heartbeats and time-outs of handshakes, and its owner's as well; `clock` unless given. */
  readonly networkClock?: Clock
  /** Where the broker rolls dice: numbers from 0 to 1, 1 excluded. `Math.random` unless given. */
  readonly random?: () => number
  /** Gives the lines of the log to the log exchange, where the configuration asks for one. */
  readonly logTap?: LogTap
  /** Besides those of the configuration. */
  readonly plugins?: readonly Plugin[]
  /** Whether low memory and low disk hold publishers; true unless given. */
  readonly watchResources?: boolean
  /** The log, where operators may steer it. */
  readonly steerableLog?: SteerableLog
  /** Called where an operator wants the process to stop. @param by who */
  readonly onStopRequested?: (by: string) => void
}

/**
 * Puts a broker together and opens it to clients: the only file that knows every part.
 * @throws ListenError, TlsError, PluginError, ConfigError (the definitions file), MetadataStoreError, MessageStoreError
 */
export async function startServer(config: Config, log: Log, parts: ServerParts = {}): Promise<RunningServer> {
  const tls = loadCertificates(config)
  const plugins = await loadPlugins(config, parts.plugins ?? [], parts.logTap ?? null)
  const clock = parts.clock ?? systemClock()
  const turn = new Turn()
  const { promise: failed, resolve: fail } = Promise.withResolvers<Error>()
  const metadata = await openMetadata(config, log)
  const { store, reportDamage } = await openStore(config, { turn, log, metadata, fail })
  const broker = new Broker(brokerOptions(config), {
    store,
    metadata,
    clock,
    turn,
    random: parts.random ?? Math.random,
    log,
    passwords: { ...passwords, refusal: credentialValidator(config) },
    propertyFormats: [amqpPropertyFormat],
    onFailure: fail,
  })
  addInterceptors(broker, config)
  registerLinks(broker)
  addQueueTypes(broker)
  const closeAll = async (): Promise<void> => {
    broker.close()
    // what is pending is written at the ends of turns
    await store.close()
    turn.close()
    if (parts.clock === undefined) clock.close()
    await metadata.close()
  }
  try {
    plugins.register(broker)
    await readBack(broker, config, log, reportDamage, plugins)
    await plugins.start(broker, log)
    const networkClock = parts.networkClock ?? clock
    const logins = await createLogins(config, broker, networkClock, plugins.authBackends)
    const amqp = createFrontEnd(config, broker, logins, networkClock)
    const protocols = await loadProtocols({ config, broker, logins, clock: networkClock })
    const added = createAdded(plugins.protocols, { broker, logins, log, clock: networkClock })
    const links = new Links(linkHost(config, broker, amqp, networkClock))
    const traces = config.tracesDir === null ? null : new Traces(broker, config.tracesDir)
    const frontEnds = [amqp, ...[...protocols, ...added].map(({ frontEnd }) => frontEnd)]
    const control = controlOf(config, parts, new Maintenance(broker, frontEnds))
    const { limits } = control
    const tlsThreads = new LateTlsThreads(config.listeners.tlsThreads, log)
    const listeners = await openListeners(config, {
      tls,
      amqp,
      protocols,
      added,
      log,
      broker,
      logins,
      plugins,
      links,
      traces,
      control,
      tlsThreads,
    })
    const renewal = new CertificateRenewal(listeners.secured, networkClock, log)
    links.start()
    if (parts.watchResources !== false) limits.watch(broker)
    let stopping: Promise<void> | null = null
    const stop = async (reason: string): Promise<void> => {
      renewal.close()
      await links.stop()
      await listeners.close()
      const farewell = `broker forced connection closure with reason '${reason}'`
      await Promise.all(frontEnds.map((each) => each.close(farewell)))
      await tlsThreads.close()
      limits.close()
      await traces?.close()
      await logins.close()
      await plugins.stop(log)
      await broker.commitMetadata()?.catch(() => {})
      await closeAll()
    }
    return {
      urls: listeners.urls,
      dataDir: config.dataDir,
      broker,
      authenticator: logins,
      links,
      clock,
      createDefaults: () => createFirstObjects(broker, config),
      stop: (reason) => (stopping ??= stop(reason)),
      renewCertificates: () => renewal.check(),
      failed,
    }
  } catch (error) {
    await plugins.stop(log)
    await closeAll()
    throw error
  }
}

/** What the listeners show of themselves, by kind of listener. */
interface Certificates {
  readonly amqp: TlsContext | null
  /** For each of `config.http.listeners`. */
  readonly http: readonly (TlsContext | null)[]
}

/** @throws TlsError */
const loadCertificates = ({ tls, http }: Config): Certificates => ({
  amqp: tls === null ? null : loadTls(tls),
  http: http.listeners.map((listener) => (listener.tls === null ? null : loadTls(listener.tls, listener.name))),
})

/** What was there before, and what the configuration adds to it. */
async function readBack(
  broker: Broker,
  config: Config,
  log: Log,
  reportDamage: OpenStore['reportDamage'],
  plugins: Plugins,
): Promise<void> {
  const known = await broker.load()
  plugins.restored()
  reportDamage(broker)
  await addDefinitions(broker, config, log, known)
}

/** As in RabbitMQ: who brings definitions does not want a well-known user besides. @param known whether it is not the first start */
async function addDefinitions(broker: Broker, config: Config, log: Log, known: boolean): Promise<void> {
  giveOperatorPolicies(broker, config)
  if (config.definitionsFile !== null) await loadDefinitions(broker, config.definitionsFile, log)
  else if (!known) createFirstObjects(broker, config)
  await broker.commitMetadata()
}

/** Those of the configuration are looked for from the working directory. @throws PluginError */
async function loadPlugins(config: Config, given: readonly Plugin[], tap: LogTap | null): Promise<Plugins> {
  const { names, settings } = config.plugins
  const loaded = await Promise.all(names.map((name) => loadPlugin(name, process.cwd())))
  return new Plugins([...builtInPlugins(config, tap), ...loaded, ...given], settings)
}

function builtInPlugins(config: Config, tap: LogTap | null): Plugin[] {
  const { eventExchangeVhost, log, defaults, opentelemetry, node } = config
  const plugins: Plugin[] = []
  if (opentelemetry !== null) {
    const { serviceName, ...options } = opentelemetry
    plugins.push(openTelemetry({ ...options, resource: { serviceName, version: readVersion(), nodeName: node.name } }))
  }
  if (eventExchangeVhost !== null) plugins.push(eventExchange(eventExchangeVhost))
  if (tap !== null && log.exchange !== null) plugins.push(logExchange(defaults.vhost, tap, log.exchange.format))
  return plugins
}

/** What is for data directories is loaded only where there is one: a broker in memory starts faster without. */
async function openMetadata(config: Config, log: Log): Promise<MetadataStore> {
  if (config.dataDir === null) return new MemoryMetadataStore()
  const { openLogMetadataStore } = await import('./store/metadata-log/log-metadata-store.ts')
  const store = await openLogMetadataStore(config.dataDir, log)
  if (store.upgradedFrom !== null) {
    log.info(`data directory upgraded from format ${store.upgradedFrom}`, { directory: config.dataDir })
  }
  return store
}

interface OpenStore {
  readonly store: MessageStore
  /** Logs what could not be read, by the names of the queues that are touched, from now on and as found so far. */
  readonly reportDamage: (broker: Broker) => void
}

/** Like the metadata's files, the journal is loaded only where it is used. @throws MessageStoreError */
async function openStore(
  config: Config,
  parts: { turn: Turn; log: Log; metadata: MetadataStore; fail: (error: Error) => void },
): Promise<OpenStore> {
  const { turn, log, metadata, fail } = parts
  if (config.dataDir === null) return { store: new MemoryMessageStore(), reportDamage: () => {} }
  const { openJournalStore } = await import('./store/journal/open.ts')
  const { segmentBytes } = config.store
  const indexBytesMax = messageMemoryBytes(config) / 4
  try {
    const store = await openJournalStore(config.dataDir, { turn, log, segmentBytes, indexBytesMax, onFailure: fail })
    // a message is as safe as its queue, whatever the journal has
    store.barrier = () => metadata.settled()
    const reportDamage = (broker: Broker): void =>
      store.onDamage(({ queueIds, ...report }) => {
        const queues = queueIds.map((id) => broker.nameQueue(id) ?? `number ${id}`)
        log.error('the message store is damaged', { ...report, queues })
      })
    return { store, reportDamage }
  } catch (error) {
    await metadata.close()
    throw error
  }
}

const MESSAGE_MEMORY_MAX = 64 * 1024 * 1024

/** The kernel caches the files of the store; what is kept besides only saves reads from that. */
function messageMemoryBytes({ store, memory }: Config): number {
  return store.messageMemoryBytes ?? Math.min(MESSAGE_MEMORY_MAX, watermarkBytes(memory) / 4)
}

function brokerOptions(config: Config): BrokerOptions {
  const { node, limits, queues, auth, defaults } = config
  return {
    nodeName: node.name,
    defaultQueueType: queues.defaultType,
    consumerTimeoutMs: queues.consumerTimeoutMs ?? 0,
    defaultPrefetch: queues.defaultPrefetch,
    messageBytesMax: limits.messageBytesMax,
    messageMemoryBytes: config.dataDir === null ? -1 : messageMemoryBytes(config),
    connectionsMax: limits.connectionsMax ?? -1,
    channelsMax: limits.channelsMax ?? -1,
    consumersPerSessionMax: limits.consumersPerChannelMax ?? -1,
    vhostsMax: limits.vhostsMax ?? -1,
    queuesMax: limits.queuesMax ?? -1,
    exchangesMax: limits.exchangesMax ?? -1,
    loopbackUsers: auth.loopbackUsers,
    vhostLimits: defaults.vhostLimits.map(({ pattern, connectionsMax, queuesMax }) => ({
      pattern: compilePcre(pattern),
      maxConnections: connectionsMax ?? -1,
      maxQueues: queuesMax ?? -1,
    })),
  }
}

function addInterceptors(broker: Broker, { interceptors, node }: Config): void {
  if (interceptors.timestamp !== null) broker.interceptors.push(setTimestamp(interceptors.timestamp))
  if (interceptors.routingNode !== null) broker.interceptors.push(setRoutingNode(node.name, interceptors.routingNode))
}

/** As RabbitMQ does on an empty database, and never again: who deletes the default user wants it gone. */
function createFirstObjects(broker: Broker, { defaults }: Config): void {
  const { user, password, vhost, tags, permissions } = defaults
  const isDescribed = (broker.vhosts.get(vhost)?.metadata.description ?? '') !== ''
  broker.putVhost(vhost, isDescribed ? {} : { description: 'Default virtual host' })
  try {
    broker.users.put(broker.users.parse({ name: user, password, tags: [...tags] }))
  } catch (error) {
    if (error instanceof CredentialRefusedError) throw new ConfigError([`default_pass: ${error.message}`])
    throw error
  }
  broker.permissions.set({ user, vhost, ...permissions })
}

/** Gives each new vhost the operator policies that the configuration has for it. */
function giveOperatorPolicies(broker: Broker, { defaults }: Config): void {
  if (defaults.operatorPolicies.length === 0) return
  const give = ({ vhost }: BrokerEvent): void => {
    for (const { name, vhostPattern, queuePattern, definition } of defaults.operatorPolicies) {
      if (!compilePcre(vhostPattern).test(vhost!)) continue
      broker.setPolicy('operator', vhost!, name, { pattern: queuePattern, definition, 'apply-to': 'queues' })
    }
  }
  broker.events.listen(give, ['vhost.created'])
}

async function loadDefinitions(broker: Broker, file: string, log: Log): Promise<void> {
  try {
    importDefinitions(broker, JSON.parse(await readFile(file, 'utf8')))
  } catch (error) {
    throw new ConfigError([`load_definitions: ${file}: ${(error as Error).message}`])
  }
  log.info('definitions imported', { file })
}

function createFrontEnd(config: Config, broker: Broker, logins: Authenticator, clock: Clock): AmqpFrontEnd {
  const { connection, auth, node } = config
  return new AmqpFrontEnd({
    broker,
    pool: new BufferPool(),
    clock,
    logins,
    mechanisms: auth.mechanisms,
    anonymous: auth.anonymous,
    certificateLogin: auth.certificateLogin,
    ...node.announced,
    get clusterName() {
      return clusterNameOf(broker, config)
    },
    information: 'WarrenMQ, licensed under the Apache License 2.0',
    heartbeatSec: connection.heartbeatSec,
    frameMax: connection.frameMaxBytes,
    initialFrameMax: connection.initialFrameMaxBytes,
    channelMax: connection.channelMax,
    handshakeTimeoutMs: connection.handshakeTimeoutMs,
  })
}

/** The one that was set while it ran (`rabbitmqctl set_cluster_name`), else that of the configuration. */
function clusterNameOf({ parameters }: Broker, { node }: Config): string {
  const given = parameters.getGlobal('cluster_name')?.value
  return typeof given === 'string' ? given : node.clusterName
}

function linkHost(config: Config, broker: Broker, amqp: AmqpFrontEnd, clock: Clock): LinkHost {
  const { log, turn } = broker
  let context: ClientContext | null = null
  return {
    broker,
    log,
    clock: broker.clock,
    context: () => (context ??= { turn, pool: new BufferPool(), clock, interner: new Interner() }),
    clusterName: () => clusterNameOf(broker, config),
    openLocal: (user) => amqp.openInProcess(user),
  }
}

interface ListenerParts {
  readonly tls: Certificates
  readonly amqp: AmqpFrontEnd
  readonly protocols: readonly SpokenProtocol[]
  readonly added: readonly AddedProtocol[]
  readonly log: Log
  readonly broker: Broker
  readonly logins: Authenticator
  readonly plugins: Plugins
  readonly links: Links
  readonly traces: Traces | null
  readonly control: Control
  readonly tlsThreads: LateTlsThreads
}

async function openListeners(config: Config, parts: ListenerParts): Promise<OpenedListeners> {
  const { tls, amqp, log, tlsThreads } = parts
  const { maintenance } = parts.control
  const open = (options: ListenOptions): Promise<Listener> => maintenance.listen(options, tlsThreads.listen)
  const rest = { config, tls: tls.amqp, log, open, maintenance }
  const opened = new OpenedListeners(log)
  const onConnection = amqp.accept.bind(amqp)
  const { proxyProtocol, backlog, nodelay, keepalive } = config.listeners
  const common = { proxyProtocol, backlog, nodelay, keepalive, log }
  try {
    for (const row of config.listeners.tcp) {
      const listener = await open({ ...common, ...row, onConnection })
      opened.urls.amqp.push(urlOf('amqp', row, listener))
      opened.add('amqp', listener, null)
    }
    for (const row of config.listeners.tls) {
      const listener = await open({ ...common, ...row, tls: tls.amqp, onConnection })
      opened.urls.amqps.push(urlOf('amqps', row, listener))
      opened.add('amqp/ssl', listener, tls.amqp)
    }
    const { plain, tls: secured } = config.prometheus
    for (const protocol of parts.protocols) await openProtocol(protocol, { ...rest, opened })
    for (const protocol of parts.added) await openAdded(protocol, { ...rest, opened })
    if (config.http.listeners.length > 0 || plain !== null || secured !== null) await openHttp(config, parts, opened)
    return opened
  } catch (error) {
    await opened.close()
    await tlsThreads.close()
    throw error
  }
}

/** The HTTP API with AMQP over WebSocket, and the metrics. */
async function openHttp(config: Config, parts: ListenerParts, opened: OpenedListeners): Promise<void> {
  const { tls, amqp, log } = parts
  const { backlog } = config.listeners
  const host = await createHost(config, parts, opened)
  opened.all.push({ close: async () => host.close() })
  for (const { protocol, listener, config: row, tls: context } of await openMetrics(config, host, log)) {
    opened.add(protocol, listener, context)
    opened.urls.metrics.push(urlOf(context !== null ? 'https' : 'http', row, listener) + config.prometheus.path)
  }
  if (config.http.listeners.length === 0) return
  const { websocket } = config
  let management: LazyHttp | null = null
  const server = new LateHttpServer(async () => {
    management ??= await createManagement(host)
    if (websocket !== null) {
      const { attachWebSocket } = await import('./net/websocket.ts')
      const isSuspended = (): boolean => parts.control.maintenance.isOn
      attachWebSocket(management.server, { ...websocket, isSuspended, log, onConnection: amqp.accept.bind(amqp) })
    }
    return management.server
  }, log)
  // what a plugin does wrong is told at the start
  if (host.pluginRoutes.length > 0) await server.load()
  const close = async (): Promise<void> => {
    // at once: what the application ends lets connections become idle, which are closed then
    await Promise.all([server.close(), management?.close()])
    // one that was being made
    await management?.close()
    management?.server.closeIdleConnections()
  }
  opened.all.push({ close })
  for (const [i, row] of config.http.listeners.entries()) {
    const context = tls.http[i]!
    const listener = await server.listen({ ...row, tls: context, backlog, log })
    const secure = row.tls === null ? '' : 's'
    opened.add(`http${secure}`, listener, context)
    opened.urls.http.push(urlOf(`http${secure}`, row, listener))
    if (websocket !== null) opened.urls.websocket.push(urlOf(`ws${secure}`, row, listener) + websocket.path)
  }
}

async function createManagement(host: ManagementHost): Promise<LazyHttp> {
  const { LazyHttp } = await import('./lazy-http.ts')
  const management = new LazyHttp(async (createServer) => {
    const { createApp } = await import('./management/app.ts')
    return createApp(host, createServer)
  }, host.log)
  // what a plugin does wrong is told at the start
  if (host.pluginRoutes.length > 0) await management.load()
  return management
}

/** What HTTP shows of the node, and the end of what is measured for it. */
async function createHost(
  config: Config,
  { broker, log, logins, plugins, links, traces, control }: ListenerParts,
  opened: OpenedListeners,
): Promise<ManagementHost & { close(): void }> {
  const { openMonitoring } = await import('./monitoring.ts')
  const { findConsole } = await import('./management/find-console.ts')
  const { node, dataDir } = config
  const monitoring = await openMonitoring(config, {
    broker,
    certificates: opened.secured,
    limits: control.limits,
  })
  return {
    broker,
    log,
    authenticator: logins,
    version: readVersion(),
    announced: node.announced,
    get clusterName() {
      return clusterNameOf(broker, config)
    },
    dataDir,
    startedAt: broker.clock.now(),
    http: config.http,
    effective: config.effective,
    consoleDir: findConsole(),
    listeners: () => opened.shown,
    links,
    traces,
    control,
    pluginNames: plugins.names,
    pluginRoutes: plugins.routes,
    ...monitoring,
  }
}

interface Control extends NodeControl {
  readonly limits: NodeLimits
  readonly maintenance: Maintenance
}

const controlOf = (config: Config, parts: ServerParts, maintenance: Maintenance): Control => ({
  maintenance,
  limits: new NodeLimits(config),
  log: parts.steerableLog ?? null,
  requestStop: parts.onStopRequested ?? null,
  environment: config.environment,
})
