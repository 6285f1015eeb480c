import { spawnSync } from 'node:child_process'
import { accessSync, constants, globSync, mkdirSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join, parse } from 'node:path'
import { fileURLToPath } from 'node:url'
import { greet } from './greeting.ts'
import { nodeFlags, warrenVersion } from './node-flags.ts'
import { atExit, BackgroundProcess, freePort } from './processes.ts'

const here = dirname(fileURLToPath(import.meta.url))
const main = join(here, '..', '..', 'src', 'main.ts')
const READY_MS = 90_000
const RETRY_MS = 100

/** A broker that takes part; `process` is null where it was running before and goes on afterwards. */
export interface Peer {
  readonly name: string
  readonly host: string
  readonly port: number
  /** As it tells its clients; empty where it does not. */
  readonly version: string
  readonly process: BackgroundProcess | null
  /** What the load generator is told of it besides. */
  readonly loaderFlags?: readonly string[]
  stop(): Promise<void>
}

/** How one kind of broker is found and started, with a data directory and ports of its own. */
interface PeerKind {
  readonly name: string
  /** It takes messages, and delivers them; true unless given. */
  readonly isRelaying?: boolean
  /** The program; null where it is not installed. */
  find(): string | null
  start(program: string, dataDir: string, options: StartOptions): Promise<Peer>
}

export interface StartOptions {
  /** More flags for WarrenMQ; `--memory` takes the place of its data directory. */
  readonly warrenFlags?: readonly string[]
  /** Flags for the Node.js that runs WarrenMQ, besides those of `npm start`. */
  readonly nodeFlags?: readonly string[]
}

const KINDS: readonly PeerKind[] = [
  { name: 'warrenmq', find: () => main, start: startWarren },
  { name: 'relay', find: () => join(here, 'relay.mjs'), start: startCeiling },
  { name: 'answers-only', isRelaying: false, find: () => join(here, 'answers-only.ts'), start: startCeiling },
  { name: 'rabbitmq', find: findRabbitMq, start: startRabbitMq },
  { name: 'lavinmq', find: () => onPath('lavinmq'), start: startLavinMq },
]

const namesOf = (kinds: readonly PeerKind[]): string[] => kinds.map(({ name }) => name)

/** Of those that messages go through. */
export const RELAYING_NAMES: readonly string[] = namesOf(KINDS.filter(({ isRelaying = true }) => isRelaying))

/** Whether the program is there; what is not is left out of comparisons, by name. */
export function isInstalled(name: string): boolean {
  return kindOf(name).find() !== null
}

/**
 * Starts one broker of this kind and waits until it takes connections.
 *
 * @param folder where its data directory is made
 * @throws Error with its output when it does not start, or is not installed.
 */
export async function startPeer(name: string, folder: string, options: StartOptions = {}): Promise<Peer> {
  const kind = kindOf(name)
  const program = kind.find()
  if (program === null) throw new Error(`${name} is not installed`)
  const dataDir = join(folder, name)
  mkdirSync(dataDir, { recursive: true })
  return kind.start(program, dataDir, options)
}

/** A broker that runs already, as `name=host:port`. @throws Error when nothing there speaks AMQP 0-9-1. */
export async function runningPeer(address: string): Promise<Peer> {
  const [, name, host, port] = /^([\w-]+)=([^:]+):(\d+)$/.exec(address) ?? []
  if (port === undefined) throw new Error(`not name=host:port: ${address}`)
  const greeting = await greet(host!, Number(port))
  if (greeting === null) throw new Error(`${address} does not answer`)
  const { version } = greeting
  return { name: name!, host: host!, port: Number(port), version, process: null, stop: async () => {} }
}

function kindOf(name: string): PeerKind {
  const kind = KINDS.find((candidate) => candidate.name === name)
  if (kind === undefined) throw new Error(`no broker is called ${name}; there are ${namesOf(KINDS).join(', ')}`)
  return kind
}

