import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Broker } from '../../core/broker.ts'
import type { VHost, VHostMetadata } from '../../core/vhost.ts'
import { knownVhosts, requireTag } from '../access.ts'
import { ApiError, badRequest, objectNotFound } from '../api-error.ts'
import type { Routes } from '../app.ts'
import { grantAll } from '../grant-all.ts'
import { changeAs } from '../in-process.ts'
import { answerObject, answerPages, type ListQuery } from '../list.ts'
import { requireName } from '../names.ts'
import { vhostObject } from '../objects/vhost.ts'
import { bodyOf, booleanOf, type Json } from '../request-body.ts'
import { described, LIST_QUERY, OBJECT_QUERY } from '../route-schema.ts'
import { rangesOf } from '../statistics/ranges.ts'
import { vhostStats } from '../statistics/vhost-stats.ts'
import { RANGE_QUERY, STATS_QUERY } from '../statistics-query.ts'
import { statsOff } from '../stats-off.ts'
import { tagsOf } from '../tags.ts'
import { NO_CONTENT } from '../openapi.ts'

const Metadata = Type.Partial(
  Type.Object({
    description: Type.String(),
    tags: Type.Union([Type.Array(Type.String()), Type.String()], { description: 'A list, or a text with commas' }),
    default_queue_type: Type.Enum(['classic', 'quorum', 'stream']),
    tracing: Type.Boolean({ description: 'Whether messages are copied to `amq.rabbitmq.trace`' }),
    protected_from_deletion: Type.Boolean(),
  }),
)

const tag = 'Virtual hosts'

export const vhostRoutes: Routes = (app, { host: { broker, statistics } }) => {
  const renderFor = (request: FastifyRequest): ((vhost: VHost) => Record<string, unknown>) => {
    if (statsOff(request, statistics)) return vhostObject
    const ranges = rangesOf(request.query)
    return (vhost) => ({ ...vhostObject(vhost), ...vhostStats(vhost, statistics, ranges) })
  }
  const numbers = { ...RANGE_QUERY, ...STATS_QUERY }
  app.get('/vhosts', described('Virtual hosts', { query: { ...LIST_QUERY, ...numbers }, tag }), (request) =>
    answerPages(request.query as ListQuery, {
      rows: knownVhosts(request, broker),
      nameOf: ({ name }) => name,
      render: renderFor(request),
    }),
  )
  app.get('/vhosts/:vhost', described('A virtual host', { query: { ...OBJECT_QUERY, ...numbers }, tag }), (request) =>
    answerObject(request.query as ListQuery, renderFor(request)(administered(request, broker))),
  )
  app.put(
    '/vhosts/:vhost',
    described('Create a virtual host, or change what is known of it', { body: Metadata, tag }),
    async (request, reply) => {
      const user = requireTag(request, 'administrator')
      const name = requireName('vhost', (request.params as { vhost: string }).vhost)
      const body = bodyOf(request)
      const metadata = metadataOf(body)
      const tracing = body['tracing'] === undefined ? null : booleanOf(body['tracing'], false)
      const existed = broker.vhosts.has(name)
      await changeAs(broker, user, () => {
        const vhost = broker.putVhost(name, metadata)
        if (!existed) grantAll(broker, user.name, name)
        if (tracing !== null) vhost.trace(tracing)
      })
      return reply.code(existed ? 204 : 201).send()
    },
  )
  app.delete(
    '/vhosts/:vhost',
    described('Delete a virtual host and all that is in it', { tag }),
    async (request, reply) => {
      const { name, metadata } = administered(request, broker)
      if (metadata.protectedFromDeletion) {
        const reason = `Refusing to delete virtual host '${name}' because it is protected from deletion`
        throw new ApiError(412, 'precondition_failed', reason)
      }
      await changeAs(broker, request.caller!.user, () => broker.deleteVhost(name))
      return reply.code(204).send()
    },
  )
  addProtection(app, broker)
  app.post(
    '/vhosts/:vhost/start/:node',
    described('Start a virtual host on a node', { tag, answers: NO_CONTENT }),
    (request, reply) => {
      administered(request, broker)
      const { node } = request.params as { node: string }
      if (node !== broker.options.nodeName) throw badRequest(`Request to node ${node} failed with nodedown`)
      // every vhost that there is has been started
      return reply.code(204).send()
    },
  )
}

function addProtection(app: FastifyInstance, broker: Broker): void {
  const protect = async (request: FastifyRequest, protectedFromDeletion: boolean): Promise<void> => {
    const { name } = administered(request, broker)
    await changeAs(broker, request.caller!.user, () => broker.putVhost(name, { protectedFromDeletion }))
  }
  const url = '/vhosts/:vhost/deletion/protection'
  app.post(
    url,
    described('Protect a virtual host from being deleted', { tag, answers: NO_CONTENT }),
    async (request, reply) => {
      await protect(request, true)
      return reply.code(204).send()
    },
  )
  app.delete(url, described('Let a virtual host be deleted again', { tag }), async (request, reply) => {
    await protect(request, false)
    return reply.code(204).send()
  })
}

/** @throws ApiError 401 for who is no administrator, 404 */
function administered(request: FastifyRequest, broker: Broker): VHost {
  requireTag(request, 'administrator')
  const vhost = broker.vhosts.get((request.params as { vhost: string }).vhost)
  if (vhost === undefined) throw objectNotFound()
  return vhost
}

/** As in RabbitMQ, a description or tags that are not given are taken away, and the rest stays. @throws ApiError 400 */
function metadataOf(body: Json): Partial<VHostMetadata> {
  const { description = '', protected_from_deletion: isProtected } = body
  if (typeof description !== 'string') throw badRequest(['not_string', 'description'])
  const type = body['default_queue_type'] ?? body['defaultqueuetype']
  return {
    description,
    tags: tagsOf(body['tags']),
    ...(type === undefined ? {} : { defaultQueueType: queueTypeOf(type) }),
    ...(isProtected === undefined ? {} : { protectedFromDeletion: booleanOf(isProtected, false) }),
  }
}

const QUEUE_TYPES: readonly unknown[] = ['classic', 'quorum', 'stream']

/** @throws ApiError 400 */
function queueTypeOf(type: unknown): string | null {
  if (type === null || type === 'undefined' || type === '') return null
  if (QUEUE_TYPES.includes(type)) return type as string
  throw badRequest(`Unsupported default queue type: ${String(type)}. Please use classic, quorum or stream.`)
}
