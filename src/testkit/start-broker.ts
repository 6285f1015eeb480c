import { readFile } from 'node:fs/promises'
import type { Config } from '../config/config.ts'
import { ConfigError } from '../config/errors.ts'
import type { Broker } from '../core/broker.ts'
import { tableToJson } from '../core/fields-json.ts'
import { importDefinitions } from '../management/definitions.ts'
import { type RunningServer, startServer } from '../server.ts'
import { type Log, type LogLevel, silentLog } from '../telemetry/log.ts'
import { LogTap } from '../telemetry/log-tap.ts'
import type { Clock } from '../util/clock.ts'
import { systemClock } from '../util/system-clock.ts'
import { checkCall } from './check-calls.ts'
import { checkDefinitions, checkOptions, checkUserNames } from './check-options.ts'
import { type BrokerUser, configOf, nameOption, type StartBrokerOptions } from './options.ts'
import { emptyBroker } from './reset.ts'
import { VhostHelpers } from './vhost-helpers.ts'

/** A client's connection. */
export interface ConnectionInfo {
  /** `127.0.0.1:50000 -> 127.0.0.1:5672` */
  readonly name: string
  /** The name that the client gave it, or null. */
  readonly clientName: string | null
  readonly clientProperties: Readonly<Record<string, unknown>>
  readonly user: string
  readonly vhost: string
  readonly channels: number
  /** Held by an alarm, since it published during one. */
  readonly blocked: boolean
}

/**
 * A broker in this process: a real one, that any client can connect to. The helpers it inherits are for its default virtual host;
 * `vhost(name)` has them for another.
 */
export class WarrenBroker<C extends Clock = Clock> extends VhostHelpers implements AsyncDisposable {
  /** `amqp://guest:guest@127.0.0.1:PORT`; append `/` and an encoded name for another virtual host than the default. */
  readonly url: string
  /** With the option `tls`: `amqps://…`. */
  readonly tlsUrl: string | undefined
  /** With the option `managementPort`: `http://…`. AMQP over WebSocket is at `/ws/amqp` there. */
  readonly managementUrl: string | undefined
  /** With the option `protocols`: `mqtt://…` and so on, without login. Undefined where it is not spoken. */
  readonly urls: {
    readonly mqtt: string | undefined
    readonly mqtts: string | undefined
    /** MQTT over WebSocket. */
    readonly webMqtt: string | undefined
    readonly stomp: string | undefined
    readonly stomps: string | undefined
    /** STOMP over WebSocket. */
    readonly webStomp: string | undefined
    /** Protocols of plugins, each address of them. */
    readonly plugins: readonly string[]
  }
  readonly host: string
  readonly port: number
  /** The clock of the options, or the system's. */
  readonly clock: C
  /** Resolves when the broker cannot go on, for instance because its data can no longer be written. */
  readonly failed: Promise<Error>
  readonly #running: Running
  readonly #helpers = new Map<string, VhostHelpers>()
  #stopping: Promise<void> | null = null

