import type { FastifyRequest } from 'fastify'
import type { Broker } from '../../core/broker.ts'
import type { VHost } from '../../core/vhost.ts'
import { knownVhosts, requireTag, requireVisibleVhost } from '../access.ts'
import { objectNotFound, vhostNotFound } from '../api-error.ts'
import type { Routes } from '../app.ts'
import { changeAs } from '../in-process.ts'
import { answerList, type ListQuery } from '../list.ts'
import { bodyOf } from '../request-body.ts'
import { described, LIST_QUERY } from '../route-schema.ts'
import { Limit } from './user-limits.ts'

interface Params {
  readonly vhost: string
  readonly name: string
}

const COMPONENT = 'vhost-limits'
/** All limits of a vhost are one parameter of this name. */
const PARAMETER = 'limits'
const tag = 'Virtual hosts'

export const vhostLimitRoutes: Routes = (app, { host: { broker } }) => {
  const list = (request: FastifyRequest, vhosts: readonly VHost[]): unknown =>
    answerList(request.query as ListQuery, {
      rows: vhosts.filter(({ name }) => Object.keys(limitsOf(broker, name)).length > 0),
      nameOf: ({ name }) => name,
      render: ({ name }) => ({ vhost: name, value: limitsOf(broker, name) }),
    })
  app.get('/vhost-limits', described('Limits of all virtual hosts', { query: LIST_QUERY, tag }), (request) =>
    list(request, knownVhosts(request, broker)),
  )
  app.get('/vhost-limits/:vhost', described('Limits of a virtual host', { query: LIST_QUERY, tag }), (request) =>
    list(request, [requireVisibleVhost(request, broker, (request.params as Params).vhost)]),
  )
  app.put(
    '/vhost-limits/:vhost/:name',
    described('Limit a virtual host', { body: Limit, tag }),
    async (request, reply) => {
      const caller = requireTag(request, 'administrator')
      const { vhost, name } = request.params as Params
      if (!broker.vhosts.has(vhost)) throw vhostNotFound()
      const { value } = bodyOf(request, 'value')
      await changeAs(broker, caller, () =>
        broker.setParameter(vhost, COMPONENT, PARAMETER, { ...limitsOf(broker, vhost), [name]: value }),
      )
      return reply.code(204).send()
    },
  )
  app.delete(
    '/vhost-limits/:vhost/:name',
    described('Take a limit away from a virtual host', { tag }),
    async (request, reply) => {
      const caller = requireTag(request, 'administrator')
      const { vhost, name } = request.params as Params
      if (!broker.vhosts.has(vhost)) throw objectNotFound()
      const rest = Object.fromEntries(Object.entries(limitsOf(broker, vhost)).filter(([key]) => key !== name))
      await changeAs(broker, caller, () => {
        if (Object.keys(rest).length > 0) broker.setParameter(vhost, COMPONENT, PARAMETER, rest)
        else if (broker.parameters.get(vhost, COMPONENT, PARAMETER) !== null) {
          broker.deleteParameter(vhost, COMPONENT, PARAMETER)
        }
      })
      return reply.code(204).send()
    },
  )
}

/** As they were set: `{"max-queues": 10}`. */
const limitsOf = (broker: Broker, vhost: string): Readonly<Record<string, unknown>> =>
  (broker.parameters.get(vhost, COMPONENT, PARAMETER)?.value ?? {}) as Record<string, unknown>
