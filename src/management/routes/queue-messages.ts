import { Type } from 'typebox'
import { lookAt, walkDelayed } from '../../core/queues/walk.ts'
import type { Routes } from '../app.ts'
import { requireExchange, requirePermission, requireQueue } from '../lookup.ts'
import { peek, type PeekQuery } from '../messages/peek.ts'

const Peek = Type.Object({
  state: Type.Optional(Type.Enum(['ready', 'unacked', 'delayed', 'all'])),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500 })),
  after: Type.Optional(Type.String()),
  from: Type.Optional(Type.Enum(['head', 'tail'])),
  header: Type.Optional(Type.Array(Type.String(), { maxItems: 20 })),
  key: Type.Optional(Type.String()),
  body: Type.Optional(Type.String()),
  truncate: Type.Optional(Type.Integer({ minimum: 0 })),
})

/** Looking at messages where they are. */
export const queueMessagesRoutes: Routes = (app, { host: { broker } }) => {
  app.get(
    '/queues/:vhost/:queue/messages',
    { schema: { summary: 'Look at messages in a queue without marking or moving them', querystring: Peek } },
    (request) => {
      const { vhost, found } = requireQueue(request, broker)
      requirePermission(request, vhost, 'read', found)
      return peek(request.query as PeekQuery, (options, visit) => lookAt(found, options, visit))
    },
  )
  app.get(
    '/exchanges/:vhost/:exchange/messages',
    { schema: { summary: 'Look at messages that an exchange keeps until they are due', querystring: Peek } },
    (request) => {
      const { vhost, found } = requireExchange(request, broker)
      requirePermission(request, vhost, 'read', found)
      return peek(request.query as PeekQuery, async (options, visit) => {
        if (found.delays !== null && options.states.has('delayed')) await walkDelayed(found.delays, options, visit)
      })
    },
  )
}