  /** @internal */
  constructor(running: Running) {
    const { server, config } = running
    super(() => this.#core, config.defaults.vhost)
    this.#running = running
    const login = `${encodeURIComponent(config.defaults.user)}:${encodeURIComponent(config.defaults.password)}@`
    const path = config.defaults.vhost === '/' ? '' : `/${encodeURIComponent(config.defaults.vhost)}`
    const withLogin = (url: string): string => url.replace('://', `://${login}`) + path
    const address = new URL(server.urls.amqp[0]!)
    this.url = withLogin(server.urls.amqp[0]!)
    this.tlsUrl = server.urls.amqps[0] === undefined ? undefined : withLogin(server.urls.amqps[0])
    this.managementUrl = server.urls.http[0]
    const { mqtt, mqtts, webMqtt, stomp, stomps, webStomp, plugins } = server.urls
    this.urls = {
      mqtt: mqtt[0],
      mqtts: mqtts[0],
      webMqtt: webMqtt[0],
      stomp: stomp[0],
      stomps: stomps[0],
      webStomp: webStomp[0],
      plugins,
    }
    this.host = address.hostname.replace(/^\[|\]$/g, '')
    this.port = Number(address.port)
    this.clock = server.clock as C
    this.failed = server.failed
  }

  /** The helpers for a virtual host. */
  vhost(name: string): VhostHelpers {
    checkCall('vhost', name)
    let helpers = this.#helpers.get(name)
    if (helpers === undefined) {
      helpers = new VhostHelpers(() => this.#core, name)
      this.#helpers.set(name, helpers)
    }
    return helpers
  }

  /** The clients that are connected, in all virtual hosts. */
  connections(): ConnectionInfo[] {
    return [...this.#core.connections].map(({ facts, user, vhost, sessions, blocked }) => {
      const clientProperties = tableToJson(facts.clientProperties)
      const clientName = clientProperties['connection_name']
      return {
        name: facts.name,
        clientName: typeof clientName === 'string' ? clientName : null,
        clientProperties,
        user: user.name,
        vhost: vhost.name,
        channels: sessions.size,
        blocked,
      }
    })
  }

  /**
   * Closes all connections as an operator would (320 CONNECTION_FORCED): to see clients connect again.
   * @returns how many there were
   */
  closeConnections(reason = 'closed by the test'): number {
    checkCall('closeConnections', reason)
    const open = [...this.#core.connections]
    for (const connection of open) connection.forceClose(reason)
    return open.length
  }

  /**
   * Cuts all connections without a word, as a network does that fails.
   * @returns how many there were
   */
  dropConnections(): number {
    const open = [...this.#core.connections]
    for (const connection of open) {
      connection.drop()
      connection.close() // at once, not when the socket reports its end
    }
    return open.length
  }

  /** Starts or ends a resource alarm. While there is one, clients that publish are held (connection.blocked). */
  setAlarm(resource: 'memory' | 'disk', on: boolean): void {
    checkCall('setAlarm', resource, on)
    this.#core.alarms.set(resource, on)
  }

  /**
   * Back to the state after the start: all queues, exchanges, bindings, policies and parameters go, in the data folder too, as do
   * users and virtual hosts that are not in the options; those of the options, and their definitions, are set up again. Alarms
   * end. Clients stay connected, unless their user or virtual host goes; their consumers are cancelled with their queues.
   */
  async reset(): Promise<void> {
    const core = this.#core
    this.#closeHelpers()
    const { vhosts, users, setUp } = this.#running
    emptyBroker(core, { vhosts, users })
    setUp()
    await core.commitMetadata()
  }

  /** Closes connections (320), then everything else. Nothing is left that keeps the process running. */
  stop(): Promise<void> {
    return (this.#stopping ??= this.#stop())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async #stop(): Promise<void> {
    this.#closeHelpers()
    await this.#running.server.stop('shutdown')
    this.#running.networkClock?.close()
  }

  #closeHelpers(): void {
    this.closeClient()
    for (const helpers of this.#helpers.values()) helpers.closeClient()
  }

  get #core(): Broker {
    if (this.#stopping !== null) throw new Error('the broker has been stopped')
    return this.#running.server.broker
  }
}

/** What a broker in this process is made of. */
interface Running {
  readonly server: RunningServer
  readonly config: Config
  /** Closed with the server. */
  readonly networkClock: Clock | null
  /** Of the options. */
  readonly vhosts: ReadonlySet<string>
  readonly users: ReadonlySet<string>
  /** Creates what the options ask for, where it is not there. */
  readonly setUp: () => void
}

/**
 * Starts a broker in this process: in memory and on a free port, unless the options say otherwise. A process may have as many as it
 * likes.
 *
 *     const broker = await startBroker()
 *     const connection = await amqp.connect(broker.url)
 *     …
 *     await broker.stop()
 *
 * @throws TypeError, RangeError about the options before anything is done; ConfigError, ListenError, TlsError, or a BrokerError about
 * users and definitions
 */
export async function startBroker<C extends Clock = Clock>(
  options: StartBrokerOptions<C> = {},
): Promise<WarrenBroker<C>> {
  checkOptions(options)
  try {
    return await start(options)
  } catch (error) {
    nameOption(error, options)
    throw error
  }
}

async function start<C extends Clock>(options: StartBrokerOptions<C>): Promise<WarrenBroker<C>> {
  const { clock, random = Math.random, watchResources = false } = options
  const virtual = clock !== undefined && 'advance' in clock
  const config = configOf(options, virtual)
  checkUserNames(options.users ?? [], config.defaults.user)
  const definitions = await readDefinitions(options.definitions)
  const networkClock = virtual && options.heartbeat === undefined ? systemClock() : null
  const logTap = new LogTap()
  const { exchange } = config.log
  const log = await openLog(options.log, exchange === null ? null : { to: logTap, level: exchange.level })
  const server = await startServer(config, log, {
    watchResources,
    logTap,
    random,
    ...(options.plugins === undefined ? {} : { plugins: options.plugins }),
    ...(clock === undefined ? {} : { clock }),
    ...(networkClock === null ? {} : { networkClock }),
  })
  const vhosts = new Set([config.defaults.vhost, ...(options.vhosts ?? [])])
  const users = new Set([config.defaults.user, ...(options.users ?? []).map(({ name }) => name)])
  const setUp = (): void => {
    server.createDefaults()
    if (definitions !== undefined) {
      importDefinitions(server.broker, definitions)
      server.createDefaults() // whatever they say of the default user, the URL is to work
    }
    for (const vhost of vhosts) {
      server.broker.putVhost(vhost)
      if (vhost !== config.defaults.vhost)
        server.broker.setPermission({ user: config.defaults.user, vhost, ...EVERYTHING })
    }
    for (const user of options.users ?? []) addUser(server.broker, user, vhosts)
  }
  try {
    setUp()
    await server.broker.commitMetadata()
  } catch (error) {
    await server.stop('failed to start')
    throw error
  }
  return new WarrenBroker<C>({ server, config, networkClock, vhosts, users, setUp })
}

async function readDefinitions(given: StartBrokerOptions['definitions']): Promise<unknown> {
  if (typeof given !== 'string') return given
  const refused = (what: string, cause: unknown): ConfigError =>
    new ConfigError([`definitions file ${given} ${what}: ${(cause as Error).message}`])
  const text = await readFile(given, 'utf8').catch((error: unknown) => Promise.reject(refused('cannot be read', error)))
  let definitions: unknown
  try {
    definitions = JSON.parse(text)
  } catch (error) {
    throw refused('is not JSON', error)
  }
  checkDefinitions(given, definitions)
  return definitions
}

/** @param tap for the log exchange, which a log of the caller's own knows nothing of */
async function openLog(
  log: StartBrokerOptions['log'] = 'silent',
  tap: { readonly to: LogTap; readonly level: LogLevel } | null,
): Promise<Log> {
  if (typeof log === 'object') return log
  if (log === 'silent' && tap === null) return silentLog
  const { openLog: open } = await import('../telemetry/pino-log.ts')
  return open({ console: log === 'silent' ? null : { level: log, format: 'plaintext' }, file: null }, tap)
}

const EVERYTHING = { configure: '.*', write: '.*', read: '.*' }

function addUser(broker: Broker, user: BrokerUser, vhosts: ReadonlySet<string>): void {
  const { name, password, tags = [], permissions } = user
  broker.users.put(broker.users.parse({ name, password, tags: [...tags] }))
  const given = permissions ?? Object.fromEntries([...vhosts].map((vhost) => [vhost, EVERYTHING]))
  for (const [vhost, patterns] of Object.entries(given)) {
    broker.setPermission({ user: name, vhost, configure: '', write: '', read: '', ...patterns })
  }
}
