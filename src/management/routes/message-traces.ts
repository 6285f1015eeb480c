import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { MessageTrace } from '../../core/tracing/message-trace.ts'
import type { VHost } from '../../core/vhost.ts'
import { requireTag, requireVhost } from '../access.ts'
import { objectNotFound } from '../api-error.ts'
import type { Routes } from '../app.ts'
import { exchangeOf } from '../names.ts'
import { nullableText } from '../nullable.ts'
import { traceEventObject, traceObject } from '../objects/message-trace.ts'
import { ANY_OBJECT, LIST_OF_OBJECTS } from '../openapi.ts'

const SECONDS_DEFAULT = 60
const SECONDS_MAX = 3600
const EVENTS_MAX = 10_000
/** Events in one answer. */
const ANSWERED_MAX = 1000

const Wanted = Type.Object({
  queue: Type.Optional(nullableText()),
  exchange: Type.Optional(nullableText()),
  key: Type.Optional(nullableText()),
  header: Type.Optional(nullableText()),
  seconds: Type.Optional(Type.Integer({ minimum: 1, maximum: SECONDS_MAX })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: EVENTS_MAX })),
})

interface WantedBody {
  readonly queue?: string | null
  readonly exchange?: string | null
  readonly key?: string | null
  readonly header?: string | null
  readonly seconds?: number
  readonly limit?: number
}

const After = Type.Object({ after: Type.Optional(Type.Integer({ minimum: 0 })) })

const tags = ['Message traces']

/** Following messages on their way. For monitors: a trace shows who publishes and consumes. */
export const messageTraceRoutes: Routes = (app, { host: { broker } }) => {
  const vhostOf = (request: FastifyRequest): VHost => {
    requireTag(request, 'monitoring')
    return requireVhost(request, broker, (request.params as { vhost: string }).vhost)
  }
  const traceOf = (request: FastifyRequest): { vhost: VHost; trace: MessageTrace } => {
    const vhost = vhostOf(request)
    const trace = vhost.traces.get((request.params as { id: string }).id)
    if (trace === undefined) throw objectNotFound()
    return { vhost, trace }
  }

  app.post(
    '/message-traces/:vhost',
    {
      schema: {
        summary: 'Follow messages for a while: all that is given has to match',
        body: Wanted,
        tags,
        answers: { 201: ANY_OBJECT },
      },
    },
    (request, reply) => {
      const vhost = vhostOf(request)
      const { queue, exchange, key, header, seconds, limit } = request.body as WantedBody
      const trace = vhost.traces.start(request.caller!.user.name, {
        queue: queue ?? null,
        exchange: exchange === undefined || exchange === null ? null : exchangeOf(exchange),
        key: key ?? null,
        header: header ?? null,
        seconds: seconds ?? SECONDS_DEFAULT,
        limit: limit ?? EVENTS_MAX,
      })
      return reply.code(201).send(traceObject(trace))
    },
  )
  app.get(
    '/message-traces/:vhost',
    { schema: { summary: 'The traces of a virtual host', tags, answers: { 200: LIST_OF_OBJECTS } } },
    (request) => vhostOf(request).traces.list().map(traceObject),
  )
  app.get(
    '/message-traces/:vhost/:id',
    { schema: { summary: 'A trace, and its events after a number', querystring: After, tags } },
    (request) => {
      const { trace } = traceOf(request)
      const { after = 0 } = request.query as { after?: number }
      const events = trace.events.slice(after, after + ANSWERED_MAX)
      return { ...traceObject(trace), events: events.map(traceEventObject), last: events.at(-1)?.n ?? after }
    },
  )
  app.delete(
    '/message-traces/:vhost/:id',
    { schema: { summary: 'End a trace, and forget it', tags } },
    (request, reply) => {
      const { vhost, trace } = traceOf(request)
      vhost.traces.delete(trace)
      return reply.code(204).send()
    },
  )
}
