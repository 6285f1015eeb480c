import { Type } from 'typebox'
import { requireTag } from '../access.ts'
import { badRequest, objectNotFound } from '../api-error.ts'
import type { Routes } from '../app.ts'
import { bodyOf } from '../request-body.ts'
import { described } from '../route-schema.ts'
import { NO_CONTENT } from '../openapi.ts'

const Action = Type.Object({ action: Type.Enum(['sync', 'cancel_sync']) })

/** Actions of mirrored queues, which went with RabbitMQ 4: on one node there is nothing to bring up to date. */
const DONE: readonly unknown[] = ['sync', 'cancel_sync']

export const queueActionRoutes: Routes = (app, { host: { broker } }) => {
  const description = 'What there was to do for mirrored queues; on one node it is always done.'
  app.post(
    '/queues/:vhost/:queue/actions',
    described('Synchronise a queue', { body: Action, description, tag: 'Queues', answers: NO_CONTENT }),
    (request, reply) => {
      requireTag(request, 'administrator')
      const { vhost, queue } = request.params as { vhost: string; queue: string }
      if (broker.vhosts.get(vhost)?.queues.has(queue) !== true) throw objectNotFound()
      const { action } = bodyOf(request, 'action')
      if (!DONE.includes(action)) throw badRequest(['unknown', action])
      return reply.code(204).send()
    },
  )
}
