import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Readable } from 'node:stream'
import { Type } from 'typebox'
import { BrokerError } from '../../core/errors.ts'
import type { RecordedTrace, RecordedTraces } from '../../core/tracing/recorded-traces.ts'
import { requireTag } from '../access.ts'
import { badRequest, objectNotFound, vhostNotFound } from '../api-error.ts'
import type { Routes } from '../app.ts'
import type { ManagementHost } from '../management-host.ts'
import { LIST_OF_OBJECTS } from '../openapi.ts'
import { bodyOf } from '../request-body.ts'
import { described } from '../route-schema.ts'

const tag = 'Traces'
const LIST = { tag, answers: { 200: LIST_OF_OBJECTS } }
const Wanted = Type.Object({
  format: Type.Enum(['text', 'json']),
  pattern: Type.String({ description: 'Of `publish.EXCHANGE` and `deliver.QUEUE`, as a topic: `#` for all' }),
  max_payload_bytes: Type.Optional(Type.Integer({ minimum: 0 })),
  tracer_connection_username: Type.Optional(Type.String()),
  tracer_connection_password: Type.Optional(Type.String({ description: 'Not needed here' })),
})
const TEXT = Type.String({ contentMediaType: 'text/plain' })

interface Params {
  readonly vhost: string
  readonly name: string
  readonly node: string
}

const paramsOf = (request: FastifyRequest): Params => request.params as Params

/** Traces that are written to files, as RabbitMQ's tracing plugin has them; for administrators. */
export const recordedTraceRoutes: Routes = (app, { host }) => {
  for (const prefix of ['', '/node/:node']) {
    addTraces(app, host, prefix)
    addFiles(app, host, prefix)
  }
}

/** @throws ApiError 401, and 400 for another node than this one */
function requireAdministrator(request: FastifyRequest, { broker }: ManagementHost): void {
  requireTag(request, 'administrator')
  const { node } = paramsOf(request)
  if (node !== undefined && node !== broker.options.nodeName) {
    throw badRequest(`Node ${node} could not be contacted: {badrpc,nodedown}`)
  }
}

function addTraces(app: FastifyInstance, host: ManagementHost, prefix: string): void {
  const base = `/traces${prefix}`
  const { broker, traces } = host
  const list = (request: FastifyRequest, vhost: string | null): object[] => {
    requireAdministrator(request, host)
    const all = traces?.list() ?? []
    return all.filter((trace) => vhost === null || trace.vhost === vhost).map(traceObject)
  }
  app.get(base, described('Traces that are written to files', LIST), (request) => list(request, null))
  app.get(`${base}/:vhost`, described('Such traces of a virtual host', LIST), (request) =>
    list(request, paramsOf(request).vhost),
  )
  const url = `${base}/:vhost/:name`
  app.get(url, described('A trace that is written to a file', { tag }), (request) => {
    requireAdministrator(request, host)
    const { vhost, name } = paramsOf(request)
    const found = traces?.list().find((trace) => trace.vhost === vhost && trace.name === name)
    if (found === undefined) throw objectNotFound()
    return traceObject(found)
  })
  const options = described('Write what is published and delivered to a file', {
    body: Wanted,
    tag,
    answers: { 201: null },
  })
  app.put(url, options, (request, reply) => {
    requireAdministrator(request, host)
    const trace = traceOf(request)
    if (!broker.vhosts.has(trace.vhost)) throw vhostNotFound()
    available(traces).start(trace)
    return reply.code(201).send()
  })
  app.delete(url, described('End a trace; its file stays', { tag }), async (request, reply) => {
    requireAdministrator(request, host)
    const { vhost, name } = paramsOf(request)
    if ((await traces?.stop(vhost, name)) !== true) throw objectNotFound()
    return reply.code(204).send()
  })
}

function addFiles(app: FastifyInstance, host: ManagementHost, prefix: string): void {
  const base = `/trace-files${prefix}`
  const { traces } = host
  app.get(base, described('Files of traces', LIST), async (request) => {
    requireAdministrator(request, host)
    return (await traces?.records()) ?? []
  })
  const url = `${base}/:name`
  app.get(url, described('A file of a trace', { tag, answers: { 200: TEXT } }), async (request, reply) => {
    requireAdministrator(request, host)
    const content = await traces?.read(paramsOf(request).name)
    if (content === undefined || content === null) throw objectNotFound()
    return reply.type('text/plain').send(Readable.from(content))
  })
  app.delete(url, described('Delete a file of a trace', { tag }), async (request, reply) => {
    requireAdministrator(request, host)
    if ((await traces?.delete(paramsOf(request).name)) !== true) throw objectNotFound()
    return reply.code(204).send()
  })
}

/** @throws BrokerError where there is no folder for files */
function available(traces: RecordedTraces | null): RecordedTraces {
  if (traces !== null) return traces
  throw new BrokerError('preconditionFailed', 'there is no folder for the files of traces: set tracing.dir')
}

/** @throws ApiError 400 */
function traceOf(request: FastifyRequest): RecordedTrace {
  const { vhost, name } = paramsOf(request)
  const body = bodyOf(request, 'format', 'pattern')
  const { format, pattern, max_payload_bytes: max = null, tracer_connection_username: user = null } = body
  if (format !== 'text' && format !== 'json') throw badRequest('format not json or text')
  if (typeof pattern !== 'string' || pattern.length > 255) throw badRequest('pattern not a string of 255 characters')
  if (max !== null && (!Number.isSafeInteger(max) || (max as number) < 0))
    throw badRequest('max_payload_bytes not integer')
  const payloadBytesMax = max as number | null
  return { vhost, name, format, pattern, payloadBytesMax, user: typeof user === 'string' ? user : null }
}

const traceObject = ({ vhost, name, format, pattern, payloadBytesMax, user }: RecordedTrace): object => ({
  vhost,
  name,
  format,
  pattern,
  ...(payloadBytesMax === null ? {} : { max_payload_bytes: payloadBytesMax }),
  ...(user === null ? {} : { tracer_connection_username: user }),
})
