import { Type } from 'typebox'
import { callerOf, requireVhost } from '../access.ts'
import type { Routes } from '../app.ts'
import { actAs } from '../in-process.ts'
import { answerJob } from '../jobs/answer-job.ts'
import { purgeLater } from '../messages/message-actions.ts'

const Query = Type.Object({ job: Type.Optional(Type.Boolean()) })

export const queueContentsRoutes: Routes = (app, { host: { broker }, jobs }) => {
  app.delete(
    '/queues/:vhost/:queue/contents',
    { schema: { summary: 'Purge a queue, as a job where asked for', querystring: Query } },
    async (request, reply) => {
      const { vhost: vhostName, queue: name } = request.params as { vhost: string; queue: string }
      const vhost = requireVhost(request, broker, vhostName)
      const { user } = callerOf(request)
      if ((request.query as { job?: boolean }).job !== true) {
        await actAs(broker, user, vhostName, (session) => session.topology.purgeQueue(name))
        return reply.code(204).send()
      }
      const queue = await actAs(broker, user, vhostName, (session) => {
        session.access.require('read', 'queue', name)
        return session.topology.usable(name)
      })
      return answerJob(reply, purgeLater({ broker, jobs, user }, vhost, queue))
    },
  )
}
