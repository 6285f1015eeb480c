import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Broker } from '../../core/broker.ts'
import { isObject } from '../../core/parameter-validation.ts'
import type { User } from '../../core/users.ts'
import { requireTag } from '../access.ts'
import { badRequest, objectNotFound } from '../api-error.ts'
import type { Routes } from '../app.ts'
import { changeAs } from '../in-process.ts'
import { answerList, answerObject, type ListQuery, sortedByName } from '../list.ts'
import { requireName } from '../names.ts'
import { userObject } from '../objects/user.ts'
import { bodyOf, booleanOf, type Json } from '../request-body.ts'
import { described, LIST_QUERY, OBJECT_QUERY } from '../route-schema.ts'
import { tagsOf } from '../tags.ts'
import { NO_CONTENT } from '../openapi.ts'

const Account = Type.Object({
  password: Type.Optional(Type.String()),
  password_hash: Type.Optional(Type.String({ description: 'In place of a password; empty for no login by password' })),
  hashing_algorithm: Type.Optional(Type.String({ description: 'Of that hash' })),
  tags: Type.Union([Type.Array(Type.String()), Type.String()], { description: 'A list, or a text with commas' }),
  limits: Type.Optional(Type.Record(Type.String(), Type.Integer())),
})

const tag = 'Users'

export const userRoutes: Routes = (app, { host: { broker } }) => {
  addLists(app, broker)
  app.get('/users/:user', described('A user', { query: OBJECT_QUERY, tag }), (request) =>
    answerObject(request.query as ListQuery, userObject(administered(request, broker))),
  )
  app.put('/users/:user', described('Add a user, or change one', { body: Account, tag }), async (request, reply) => {
    const caller = requireTag(request, 'administrator')
    const name = requireName('user', (request.params as { user: string }).user)
    const body = bodyOf(request)
    const user = parseUser(broker, name, body)
    const existed = broker.users.get(name) !== undefined
    await changeAs(broker, caller, () => {
      broker.users.put(user)
      if (!existed) grant(broker, name, body['permissions'])
    })
    return reply.code(existed ? 204 : 201).send()
  })
  app.delete('/users/:user', described('Delete a user', { tag }), async (request, reply) => {
    const { name } = administered(request, broker)
    await changeAs(broker, request.caller!.user, () => broker.users.delete(name))
    return reply.code(204).send()
  })
  app.post(
    '/users/bulk-delete',
    described('Delete several users', {
      body: Type.Object({ users: Type.Array(Type.String()) }),
      tag,
      answers: NO_CONTENT,
    }),
    async (request, reply) => {
      const caller = requireTag(request, 'administrator')
      const { users } = bodyOf(request, 'users')
      if (!Array.isArray(users)) throw badRequest(['not_list', 'users'])
      for (const name of users as unknown[]) {
        if (typeof name !== 'string' || broker.users.get(name) === undefined) throw badRequest(['no_such_user', name])
      }
      await changeAs(broker, caller, () => {
        for (const name of users as string[]) broker.users.delete(name)
      })
      return reply.code(204).send()
    },
  )
}

function addLists(app: FastifyInstance, broker: Broker): void {
  const list = (request: FastifyRequest, wanted: (user: User) => boolean): unknown => {
    requireTag(request, 'administrator')
    return answerList(request.query as ListQuery, {
      rows: sortedByName(broker.users.list().filter(wanted), ({ name }) => name),
      nameOf: ({ name }) => name,
      render: userObject,
    })
  }
  app.get('/users', described('Users', { query: LIST_QUERY, tag }), (request) => list(request, () => true))
  const summary = 'Users who have no permissions in any virtual host'
  app.get('/users/without-permissions', described(summary, { query: LIST_QUERY, tag }), (request) =>
    list(request, ({ name }) => broker.permissions.list({ user: name }).length === 0),
  )
}

/** @throws ApiError 401 for who is no administrator, 404 */
function administered(request: FastifyRequest, broker: Broker): User {
  requireTag(request, 'administrator')
  const user = broker.users.get((request.params as { user: string }).user)
  if (user === undefined) throw objectNotFound()
  return user
}

/** The user that is asked for; limits stay unless they are given. @throws ApiError 400, BrokerError */
function parseUser(broker: Broker, name: string, body: Json): User {
  const tags = body['tags'] === undefined ? tagsOfAdministrator(body['administrator']) : body['tags']
  if (tags === undefined) throw badRequest('tags_not_present')
  if (body['password'] !== undefined && body['password_hash'] !== undefined) {
    throw badRequest('both_password_and_password_hash_are_provided')
  }
  const user = broker.users.parse({ ...body, name, tags: tagsOf(tags) })
  return { ...user, limits: { ...broker.users.get(name)?.limits, ...user.limits } }
}

/** What there was before tags, which old scripts still say. @throws ApiError 400 */
function tagsOfAdministrator(given: unknown): string | undefined {
  if (given === undefined) return undefined
  return booleanOf(given, false) ? 'administrator' : ''
}

/** `{"vhost": {"configure", "write", "read"}}` @throws BrokerError */
function grant(broker: Broker, user: string, permissions: unknown): void {
  if (!isObject(permissions)) return
  for (const [vhost, patterns] of Object.entries(permissions)) {
    const { configure, write, read } = isObject(patterns) ? patterns : {}
    for (const pattern of [configure, write, read]) {
      if (typeof pattern !== 'string') throw badRequest(['not_string', 'permissions'])
    }
    broker.setPermission({ user, vhost, configure, write, read } as Parameters<Broker['setPermission']>[0])
  }
}
