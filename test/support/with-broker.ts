import { loadConfig } from '../../src/config/load.ts'
import { type RunningServer, startServer } from '../../src/server.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import type { Clock } from '../../src/util/clock.ts'

export interface TestBroker {
  readonly server: RunningServer
  /** `amqp://guest:guest@localhost:PORT`; append `/` and an encoded vhost for another one than the default. */
  readonly url: string
  readonly port: number
}

export interface TestBrokerOptions {
  /** As on the command line, for instance `['--heartbeat', '1']`. In memory, on a free port, unless they say otherwise. */
  readonly flags?: readonly string[]
  readonly dataDir?: string
  readonly clock?: Clock
  /** Of heartbeats and of the time that connecting may take; `clock` unless given. Who gives it closes it. */
  readonly networkClock?: Clock
}

/** The real server on a free port; stop it by `server.stop('test')`. */
export async function startTestBroker({ flags = [], dataDir, ...clocks }: TestBrokerOptions = {}): Promise<TestBroker> {
  const where = dataDir === undefined ? ['--memory'] : ['--data-dir', dataDir]
  const argv = ['--port', '0', '--management-port', '0', '--prometheus-port', 'none', ...where, ...flags]
  const server = await startServer(loadConfig({ argv, env: { WARREN_PROTOCOLS: 'amqp' } }), silentLog, clocks)
  const port = Number(new URL(server.urls.amqp[0]!).port)
  return { server, port, url: `amqp://guest:guest@localhost:${port}` }
}

/** Runs `use` with a broker of its own, and stops it whatever happens. */
export async function withBroker(
  options: TestBrokerOptions,
  use: (broker: TestBroker) => Promise<void>,
): Promise<void> {
  const broker = await startTestBroker(options)
  try {
    await use(broker)
  } finally {
    await broker.server.stop('test')
  }
}

/** Waits until `check` returns something else than undefined or false, or throws no longer. */
export async function eventually<T>(check: () => T | Promise<T>, withinMs = 10_000): Promise<NonNullable<T>> {
  const deadline = Date.now() + withinMs
  for (;;) {
    try {
      const value = await check()
      if (value !== undefined && value !== false && value !== null) return value
      if (Date.now() > deadline) throw new Error('condition not met in time')
    } catch (error) {
      if (Date.now() > deadline) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
