import { requireTag } from '../access.ts'
import { objectNotFound } from '../api-error.ts'
import type { Routes } from '../app.ts'
import { described } from '../route-schema.ts'

const tag = 'The node'

export const resetRoutes: Routes = (app, { host: { broker, statistics } }) => {
  app.delete(
    '/reset',
    described('Forget the statistics of all nodes: rates and histories', { tag }),
    (request, reply) => {
      requireTag(request, 'administrator')
      statistics.forget()
      return reply.code(204).send()
    },
  )
  app.delete('/reset/:node', described('Forget the statistics of a node', { tag }), (request, reply) => {
    requireTag(request, 'administrator')
    if ((request.params as { node: string }).node !== broker.options.nodeName) throw objectNotFound()
    statistics.forget()
    return reply.code(204).send()
  })
}
