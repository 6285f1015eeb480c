import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Permission } from '../../core/permissions.ts'
import { requireTag } from '../access.ts'
import { badRequest, objectNotFound } from '../api-error.ts'
import type { Routes } from '../app.ts'
import { changeAs } from '../in-process.ts'
import { answerList, answerObject, type ListQuery } from '../list.ts'
import { bodyOf, textOf } from '../request-body.ts'
import { described, LIST_QUERY, OBJECT_QUERY } from '../route-schema.ts'

const Pattern = Type.String({ description: 'A regular expression (PCRE) for names; empty for none' })
const Patterns = Type.Object({ configure: Pattern, write: Pattern, read: Pattern })

interface Params {
  readonly vhost: string
  readonly user: string
}

const tag = 'Permissions'
const query = LIST_QUERY

export const permissionRoutes: Routes = (app, { host: { broker } }) => {
  const list = (request: FastifyRequest, of: { user?: string; vhost?: string }): unknown => {
    const rows = broker.permissions.list(of).toSorted(byVhostAndUser)
    return answerList(request.query as ListQuery, { rows, nameOf: ({ user }) => user, render: (row) => ({ ...row }) })
  }
  app.get('/permissions', described('Permissions of all users', { query, tag }), (request) => {
    requireTag(request, 'administrator')
    return list(request, {})
  })
  app.get('/users/:user/permissions', described('Permissions of a user', { query, tag }), (request) => {
    requireTag(request, 'administrator')
    const { user } = request.params as Params
    if (broker.users.get(user) === undefined) throw objectNotFound()
    return list(request, { user })
  })
  app.get('/vhosts/:vhost/permissions', described('Permissions in a virtual host', { query, tag }), (request) => {
    requireTag(request, 'administrator')
    const { vhost } = request.params as Params
    if (!broker.vhosts.has(vhost)) throw objectNotFound()
    return list(request, { vhost })
  })
  const find = (request: FastifyRequest): Permission => {
    requireTag(request, 'administrator')
    const { vhost, user } = request.params as Params
    const found = broker.permissions.get(user, vhost)
    if (found === undefined) throw objectNotFound()
    return found
  }
  const url = '/permissions/:vhost/:user'
  app.get(url, described('Permissions of a user in a virtual host', { query: OBJECT_QUERY, tag }), (request) =>
    answerObject(request.query as ListQuery, { ...find(request) }),
  )
  app.put(
    url,
    described('Give a user permissions in a virtual host', { body: Patterns, tag }),
    async (request, reply) => {
      const caller = requireTag(request, 'administrator')
      const { vhost, user } = request.params as Params
      if (!broker.vhosts.has(vhost) || broker.users.get(user) === undefined) throw badRequest('vhost_or_user_not_found')
      const body = bodyOf(request, 'configure', 'write', 'read')
      const of = (key: 'configure' | 'write' | 'read'): string => textOf(body[key], key)
      const permission = { user, vhost, configure: of('configure'), write: of('write'), read: of('read') }
      const existed = broker.permissions.get(user, vhost) !== undefined
      await changeAs(broker, caller, () => broker.setPermission(permission))
      return reply.code(existed ? 204 : 201).send()
    },
  )
  app.delete(url, described('Take the permissions in a virtual host from a user', { tag }), async (request, reply) => {
    const { user, vhost } = find(request)
    await changeAs(broker, request.caller!.user, () => broker.permissions.clear(user, vhost))
    return reply.code(204).send()
  })
}

/** Lists of permissions come in this order. */
export function byVhostAndUser(
  a: { readonly vhost: string; readonly user: string },
  b: { readonly vhost: string; readonly user: string },
): number {
  if (a.vhost !== b.vhost) return a.vhost < b.vhost ? -1 : 1
  return a.user < b.user ? -1 : a.user > b.user ? 1 : 0
}
