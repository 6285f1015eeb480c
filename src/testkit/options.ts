import type { Config } from '../config/config.ts'
import { ConfigError } from '../config/errors.ts'
import { loadConfig } from '../config/load.ts'
import { TlsError } from '../net/tls.ts'
import type { Plugin } from '../plugins/plugin.ts'
import type { Log, LogLevel } from '../telemetry/log.ts'
import type { Clock } from '../util/clock.ts'

/** A user that a broker starts with, besides the default one. */
export interface BrokerUser {
  readonly name: string
  readonly password: string
  /** `administrator`, `management`, `impersonator` and so on; none unless given. */
  readonly tags?: readonly string[]
  /**
   * Regular expressions by virtual host; what is left out allows nothing. Without `permissions` the user may do everything in
   * every virtual host of the options.
   */
  readonly permissions?: Readonly<Record<string, { configure?: string; write?: string; read?: string }>>
}

/** Keys of `rabbitmq.conf` and their values: `{ 'consumer_timeout': 5000, 'default_queue_type': 'quorum' }`. */
export type ConfigKeys = Readonly<Record<string, string | number | boolean>>

/** Everything has a default: `startBroker()` gives a broker in memory, on a free port of this machine, that logs nothing. */
export interface StartBrokerOptions<C extends Clock = Clock> {
  /** TCP port of AMQP; by default, and for 0, one that is free. */
  readonly port?: number
  /** Address to listen on; by default `127.0.0.1`, which other machines cannot reach. */
  readonly host?: string
  /** Folder that the broker keeps its data in. Without it everything is in memory and gone with `stop()`. */
  readonly dataDir?: string
  /**
   * What tells the broker's time: with `virtualClock()` it stands still until the test moves it. The clock stays yours: `stop()`
   * does not close it, and the next broker may use it on.
   */
  readonly clock?: C
  /** Where the broker rolls dice, as for the random share of a retry's pause: numbers from 0 to 1, 1 excluded. */
  readonly random?: () => number
  /**
   * Heartbeat interval to propose to clients, in seconds; 0 is none. By default 60, and with a virtual clock none: a client's
   * heartbeats come in real time, so that an hour of virtual time would be an hour of silence. Given together with a virtual
   * clock, heartbeats and the time-outs of handshakes follow that clock; else they are in real time.
   */
  readonly heartbeat?: number
  /** Virtual hosts besides the default one; the default user may do everything there. */
  readonly vhosts?: readonly string[]
  /** Users besides the default one, which is `guest` with password `guest`. */
  readonly users?: readonly BrokerUser[]
  /** Definitions in RabbitMQ's format (as its management UI exports them), or the path of a JSON file of them. */
  readonly definitions?: string | Readonly<Record<string, unknown>>
  /** Keys of `rabbitmq.conf`, or the path of such a file. The options above win over it. */
  readonly config?: string | ConfigKeys
  /** Level to log at to standard error, or where to log to instead. Nothing is logged by default. */
  readonly log?: LogLevel | Log
  /** HTTP port, for AMQP over WebSocket and the management API; 0 is one that is free. Off by default. */
  readonly managementPort?: number
  /** Protocols to speak; AMQP is there in any case, and alone by default. Each gets ports that are free. */
  readonly protocols?: readonly ('amqp' | 'mqtt' | 'stomp')[]
  /** A TLS listener besides the plain one. The files are PEM. */
  readonly tls?: {
    readonly certFile: string
    readonly keyFile: string
    /** Authorities that clients' certificates are checked against; without them clients are not asked for one. */
    readonly caFile?: string
    /** With `caFile`: refuse clients that have no certificate. */
    readonly requireCertificate?: boolean
    /** By default one that is free. */
    readonly port?: number
  }
  /** Plugins that were made with `definePlugin`. */
  readonly plugins?: readonly Plugin[]
  /**
   * Hold publishers while the machine is low on memory or on disk. Off by default: a test should not fail because the machine is
   * busy, and `setAlarm()` plays the part.
   */
  readonly watchResources?: boolean
}

