import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { validateUserLimits } from '../../core/limits.ts'
import { type User, userToJson } from '../../core/users.ts'
import { requireTag } from '../access.ts'
import { badRequest, objectNotFound } from '../api-error.ts'
import type { Routes } from '../app.ts'
import { changeAs } from '../in-process.ts'
import { answerList, type ListQuery, sortedByName } from '../list.ts'
import { bodyOf } from '../request-body.ts'
import { described, LIST_QUERY } from '../route-schema.ts'

export const Limit = Type.Object({ value: Type.Integer({ description: '0 allows none, a negative number any' }) })

interface Params {
  readonly user: string
  readonly name: string
}

const tag = 'Users'

export const userLimitRoutes: Routes = (app, { host: { broker } }) => {
  const list = (request: FastifyRequest, users: readonly User[]): unknown =>
    answerList(request.query as ListQuery, {
      rows: users.filter(({ limits }) => Object.keys(limits).length > 0),
      nameOf: ({ name }) => name,
      render: (user) => ({ user: user.name, value: userToJson(user).limits }),
    })
  const find = (request: FastifyRequest): User => {
    const user = broker.users.get((request.params as Params).user)
    if (user === undefined) throw objectNotFound()
    return user
  }

  app.get('/user-limits', described('Limits of all users', { query: LIST_QUERY, tag }), (request) => {
    requireTag(request, 'management')
    return list(
      request,
      sortedByName(broker.users.list(), ({ name }) => name),
    )
  })
  app.get('/user-limits/:user', described('Limits of a user', { query: LIST_QUERY, tag }), (request) => {
    requireTag(request, 'management')
    return list(request, [find(request)])
  })
  app.put('/user-limits/:user/:name', described('Limit a user', { body: Limit, tag }), async (request, reply) => {
    const caller = requireTag(request, 'administrator')
    const { user: name, name: limit } = request.params as Params
    const { value } = bodyOf(request, 'value')
    const user = broker.users.get(name)
    if (user === undefined) throw badRequest(['no_such_user', name])
    const problems = validateUserLimits({ [limit]: value })
    if (problems.length > 0) throw badRequest(problems[0])
    await changeAs(broker, caller, () =>
      broker.users.put({ ...user, limits: { ...user.limits, [FIELDS.get(limit)!]: value as number } }),
    )
    return reply.code(204).send()
  })
  app.delete(
    '/user-limits/:user/:name',
    described('Take a limit away from a user', { tag }),
    async (request, reply) => {
      const caller = requireTag(request, 'administrator')
      const user = find(request)
      const field = FIELDS.get((request.params as Params).name)
      // as with RabbitMQ, nothing where there is no such limit
      const limits = Object.fromEntries(Object.entries(user.limits).filter(([key]) => key !== field))
      await changeAs(broker, caller, () => broker.users.put({ ...user, limits }))
      return reply.code(204).send()
    },
  )
}

const FIELDS: ReadonlyMap<string, string> = new Map([
  ['max-channels', 'maxChannels'],
  ['max-connections', 'maxConnections'],
])
