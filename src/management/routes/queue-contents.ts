import { requireVhost } from '../access.ts'
import { objectNotFound } from '../api-error.ts'
import type { Routes } from '../app.ts'
import { actAs } from '../in-process.ts'
import { described } from '../route-schema.ts'

export const queueContentsRoutes: Routes = (app, { host: { broker } }) => {
  app.delete(
    '/queues/:vhost/:queue/contents',
    described('Purge a queue', { tag: 'Queues' }),
    async (request, reply) => {
      const { vhost, queue } = request.params as { vhost: string; queue: string }
      if (!requireVhost(request, broker, vhost).queues.has(queue)) throw objectNotFound()
      await actAs(broker, request.caller!.user, vhost, ({ topology }) => topology.purgeQueue(queue))
      return reply.code(204).send()
    },
  )
}