async function startWarren(program: string, dataDir: string, options: StartOptions): Promise<Peer> {
  const given = options.warrenFlags ?? []
  const where = given.includes('--memory') ? [] : ['--data-dir', dataDir]
  const ports = ['--port', '0', '--management-port', '0', '--prometheus-port', 'none']
  const args = [...nodeFlags, ...(options.nodeFlags ?? []), program, 'start', ...where, ...ports, ...given]
  const env = { ...process.env, WARREN_PROTOCOLS: 'amqp' }
  const child = new BackgroundProcess(process.execPath, args, env)
  try {
    await child.waitForOutput(/is ready/)
    const [, port] = await child.waitForOutput(/amqp:\/\/[^\s:]+:(\d+)/)
    return { ...(await whenReady('warrenmq', Number(port), child)), version: warrenVersion }
  } catch (error) {
    child.kill()
    throw error
  }
}

/** A program that is no broker, to see what the platform can do. */
async function startCeiling(program: string): Promise<Peer> {
  const port = await freePort()
  return whenReady(parse(program).name, port, new BackgroundProcess(process.execPath, [program, String(port)]))
}

/** RabbitMQ as it is after its installation, but for the ports; not Debian's wrapper, which insists on the one of the system. */
function findRabbitMq(): string | null {
  const places = [
    process.env.RABBITMQ_HOME === undefined ? [] : [join(process.env.RABBITMQ_HOME, 'sbin', 'rabbitmq-server')],
    globSync('/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server').toSorted().toReversed(),
    globSync('/{opt,usr/local/lib,usr/local/opt,opt/homebrew/opt}/rabbitmq*/sbin/rabbitmq-server'),
  ].flat()
  return onPath('erl') === null ? null : (places.find(isExecutable) ?? null)
}

async function startRabbitMq(program: string, dataDir: string): Promise<Peer> {
  const [port, distPort, epmdPort] = [await freePort(), await freePort(), await freePort()]
  const config = join(dataDir, 'rabbitmq.conf')
  writeFileSync(config, `listeners.tcp.1 = 127.0.0.1:${port}\n`)
  const plugins = join(dataDir, 'enabled_plugins')
  writeFileSync(plugins, '[].\n')
  const env = {
    ...process.env,
    HOME: dataDir,
    ERL_EPMD_PORT: String(epmdPort),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_NODENAME: `bench-${process.pid}@localhost`,
    RABBITMQ_DIST_PORT: String(distPort),
    RABBITMQ_CONFIG_FILE: config,
    RABBITMQ_ENABLED_PLUGINS_FILE: plugins,
    RABBITMQ_MNESIA_BASE: join(dataDir, 'mnesia'),
    RABBITMQ_LOG_BASE: join(dataDir, 'log'),
    RABBITMQ_PID_FILE: join(dataDir, 'pid'),
  }
  // Erlang's port mapper is a process of its own, which outlives the node that started it.
  atExit(() => void spawnSync('epmd', ['-port', String(epmdPort), '-kill'], { env, stdio: 'ignore' }))
  return whenReady('rabbitmq', port, new BackgroundProcess(program, [], env))
}

async function startLavinMq(program: string, dataDir: string): Promise<Peer> {
  const port = await freePort()
  const others = ['http', 'mqtt', 'metrics-http'].map(async (name) => `--${name}-port=${await freePort()}`)
  const args = [`--data-dir=${dataDir}`, '--bind=127.0.0.1', `--amqp-port=${port}`, ...(await Promise.all(others))]
  return whenReady('lavinmq', port, new BackgroundProcess(program, args))
}

async function whenReady(name: string, port: number, child: BackgroundProcess): Promise<Peer> {
  const deadline = Date.now() + READY_MS
  for (;;) {
    const greeting = await greet('127.0.0.1', port)
    if (greeting !== null) {
      const { version } = greeting
      return { name, host: '127.0.0.1', port, version, process: child, stop: () => child.stop() }
    }
    if (child.isGone || Date.now() > deadline) {
      child.kill()
      throw new Error(`${name} did not start:\n${child.output}`)
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
  }
}

function onPath(program: string): string | null {
  const folders = (process.env.PATH ?? '').split(delimiter)
  return folders.map((folder) => join(folder, program)).find(isExecutable) ?? null
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
