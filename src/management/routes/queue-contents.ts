import { requireVhost } from '../access.ts'
import type { Routes } from '../app.ts'
import { actAs } from '../in-process.ts'

export const queueContentsRoutes: Routes = (app, { host: { broker } }) => {
  app.delete('/queues/:vhost/:queue/contents', { schema: { summary: 'Purge a queue' } }, async (request, reply) => {
    const { vhost, queue } = request.params as { vhost: string; queue: string }
    requireVhost(request, broker, vhost)
    await actAs(broker, request.caller!.user, vhost, (session) => session.topology.purgeQueue(queue))
    return reply.code(204).send()
  })
}
