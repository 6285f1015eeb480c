import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify'
import { createServer } from 'node:http'
import { createApp } from '../../src/management/app.ts'
import type { ManagementHost } from '../../src/management/management-host.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { CoreBench } from '../support/core-bench.ts'
import { internalLogins } from '../support/internal-logins.ts'

/** The HTTP API over a broker with a clock that tests move; requests need no socket. */
export interface ApiBench {
  readonly bench: CoreBench
  readonly app: FastifyInstance
  /** As guest, unless `as` names another user, whose password is the name. */
  readonly request: (
    method: NonNullable<InjectOptions['method']>,
    path: string,
    options?: { body?: unknown; as?: string | null; headers?: Record<string, string> },
  ) => Promise<LightMyRequestResponse>
}

export async function startApi(given: CoreBench = new CoreBench()): Promise<ApiBench> {
  const bench = await given.start()
  const { broker } = bench
  for (const tag of ['management', 'policymaker', 'monitoring', 'administrator']) {
    broker.users.put(broker.users.parse({ name: tag, password: tag, tags: [tag] }))
  }
  broker.users.put(broker.users.parse({ name: 'guest', password: 'guest', tags: ['administrator'] }))
  broker.users.put(broker.users.parse({ name: 'nobody', password: 'nobody', tags: [] }))
  const host: ManagementHost = {
    broker,
    log: silentLog,
    authenticator: internalLogins(broker),
    version: '0.0.0',
    announced: { product: 'RabbitMQ', version: '4.3.5' },
    clusterName: 'test',
    dataDir: null,
    startedAt: broker.clock.now(),
    signInTimeoutMs: 60_000,
    consoleDir: null,
    listeners: () => [],
    pluginRoutes: [],
  }
  const app = await createApp(host, (handler) => createServer(handler))
  return {
    bench,
    app,
    request: (method, path, { body, as = 'guest', headers = {} } = {}) => {
      const login = as === null ? {} : { authorization: `Basic ${Buffer.from(`${as}:${as}`).toString('base64')}` }
      return app.inject({
        method,
        url: `/api/${path}`,
        headers: { ...login, ...headers },
        ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
      })
    },
  }
}
