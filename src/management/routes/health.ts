import type { FastifyReply } from 'fastify'
import type { Broker } from '../../core/broker.ts'
import { requireTag, requireVhost } from '../access.ts'
import { badRequest, objectNotFound } from '../api-error.ts'
import type { Routes } from '../app.ts'
import { described } from '../route-schema.ts'
import type { ListenerFacts, ManagementHost } from '../management-host.ts'
import { ANY_OBJECT } from '../openapi.ts'
import { protocolOf } from '../../util/protocol-name.ts'

const tag = 'Health checks'
const VERDICTS = { 200: ANY_OBJECT, 503: ANY_OBJECT }

/** Health checks: 200 where all is well, 503 with a reason where it is not. */
export const healthRoutes: Routes = (app, { host }) => {
  for (const { path, summary, run } of checksOf(host)) {
    app.get(`/health/checks/${path}`, described(summary, { tag, answers: VERDICTS }), (request, reply) => {
      requireTag(request, 'management')
      return answer(reply, run(request.params as Record<string, string>))
    })
  }
  const leaders = 'Whether the quorum queues of a virtual host have a leader'
  for (const suffix of SUFFIXES) {
    const path = `/health/checks/quorum-queues-without-elected-leaders/vhost/:vhost${suffix}`
    app.get(path, described(leaders, { tag, answers: VERDICTS }), (request, reply) => {
      requireVhost(request, host.broker, (request.params as { vhost: string }).vhost)
      return answer(reply, OK)
    })
  }
  for (const path of ['/healthchecks/node', '/healthchecks/node/:node']) {
    // this old one tells of failures with success
    app.get(path, described('Whether the node is well; RabbitMQ has better ones by now', { tag }), (request) => {
      requireTag(request, 'management')
      return nodeHealth(host, request.params as { node?: string })
    })
  }
}

interface Check {
  readonly path: string
  readonly summary: string
  readonly run: (params: Readonly<Record<string, string>>) => Verdict
}

/** Of queues, with and without a pattern for their names. */
const SUFFIXES = ['', '/pattern/:pattern'] as const

function checksOf(host: ManagementHost): Check[] {
  const { broker } = host
  const check = (path: string, summary: string, run: Check['run']): Check => ({ path, summary, run })
  return [
    check('alarms', 'Whether there is no resource alarm', () => checkAlarms(broker, 'in the cluster')),
    check('local-alarms', 'Whether there is no resource alarm here', () => checkAlarms(broker, 'on the node')),
    check('certificate-expiration/:within/:unit', 'Whether no certificate expires soon', ({ within, unit }) =>
      checkCertificates(host, timeOf(within!, unit!)),
    ),
    check('port-listener/:port', 'Whether the node listens on a port', ({ port }) =>
      checkPort(port!, activeListeners(host)),
    ),
    check('protocol-listener/:protocols', 'Whether the node listens for protocols', ({ protocols }) =>
      checkProtocols(protocols!, activeListeners(host)),
    ),
    check('below-node-connection-limit', 'Whether clients can still connect', () => checkConnections(broker)),
    check('ready-to-serve-clients', 'Whether the node serves clients', () =>
      isDrained(host) ? OUT_OF_SERVICE : checkConnections(broker),
    ),
    check('virtual-hosts', 'Whether all virtual hosts run', () => OK),
    check('is-in-service', 'Whether the node is not in maintenance', () => (isDrained(host) ? OUT_OF_SERVICE : OK)),
    check('metadata-store/initialized', 'Whether the metadata has been read', () => OK),
    check('metadata-store/initialized/with-data', 'Whether there is metadata', () =>
      broker.vhosts.size > 0 ? OK : failed('there is no metadata', {}),
    ),
    ...['node-is-quorum-critical', 'node-is-mirror-sync-critical', 'reached-target-cluster-size'].map((path) =>
      check(path, 'Whether the cluster can do without the node: there is one', () => ({ ...OK, reason: SINGLE })),
    ),
    // on one node, a queue that is there has its leader
    ...SUFFIXES.map((suffix) =>
      check(
        `quorum-queues-without-elected-leaders/all-vhosts${suffix}`,
        'Whether quorum queues have a leader',
        () => OK,
      ),
    ),
  ]
}

