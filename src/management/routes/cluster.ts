import { Type } from 'typebox'
import { requireTag } from '../access.ts'
import { badRequest } from '../api-error.ts'
import type { Routes } from '../app.ts'
import { changeAs } from '../in-process.ts'
import { bodyOf } from '../request-body.ts'
import { described } from '../route-schema.ts'
import { NO_CONTENT } from '../openapi.ts'

const tag = 'Node'

export const clusterRoutes: Routes = (app, { host }) => {
  const { broker } = host
  app.get('/cluster-name', described('Name of the cluster', { tag }), (request) => {
    requireTag(request, 'management')
    return { name: host.clusterName }
  })
  app.put(
    '/cluster-name',
    described('Name the cluster', { body: Type.Object({ name: Type.String() }), tag }),
    async (request, reply) => {
      const user = requireTag(request, 'administrator')
      const { name } = bodyOf(request, 'name')
      if (typeof name !== 'string' || name === '') throw badRequest(['not_string', 'name'])
      await changeAs(broker, user, () => broker.setGlobalParameter('cluster_name', name))
      return reply.code(204).send()
    },
  )
  app.post(
    '/rebalance/queues',
    described('Spread the leaders of queues over the nodes', { tag, answers: NO_CONTENT }),
    (request, reply) => {
      requireTag(request, 'administrator')
      // on one node they are spread as evenly as can be
      return reply.code(204).send()
    },
  )
}
