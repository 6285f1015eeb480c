import { Type } from 'typebox'
import { requireVhost } from '../access.ts'
import { objectNotFound } from '../api-error.ts'
import type { Routes } from '../app.ts'
import { actAs } from '../in-process.ts'
import { answerJob } from '../jobs/answer-job.ts'
import { purgeLater } from '../messages/message-actions.ts'
import { described } from '../route-schema.ts'
import { JOB_BEGUN, NO_CONTENT } from '../openapi.ts'

const query = { job: Type.Boolean({ description: 'Answers with a job' }) }

export const queueContentsRoutes: Routes = (app, { host: { broker }, jobs }) => {
  app.delete(
    '/queues/:vhost/:queue/contents',
    described('Purge a queue', { query, tag: 'Queues', answers: { ...NO_CONTENT, ...JOB_BEGUN } }),
    async (request, reply) => {
      const { vhost: vhostName, queue: name } = request.params as { vhost: string; queue: string }
      const vhost = requireVhost(request, broker, vhostName)
      if (!vhost.queues.has(name)) throw objectNotFound()
      const { user } = request.caller!
      if ((request.query as { job?: string }).job !== 'true') {
        await actAs(broker, user, vhostName, ({ topology }) => topology.purgeQueue(name))
        return reply.code(204).send()
      }
      const queue = await actAs(broker, user, vhostName, ({ access, topology }) => {
        access.require('read', 'queue', name)
        return topology.usable(name)
      })
      return answerJob(reply, purgeLater({ broker, jobs, user }, vhost, queue))
    },
  )
}