interface Verdict {
  readonly status: 'ok' | 'failed'
  readonly [fact: string]: unknown
}

const OK: Verdict = { status: 'ok' }
const SINGLE = 'single node cluster'

const failed = (reason: string, facts: Readonly<Record<string, unknown>>): Verdict => ({
  status: 'failed',
  reason,
  ...facts,
})

/** In RabbitMQ's words. */
const OUT_OF_SERVICE = failed('this rabbit node is not currently available to serve', {})

const isDrained = ({ control }: ManagementHost): boolean => control.maintenance.isOn

/** In maintenance mode, what lists show is not listened on but for HTTP itself. */
const activeListeners = (host: ManagementHost): readonly ListenerFacts[] =>
  host.listeners().filter(({ protocol }) => !isDrained(host) || /^https?(\/prometheus)?$/.test(protocol))

const answer = (reply: FastifyReply, verdict: Verdict): FastifyReply =>
  reply.code(verdict.status === 'ok' ? 200 : 503).send(verdict)

function checkAlarms({ alarms, options }: Broker, where: string): Verdict {
  const low = (['memory', 'disk'] as const).filter((resource) => alarms[resource])
  if (low.length === 0) return OK
  const found = low.map((resource) => ({ node: options.nodeName, resource }))
  return failed(`There are alarms in effect ${where}`, { alarms: found })
}

function nodeHealth({ broker }: ManagementHost, { node }: { readonly node?: string }): Verdict {
  if (node !== undefined && node !== broker.options.nodeName) throw objectNotFound()
  return broker.alarms.active ? failed(`resource alarm(s) in effect: ${broker.alarms.reason}`, {}) : OK
}

function checkCertificates({ broker, node }: ManagementHost, withinMs: number): Verdict {
  const limit = broker.clock.now() + withinMs
  const expired = node.certificates().filter(({ validTo }) => validTo <= limit)
  if (expired.length === 0) return OK
  return failed('Certificates expiring', {
    expired: expired.map(({ protocol, port, validTo }) => ({
      node: broker.options.nodeName,
      protocol,
      port,
      certfile_expires_on: new Date(validTo).toISOString(),
    })),
  })
}

/** @throws ApiError 400 */
function checkPort(text: string, listeners: readonly ListenerFacts[]): Verdict {
  const port = Number(text)
  if (!Number.isInteger(port)) throw badRequest('Invalid port')
  const ports = [...new Set(listeners.map((listener) => listener.port))]
  return ports.includes(port) ? { ...OK, port } : failed('No active listener', { missing: port, ports })
}

const DAY_MS = 86_400_000
const UNITS: Readonly<Record<string, number>> = { days: 1, weeks: 7, months: 30, years: 365 }

/** @throws ApiError 400 */
function timeOf(within: string, unit: string): number {
  const days = UNITS[unit]
  if (days === undefined) {
    throw badRequest('Time unit not recognised. Supported units: days, weeks, months, years.')
  }
  const count = Number(within)
  if (!Number.isInteger(count) || count <= 0) throw badRequest('Invalid expiration value.')
  return count * days * DAY_MS
}

function checkProtocols(text: string, listeners: readonly ListenerFacts[]): Verdict {
  const asked = text.split(',').map(protocolOf)
  const active = [...new Set(listeners.map(({ protocol }) => protocol))]
  const missing = asked.filter((name) => !active.includes(name))
  if (missing.length > 0) return failed('No active listener', { missing, protocols: active })
  return { ...OK, protocol: asked.join(',') }
}

function checkConnections({ options: { connectionsMax: limit }, connections }: Broker): Verdict {
  if (limit < 0 || connections.size < limit) return OK
  return failed('connection limit is reached', { limit, connections: connections.size })
}