/** The options as a configuration. The environment has no part in it: a test behaves the same wherever it runs. */
export function configOf(options: StartBrokerOptions, virtual: boolean): Config {
  const { config = {} } = options
  const keys = {
    ...defaultKeys(virtual),
    ...protocolKeys(options),
    ...tlsKeys(options),
    ...(typeof config === 'string' ? {} : config),
  }
  const argv = flags(options)
  if (typeof config !== 'string') return loadConfig({ argv, env: {}, keys })
  return loadConfig({ argv: [...argv, '--config', config], env: variables(), keys })
}

/** What a file may still change. */
const defaultKeys = (virtual: boolean): ConfigKeys => ({
  'listeners.tcp.default': 0,
  'management.tcp.port': 'none',
  'prometheus.tcp.port': 'none',
  'warren.tls_threads': 0,
  'warren.bind.1': '127.0.0.1',
  ...(virtual ? { heartbeat: 0 } : {}),
})

function protocolKeys({ protocols = [], tls }: StartBrokerOptions): ConfigKeys {
  const keys: Record<string, string | number> = {}
  for (const [i, name] of [...new Set(['amqp', ...protocols])].entries()) {
    keys[`warren.protocols.${i + 1}`] = name
    if (name === 'amqp') continue
    keys[`${name}.listeners.tcp.default`] = 0
    keys[`web_${name}.tcp.port`] = 0
    if (tls === undefined) continue
    keys[`${name}.listeners.ssl.default`] = 0
    keys[`web_${name}.ssl.port`] = 0
  }
  return keys
}

function tlsKeys({ tls }: StartBrokerOptions): ConfigKeys {
  if (tls === undefined) return {}
  return {
    'listeners.ssl.default': tls.port ?? 0,
    'ssl_options.certfile': tls.certFile,
    'ssl_options.keyfile': tls.keyFile,
    ...(tls.caFile === undefined ? {} : { 'ssl_options.cacertfile': tls.caFile, 'ssl_options.verify': 'verify_peer' }),
    'ssl_options.fail_if_no_peer_cert': tls.requireCertificate ?? false,
  }
}

/** How errors begin that are about what `configOf` has made of an option, the option, and what was given. */
const MADE_OF_OPTIONS: readonly (readonly [string, string, (options: StartBrokerOptions) => unknown])[] = [
  ['ssl_options.certfile: ', 'tls.certFile', ({ tls }) => tls?.certFile],
  ['ssl_options.keyfile: ', 'tls.keyFile', ({ tls }) => tls?.keyFile],
  ['ssl_options.cacertfile: ', 'tls.caFile', ({ tls }) => tls?.caFile],
  ['flag --config: ', 'config', ({ config }) => config],
]

/** Lets an error name the option, where it is about a key or a flag that the caller has not written. */
export function nameOption(error: unknown, options: StartBrokerOptions): void {
  if (!(error instanceof TlsError || error instanceof ConfigError)) return
  for (const [beginning, option, givenIn] of MADE_OF_OPTIONS) {
    const given = givenIn(options)
    if (typeof given !== 'string' || !error.message.startsWith(beginning)) continue
    const rest = error.message.slice(beginning.length)
    if (rest.includes(given)) reword(error, `startBroker: '${option}': ${rest}`)
  }
}

/** What is printed of an error is its stack, which begins with the text that it was made with. */
function reword(error: Error, text: string): void {
  const stack = error.stack?.replace(error.message, () => text)
  if (stack !== undefined) error.stack = stack
  error.message = text
}

/** What no file may change, since the caller said so. */
function flags({ port, host, dataDir, heartbeat, managementPort }: StartBrokerOptions): string[] {
  const given: Record<string, string | number | undefined> = {
    port,
    bind: host,
    'data-dir': dataDir,
    heartbeat,
    'management-port': managementPort,
  }
  const flag = ([name, value]: [string, string | number | undefined]): string[] =>
    value === undefined ? [] : [`--${name}=${value}`]
  return [...Object.entries(given).flatMap(flag), `--memory=${dataDir === undefined}`]
}

/** For `$(NAME)` in a file; without those that are options themselves. */
function variables(): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(WARREN|RABBITMQ)_/.test(name)))
}
