import type { FastifyRequest } from 'fastify'
import { callerOf } from '../access.ts'
import type { Routes } from '../app.ts'
import { actAs } from '../in-process.ts'
import { requireQueue } from '../lookup.ts'

const tags = ['Queues']

/** Holding back what a queue has, and delivering it again. */
export const queuePauseRoutes: Routes = (app, { host: { broker } }) => {
  const pause = async (request: FastifyRequest, paused: boolean): Promise<void> => {
    const { vhost, found } = requireQueue(request, broker)
    await actAs(broker, callerOf(request).user, vhost.name, ({ topology }) => topology.pauseQueue(found.name, paused))
  }
  const url = '/queues/:vhost/:queue/pause'
  app.put(url, { schema: { summary: 'Deliver nothing from a queue any more', tags } }, async (request, reply) => {
    await pause(request, true)
    return reply.code(204).send()
  })
  app.delete(url, { schema: { summary: 'Deliver from a queue again', tags } }, async (request, reply) => {
    await pause(request, false)
    return reply.code(204).send()
  })
}
