import type { FastifyReply, FastifyRequest } from 'fastify'
import { requireTag, requireVhost } from '../access.ts'
import { badRequest, objectNotFound } from '../api-error.ts'
import type { Routes } from '../app.ts'
import type { ListenerFacts } from '../management-host.ts'

/** Health checks: 200 where all is well, 503 with a reason where it is not. */
export const healthRoutes: Routes = (app, { host }) => {
  const { broker, node } = host
  const nodeName = broker.options.nodeName
  const check = (path: string, summary: string, run: (params: Record<string, string>) => Verdict): void => {
    app.get(`/health/checks/${path}`, { schema: { summary } }, (request, reply) => {
      requireTag(request, 'management')
      return answer(reply, run(request.params as Record<string, string>))
    })
  }

  const alarms = (where: string) => (): Verdict => {
    const low = (['memory', 'disk'] as const).filter((resource) => broker.alarms[resource])
    if (low.length === 0) return OK
    return failed(`There are alarms in effect ${where}`, {
      alarms: low.map((resource) => ({ node: nodeName, resource })),
    })
  }
  check('alarms', 'Whether there is no resource alarm', alarms('in the cluster'))
  check('local-alarms', 'Whether there is no resource alarm on this node', alarms('on the node'))

  check('certificate-expiration/:within/:unit', 'Whether no certificate expires soon', ({ within, unit }) => {
    const limit = broker.clock.now() + timeOf(within!, unit!)
    const expired = node.certificates().filter(({ validTo }) => validTo <= limit)
    if (expired.length === 0) return OK
    return failed('Certificates expiring', {
      expired: expired.map(({ protocol, port, validTo }) => ({
        node: nodeName,
        protocol,
        port,
        certfile_expires_on: new Date(validTo).toISOString(),
      })),
    })
  })

  check('port-listener/:port', 'Whether the node listens on a port', ({ port: text }) => {
    const port = Number(text)
    if (!Number.isInteger(port)) throw badRequest('Invalid port')
    const ports = [...new Set(host.listeners().map((listener) => listener.port))]
    return ports.includes(port) ? { ...OK, port } : failed('No active listener', { missing: port, ports })
  })
  check('protocol-listener/:protocols', 'Whether the node listens for protocols', ({ protocols }) =>
    checkProtocols(protocols!, host.listeners()),
  )

  check('below-node-connection-limit', 'Whether clients can still connect', () => belowConnectionLimit(broker))
  check('ready-to-serve-clients', 'Whether the node serves clients', () => belowConnectionLimit(broker))
  check('virtual-hosts', 'Whether all virtual hosts run', () => OK)
  check('is-in-service', 'Whether the node is not in maintenance', () => OK)
  check('metadata-store/initialized', 'Whether the metadata has been read', () => OK)
  check('metadata-store/initialized/with-data', 'Whether there is metadata', () =>
    broker.vhosts.size > 0 ? OK : failed('there is no metadata', {}),
  )
  for (const path of ['node-is-quorum-critical', 'node-is-mirror-sync-critical', 'reached-target-cluster-size']) {
    check(path, 'Whether the cluster can do without the node: there is one', () => ({ ...OK, reason: SINGLE }))
  }
  // on one node, a queue that is there has its leader
  for (const suffix of ['', '/pattern/:pattern']) {
    const summary = 'Whether all quorum queues have a leader'
    check(`quorum-queues-without-elected-leaders/all-vhosts${suffix}`, summary, () => OK)
    app.get(
      `/health/checks/quorum-queues-without-elected-leaders/vhost/:vhost${suffix}`,
      { schema: { summary } },
      (request, reply) => {
        requireVhost(request, broker, (request.params as { vhost: string }).vhost)
        return answer(reply, OK)
      },
    )
  }

  const nodeHealth = (request: FastifyRequest): Verdict => {
    requireTag(request, 'management')
    const { node: name = nodeName } = request.params as { node?: string }
    if (name !== nodeName) throw objectNotFound()
    return broker.alarms.active ? failed(`resource alarm(s) in effect: ${broker.alarms.reason}`, {}) : OK
  }
  for (const path of ['/healthchecks/node', '/healthchecks/node/:node']) {
    // this old one tells of failures with success
    app.get(path, { schema: { summary: 'Whether the node is well', deprecated: true } }, nodeHealth)
  }
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

const answer = (reply: FastifyReply, verdict: Verdict): FastifyReply =>
  reply.code(verdict.status === 'ok' ? 200 : 503).send(verdict)

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

/** Other names of protocols, as RabbitMQ takes them. */
const PROTOCOLS: Readonly<Record<string, string>> = {
  amqp091: 'amqp',
  'amqp0.9.1': 'amqp',
  'amqp0-9-1': 'amqp',
  amqps: 'amqp/ssl',
  'amqp091/ssl': 'amqp/ssl',
  prometheus: 'http/prometheus',
  management: 'http',
}

function checkProtocols(text: string, listeners: readonly ListenerFacts[]): Verdict {
  const asked = text.split(',').map((name) => PROTOCOLS[name.toLowerCase()] ?? name.toLowerCase())
  const active = [...new Set(listeners.map(({ protocol }) => protocol))]
  const missing = asked.filter((name) => !active.includes(name))
  if (missing.length > 0) return failed('No active listener', { missing: missing.join(','), protocols: active })
  return { ...OK, protocol: asked.join(',') }
}

function belowConnectionLimit({
  options,
  connections,
}: {
  readonly options: { readonly connectionsMax: number }
  readonly connections: { readonly size: number }
}): Verdict {
  const { connectionsMax: limit } = options
  if (limit < 0 || connections.size < limit) return OK
  return failed('connection limit is reached', { limit, connections: connections.size })
}
