import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify'
import { createServer } from 'node:http'
import { setImmediate } from 'node:timers/promises'
import { createApp } from '../../src/management/app.ts'
import type { ManagementHost, NodeFacts } from '../../src/management/management-host.ts'
import { DEFAULT_STATISTICS, Statistics, type StatisticsSettings } from '../../src/management/statistics/statistics.ts'
import { NodeLimits } from '../../src/node-limits.ts'
import { registerLinks } from '../../src/plugins/links.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { CoreBench } from '../support/core-bench.ts'
import { internalLogins } from '../support/internal-logins.ts'

/** The HTTP API over a broker with a clock that tests move; requests need no socket. */
export interface ApiBench {
  readonly bench: CoreBench
  readonly app: FastifyInstance
  readonly host: ManagementHost
  /** As guest, unless `as` names another user, whose password is the name. */
  readonly request: (
    method: NonNullable<InjectOptions['method']>,
    path: string,
    options?: RequestOptions,
  ) => Promise<LightMyRequestResponse>
}

export interface RequestOptions {
  /** JSON, or text as it is. */
  readonly body?: unknown
  readonly as?: string | null
  readonly headers?: Record<string, string>
  /** The caller's address; this machine's unless given. */
  readonly from?: string
}

/** A machine of which everything is known. */
export const NODE_FACTS: NodeFacts = {
  memoryLimitBytes: 4e9,
  diskFreeLimitBytes: 5e7,
  logFiles: ['<stdout>'],
  configFiles: [],
  mechanisms: ['PLAIN', 'AMQPLAIN'],
  readings: () => ({
    memoryBytes: 1e8,
    openFiles: 20,
    openFilesMax: 1024,
    diskFreeBytes: 1e10,
    collections: 3,
    collectedBytes: 1e6,
    contextSwitches: 500,
    processors: 2,
    loopUtilization: 0.25,
    loopDelay: { mean: 0.001, p99: 0.01, max: 0.02 },
  }),
  certificates: () => [],
}

const LIMITS = {
  memory: { bytes: 4e9, relativeToMemory: null },
  disk: { bytes: 5e7, relativeToMemory: null },
  dataDir: null,
}

/** @param settings of the statistics, where they are not the usual ones */
export async function startApi(
  given: CoreBench = new CoreBench(),
  changed: Partial<ManagementHost> = {},
  settings: Partial<StatisticsSettings> = {},
): Promise<ApiBench> {
  const bench = await given.start()
  const { broker } = bench
  registerLinks(broker)
  for (const tag of ['management', 'policymaker', 'monitoring', 'administrator']) {
    broker.users.put(broker.users.parse({ name: tag, password: tag, tags: [tag] }))
  }
  broker.users.put(broker.users.parse({ name: 'guest', password: 'guest', tags: ['administrator'] }))
  broker.users.put(broker.users.parse({ name: 'nobody', password: 'nobody', tags: [] }))
  const statistics = new Statistics(broker, { ...DEFAULT_STATISTICS, ...settings }, () => NODE_FACTS.readings())
  const host: ManagementHost = {
    broker,
    log: silentLog,
    authenticator: internalLogins(broker),
    version: '0.0.0',
    announced: { product: 'RabbitMQ', version: '4.3.5' },
    clusterName: 'test',
    dataDir: null,
    startedAt: broker.clock.now(),
    http: HTTP_SETTINGS,
    effective: [],
    consoleDir: null,
    listeners: () => [],
    links: {
      shovels: { list: () => [], restart: () => false },
      federation: { list: () => [], restart: () => false },
    },
    traces: null,
    pluginNames: [],
    pluginRoutes: [],
    node: NODE_FACTS,
    control: {
      limits: new NodeLimits(LIMITS),
      maintenance: { isOn: false, drain: async () => {}, revive: async () => {} },
      log: null,
      requestStop: null,
      environment: {},
    },
    statistics,
    ...changed,
  }
  const app = await createApp(host, (handler) => createServer(handler))
  return {
    bench,
    app,
    host,
    request: (method, path, { body, as = 'guest', headers = {}, from = '127.0.0.1' } = {}) => {
      const login = as === null ? {} : { authorization: `Basic ${Buffer.from(`${as}:${as}`).toString('base64')}` }
      const answer = app.inject({
        method,
        url: path.startsWith('/') ? path : `/api/${path}`,
        headers: { ...login, ...headers },
        remoteAddress: from,
        ...(body === undefined ? {} : { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
      })
      return meanwhile(bench, answer)
    },
  }
}

/** Lets the broker have its turns until the promise has settled. */
async function meanwhile<T>(bench: CoreBench, promise: Promise<T>): Promise<T> {
  let settled = false
  const watched = promise.finally(() => (settled = true))
  while (!settled) {
    bench.settle()
    await setImmediate()
  }
  return watched
}

export const HTTP_SETTINGS: ManagementHost['http'] = {
  pathPrefix: '',
  operatorPoliciesReadOnly: false,
  corsOrigins: [],
  corsMaxAgeSec: 1800,
  contentSecurityPolicy: null,
  strictTransportSecurity: null,
  bodyBytesMax: 20_000_000,
  signInTimeoutMs: 60_000,
}
