import { Type } from 'typebox'
import { nullableText } from '../nullable.ts'
import { callerOf } from '../access.ts'
import type { Routes } from '../app.ts'
import { actAs } from '../in-process.ts'
import { answerJob } from '../jobs/answer-job.ts'
import { requireExchange, requirePermission, requireQueue } from '../lookup.ts'
import { type ActionBody, startExchangeAction, startQueueAction } from '../messages/message-actions.ts'
import { JOB_BEGUN } from '../openapi.ts'

const IDS_MAX = 10_000

const Action = Type.Object({
  action: Type.Enum(['delete', 'move', 'copy', 'redrive', 'cancel', 'hasten']),
  select: Type.Union([
    Type.Literal('all'),
    Type.Object({ ids: Type.Array(Type.String(), { minItems: 1, maxItems: IDS_MAX }) }),
    Type.Object({
      state: Type.Optional(Type.Enum(['ready', 'unacked', 'delayed', 'all'])),
      header: Type.Optional(Type.Array(Type.String(), { maxItems: 20 })),
      key: Type.Optional(Type.String()),
      body: Type.Optional(Type.String()),
      limit: Type.Optional(Type.Integer({ minimum: 1 })),
    }),
  ]),
  to: Type.Optional(
    Type.Object({
      queue: Type.Optional(Type.String()),
      exchange: Type.Optional(Type.String()),
      routing_key: Type.Optional(nullableText()),
      vhost: Type.Optional(Type.String()),
    }),
  ),
  deliver_at: Type.Optional(Type.Integer({ minimum: 0 })),
})

/** Doing something with messages where they are, as jobs. */
export const messageActionRoutes: Routes = (app, { host: { broker }, jobs }) => {
  app.post(
    '/queues/:vhost/:queue/messages/actions',
    {
      schema: {
        summary: 'Delete, move, copy, redrive, cancel or hasten messages of a queue',
        body: Action,
        answers: JOB_BEGUN,
      },
    },
    async (request, reply) => {
      const { vhost, found } = requireQueue(request, broker)
      requirePermission(request, vhost, 'read', found)
      const { user } = callerOf(request)
      await actAs(broker, user, vhost.name, (session) => session.topology.usable(found.name))
      return answerJob(reply, startQueueAction({ broker, jobs, user }, vhost, found, request.body as ActionBody))
    },
  )
  app.post(
    '/exchanges/:vhost/:exchange/messages/actions',
    {
      schema: {
        summary: 'Cancel or hasten messages that an exchange keeps until they are due',
        body: Action,
        answers: JOB_BEGUN,
      },
    },
    (request, reply) => {
      const { vhost, found } = requireExchange(request, broker)
      requirePermission(request, vhost, 'write', found)
      const { user } = callerOf(request)
      return answerJob(reply, startExchangeAction({ broker, jobs, user }, vhost, found, request.body as ActionBody))
    },
  )
}
