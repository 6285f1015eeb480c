import type { Config } from './config/config.ts'
import { ConfigError } from './config/errors.ts'
import { addressHelp, optionsHelp } from './config/help.ts'
import { loadConfig } from './config/load.ts'
import { ListenError } from './net/listener.ts'
import { TlsError } from './net/tls.ts'
import type { RunningServer } from './server.ts'
import { PluginError } from './plugins/load.ts'
import { MessageStoreError } from './store/message-store.ts'
import { MetadataStoreError, UnusableRowError } from './store/metadata-store.ts'
import type { Log, SteerableLog } from './telemetry/log.ts'
import { adaptHeapGrowth } from './telemetry/heap-growth.ts'
import { LogTap } from './telemetry/log-tap.ts'
import { giveBackAfterStart } from './telemetry/idle-memory.ts'
import { openLog } from './telemetry/pino-log.ts'
import { readVersion } from './version.ts'

/** Of sysexits.h, as RabbitMQ's tools use them. */
const EXIT = { ok: 0, usage: 64, unavailable: 69, internal: 70, config: 78 } as const

const SIGNAL_NUMBERS = { SIGINT: 2, SIGTERM: 15 } as const

const HELP = `WarrenMQ is a message broker that any RabbitMQ client can use.

Usage:
  warren start [options]    start a broker in the foreground
  warren start --help       list the options
  warren ping [options]     ask the broker that these options, this environment and this configuration file describe
                            whether it answers; for health checks
  warren doctor DIR         check the data directory of a broker that is not running, or export its messages
  warren ctl COMMAND        ask and steer a running broker, with the commands of rabbitmqctl and its siblings; the others alone are
                            warren diagnostics, warren queues and warren plugins
  warren move, copy         messages from a queue to another, or to an exchange, also of another broker
  warren export, import     messages to and from a file, one line of JSON each
  warren tail NAME          messages as they pass through a queue or an exchange
  warren perf               put a load on a broker, with the options of RabbitMQ's PerfTest
  warren completion SHELL   print what makes bash, zsh or fish complete all of this
  warren help               show this text
  warren --version          show the version

Examples:
  warren start                                        AMQP on port 5672, data in ./warren-data
  warren start --memory --port 0                      nothing on disk, a free port
  warren start --config /etc/rabbitmq/rabbitmq.conf   an existing RabbitMQ configuration
`

const startHelp = (): string => `Usage: warren start [options]

Every option can be given as an environment variable too (--log-level is WARREN_LOG_LEVEL), and in a configuration
file in the format of rabbitmq.conf under RabbitMQ's own keys (log.level). Flags win over the environment, which wins
over the file. In parentheses is what holds unless something else is said.

${optionsHelp()}
`

const pingHelp = (): string => `Usage: warren ping [options]

Asks the broker that was started with these options, this environment and this configuration file whether it answers, on its first AMQP
port and without logging in. Exit code 0: it does; 69: it does not; 78: there is no such port, or the configuration is wrong.

Every option of 'warren start' is taken, so that both can be given the same. These say where the broker is:

${addressHelp()}
`

/** Runs a command; what it returns is the exit code. @param letCompilersWork until then V8 optimizes nothing */
export async function main(argv: readonly string[], letCompilersWork: () => void): Promise<number> {
  const [command, ...rest] = argv
  switch (command) {
    case undefined:
    case 'help':
    case '--help':
    case '-h':
      process.stdout.write(HELP)
      return EXIT.ok
    case 'version':
    case '--version':
    case '-v':
      process.stdout.write(`${readVersion()}\n`)
      return EXIT.ok
    case 'doctor': {
      letCompilersWork()
      const { doctor } = await import('./doctor/command.ts')
      return doctor(rest, fail)
    }
    case 'start':
    case 'ping':
      if (!rest.includes('--help') && !rest.includes('-h'))
        return command === 'start' ? start(rest, letCompilersWork) : askBroker(rest)
      process.stdout.write(command === 'start' ? startHelp() : pingHelp())
      return EXIT.ok
    default:
      letCompilersWork()
      return runClient(command, rest)
  }
}

/** Commands that talk to a broker. Whoever starts one need not wait for them to be loaded. */
async function runClient(command: string, argv: readonly string[]): Promise<number> {
  const { isClientCommand, runClientCommand, unknownCommandText } = await import('./cli/run.ts')
  if (!isClientCommand(command)) return fail(EXIT.usage, unknownCommandText(command))
  const { createCliHost } = await import('./command-line.ts')
  return runClientCommand(command, argv, createCliHost(readVersion()))
}

function fail(code: number, text: string): number {
  for (const line of text.split('\n')) process.stderr.write(`warren: ${line}\n`)
  return code
}

async function start(argv: readonly string[], letCompilersWork: () => void): Promise<number> {
  const tap = new LogTap()
  let config: Config
  let log: SteerableLog
  try {
    config = loadConfig({ argv, env: process.env })
    log = openLog(config.log, config.log.exchange === null ? null : { to: tap, level: config.log.exchange.level })
  } catch (error) {
    return refuseConfig(error as Error)
  }
  dieOnUncaught(config, log)
  reopenOnHangup(log)
  const signal = firstSignal()
  for (const text of config.warnings) log.warn(text)
  if (config.ignored.length > 0) log.info(`ignored, having no meaning here: ${config.ignored.join(', ')}`)
  const requested = Promise.withResolvers<Stop>()
  let server: RunningServer
  try {
    // Only now: the other commands, and a mistake in the configuration, need not wait for the broker to be loaded.
    const { startServer } = await import('./server.ts')
    server = await startServer(config, log, {
      logTap: tap,
      steerableLog: log,
      onStopRequested: (by) => requested.resolve({ by }),
    })
  } catch (error) {
    return failToStart(error, config, log)
  }
  // RabbitMQ's words, which those who start a container wait for.
  log.info('Server startup complete', {
    version: readVersion(),
    node: config.node.name,
    data: server.dataDir ?? 'memory',
  })
  announce(config, server)
  process.on('SIGHUP', () => void server.renewCertificates())
  letCompilersWork()
  adaptHeapGrowth()
  giveBackAfterStart(() => server.broker.connections.size === 0)
  const end = await Promise.race([signal, requested.promise, server.failed])
  if (end instanceof Error) {
    reportInternal('the broker failed, and stops', end, config, log)
    await server.stop('internal error')
    return EXIT.internal
  }
  log.info('stopping', { ...end })
  await server.stop('shutdown')
  log.info('stopped')
  return EXIT.ok
}

