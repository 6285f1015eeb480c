import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from './with-broker.ts'

const LIBRARY = '/usr/lib/rabbitmq/lib'

/** Where Debian's package has its programs; null where it is not installed. */
function findPrograms(): string | null {
  if (!existsSync(LIBRARY)) return null
  const folder = readdirSync(LIBRARY).find((name) => existsSync(join(LIBRARY, name, 'sbin/rabbitmq-server')))
  return folder === undefined ? null : join(LIBRARY, folder, 'sbin')
}

const programs = findPrograms()

/** Why tests that start a RabbitMQ cannot run here, or false. */
export const withoutRabbitmq: string | false = programs === null ? 'RabbitMQ is not installed' : false

export interface RabbitMq {
  readonly url: string
  /** Asks the management API. @param path after `/api/` @returns the JSON of the answer, null where it has none; rejects for errors */
  api(method: string, path: string, body?: unknown): Promise<unknown>
  /** Of the management API, with user and password left to the caller: guest, guest. */
  readonly managementUrl: string
  /** The name of its node, and what RabbitMQ's own tools need in their environment to reach it. */
  readonly node: string
  readonly env: NodeJS.ProcessEnv
  /** Ends it at once, as a crash would; what is durable stays. */
  kill(): Promise<void>
  /** Starts it again where it was, after `kill`. */
  restart(): Promise<void>
  stop(): Promise<void>
}

/**
 * A RabbitMQ of the test's own, with what it knows in a temporary folder. Takes about ten seconds.
 * @param plugins besides management
 */
export async function startRabbitmq(plugins: readonly string[] = []): Promise<RabbitMq> {
  const folder = mkdtempSync(join(tmpdir(), 'warren-rabbitmq-'))
  const [amqp, management, distribution, epmd] = await freePorts(4)
  writeFileSync(
    join(folder, 'rabbitmq.conf'),
    `listeners.tcp.default = ${amqp}\nmanagement.tcp.port = ${management}\nloopback_users = none\nlog.console.level = error\n`,
  )
  writeFileSync(join(folder, 'enabled_plugins'), `[${['rabbitmq_management', ...plugins].join(',')}].`)
  const env = {
    PATH: process.env['PATH'],
    HOME: folder,
    RABBITMQ_NODENAME: `test${amqp}@localhost`,
    RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
    RABBITMQ_MNESIA_BASE: join(folder, 'mnesia'),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_PID_FILE: join(folder, 'pid'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
    RABBITMQ_DIST_PORT: String(distribution),
    // one of its own, so that nothing stays behind
    ERL_EPMD_PORT: String(epmd),
  }
  const managementUrl = `http://127.0.0.1:${management}`
  let server = await run(env, managementUrl, amqp!)
  return {
    url: `amqp://guest:guest@127.0.0.1:${amqp}`,
    api: (method, path, body) => ask(managementUrl, method, path, body),
    managementUrl,
    node: env.RABBITMQ_NODENAME,
    env,
    kill: () => server.kill(),
    restart: async () => {
      server = await run(env, managementUrl, amqp!)
    },
    stop: async () => {
      await server.kill()
      spawnSync('epmd', ['-port', String(epmd), '-kill'])
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

async function run(env: NodeJS.ProcessEnv, managementUrl: string, port: number): Promise<{ kill(): Promise<void> }> {
  // a group of its own, so that the virtual machine ends with the script around it
  const child = spawn(join(programs!, 'rabbitmq-server'), [], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-4000)))
  }
  const closed = once(child, 'close')
  let ended = false
  void closed.then(() => (ended = true))
  const kill = async (): Promise<void> => {
    if (!ended) process.kill(-child.pid!, 'SIGKILL')
    await closed
  }
  try {
    await eventually(async () => {
      if (ended) return true
      await ask(managementUrl, 'GET', 'whoami')
      return accepts(port)
    }, 90_000)
  } catch (error) {
    await kill()
    throw error
  }
  if (ended) throw new Error(`RabbitMQ did not start:\n${output}`)
  return { kill }
}

async function ask(managementUrl: string, method: string, path: string, body?: unknown): Promise<unknown> {
  const answer = await fetch(`${managementUrl}/api/${path}`, {
    method,
    headers: { authorization: `Basic ${btoa('guest:guest')}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
  return text === '' ? null : JSON.parse(text)
}

/** Whether somebody listens there. */
async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  const accepted = await new Promise<boolean>((resolve) => {
    socket.once('connect', () => resolve(true))
    socket.once('error', () => resolve(false))
  })
  socket.destroy()
  return accepted
}

/** Ports that nobody listens on at the moment: RabbitMQ does not say which one it got when it is given 0. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}
