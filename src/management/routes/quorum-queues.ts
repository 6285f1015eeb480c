import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Queue } from '../../core/queues/queue.ts'
import { requireTag, requireVhost } from '../access.ts'
import { badRequest, objectNotFound } from '../api-error.ts'
import type { Routes } from '../app.ts'
import { described } from '../route-schema.ts'
import { ANY_OBJECT, LIST_OF_OBJECTS } from '../openapi.ts'

const Member = Type.Object({ node: Type.String() })

interface Params {
  readonly vhost: string
  readonly queue: string
  readonly node: string
}

const tag = 'Queues'

export const quorumQueueRoutes: Routes = (app, { host: { broker } }) => {
  const { nodeName } = broker.options
  const find = (request: FastifyRequest): Queue => {
    const { vhost, queue } = request.params as Params
    const found = requireVhost(request, broker, vhost).queues.get(queue)
    if (found === undefined) throw objectNotFound()
    return found
  }
  app.get(
    '/queues/quorum/:vhost/:queue/status',
    described('Replicas of a quorum queue', { tag, answers: { 200: LIST_OF_OBJECTS, 503: ANY_OBJECT } }),
    (request, reply) => {
      const { type } = find(request)
      if (type !== 'quorum') return reply.code(503).send({ status: 'failed', reason: `${type}_queue_not_supported` })
      return reply.send([{ 'Node Name': nodeName, 'Raft State': 'leader', Membership: 'voter' }])
    },
  )
  const refuse = (request: FastifyRequest): never => {
    requireTag(request, 'administrator')
    const { queue, node } = request.params as Partial<Params>
    if (queue !== undefined && find(request).type !== 'quorum')
      throw badRequest(`queue '${queue}' is not a quorum queue`)
    if (node !== undefined && node !== nodeName) throw objectNotFound()
    throw badRequest(`${nodeName} is the only node: a quorum queue has one replica here, and cannot have others`)
  }
  const body = Member
  const url = '/queues/quorum/:vhost/:queue/replicas'
  app.post(`${url}/add`, described('Add a replica to a quorum queue', { body, tag }), refuse)
  app.delete(`${url}/delete`, described('Take a replica from a quorum queue', { body, tag }), refuse)
  const onNode = '/queues/quorum/replicas/on/:node'
  app.post(`${onNode}/grow`, described('Add replicas of quorum queues on a node', { tag }), refuse)
  app.delete(`${onNode}/shrink`, described('Take all replicas of quorum queues from a node', { tag }), refuse)
}