function refuseConfig(error: Error): number {
  return fail(error instanceof ConfigError && error.usage ? EXIT.usage : EXIT.config, error.message)
}

async function askBroker(argv: readonly string[]): Promise<number> {
  let config: Config
  try {
    config = loadConfig({ argv, env: process.env })
  } catch (error) {
    return refuseConfig(error as Error)
  }
  try {
    const { ping } = await import('./ping.ts')
    process.stdout.write(`${await ping(config)} answers\n`)
    return EXIT.ok
  } catch (error) {
    if (error instanceof ConfigError) return refuseConfig(error)
    return fail(EXIT.unavailable, (error as Error).message)
  }
}

function failToStart(error: unknown, config: Config, log: Log): number {
  const isOutside = [ListenError, MetadataStoreError, MessageStoreError].some((kind) => error instanceof kind)
  const canGoOn = error instanceof UnusableRowError && config.dataDir !== null
  const way = canGoOn ? `; 'warren doctor ${config.dataDir} --repair --leave-out KEY' goes on without it` : ''
  if (isOutside) return fail(EXIT.unavailable, `${(error as Error).message}${way}`)
  if ([TlsError, ConfigError, PluginError].some((kind) => error instanceof kind))
    return fail(EXIT.config, (error as Error).message)
  reportInternal('the broker could not start', error, config, log)
  return EXIT.internal
}

/** Our own mistakes reach somebody even when nothing is logged to the console. */
function reportInternal(text: string, err: unknown, config: Config, log: Log): void {
  log.error(text, { err })
  if (config.log.console === null || config.log.console.level === 'silent') {
    process.stderr.write(`warren: ${text}: ${err instanceof Error ? err.stack : String(err)}\n`)
  }
}

/** What state the broker is in after an error that nobody expected is unknown, so it does not go on. */
function dieOnUncaught(config: Config, log: Log): void {
  for (const event of ['uncaughtException', 'unhandledRejection']) {
    process.on(event, (err: unknown) => {
      reportInternal('internal error', err, config, log)
      process.exit(EXIT.internal)
    })
  }
}

/** What logrotate sends to a program whose log it has moved, and a terminal when it is closed: neither is to end the broker. */
function reopenOnHangup(log: SteerableLog): void {
  process.on('SIGHUP', () => {
    try {
      log.reopen()
      log.info('log opened anew', { signal: 'SIGHUP' })
    } catch (err) {
      log.error('the log file cannot be opened anew', { err })
    }
  })
}

/** Why the broker is to stop, for the log. */
type Stop = { readonly signal: string } | { readonly by: string }

/** Resolves with the first signal to stop. A second one ends the process at once. */
function firstSignal(): Promise<Stop> {
  return new Promise((resolve) => {
    let signalled = false
    for (const name of ['SIGINT', 'SIGTERM'] as const) {
      process.on(name, () => {
        if (signalled) process.exit(128 + SIGNAL_NUMBERS[name])
        signalled = true
        resolve({ signal: name })
      })
    }
  })
}

function announce(config: Config, server: RunningServer): void {
  const rows: [string, string][] = [
    ['node', config.node.name],
    ...config.files.map((file): [string, string] => ['config', file]),
    ['data', server.dataDir ?? 'in memory, gone when the broker stops'],
    ...server.urls.amqp.map((url): [string, string] => ['AMQP', url]),
    ...server.urls.amqps.map((url): [string, string] => ['AMQP over TLS', url]),
    ...server.urls.mqtt.map((url): [string, string] => ['MQTT', url]),
    ...server.urls.mqtts.map((url): [string, string] => ['MQTT over TLS', url]),
    ...server.urls.stomp.map((url): [string, string] => ['STOMP', url]),
    ...server.urls.stomps.map((url): [string, string] => ['STOMP over TLS', url]),
    ...server.urls.plugins.map((url): [string, string] => [new URL(url).protocol.slice(0, -1), url]),
    ...server.urls.http.map((url): [string, string] => ['HTTP', url]),
    ...server.urls.websocket.map((url): [string, string] => ['WebSocket', url]),
    ...server.urls.webMqtt.map((url): [string, string] => ['MQTT over WebSocket', url]),
    ...server.urls.webStomp.map((url): [string, string] => ['STOMP over WebSocket', url]),
    ...server.urls.metrics.map((url): [string, string] => ['Metrics', url]),
  ]
  const width = Math.max(...rows.map(([name]) => name.length)) + 2
  const lines = rows.map(([name, value]) => `  ${name.padEnd(width)}${value}`)
  // Whoever reads this may stop reading once the broker is ready.
  process.stdout.on('error', () => {})
  process.stdout.write(
    [
      `WarrenMQ ${readVersion()} on Node.js ${process.versions.node}`,
      '',
      ...lines,
      '',
      `WarrenMQ is ready (${Math.round(performance.now())} ms)`,
      '',
    ].join('\n'),
  )
}
