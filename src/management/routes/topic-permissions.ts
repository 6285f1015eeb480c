import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Broker } from '../../core/broker.ts'
import type { TopicPermission } from '../../core/permissions.ts'
import { requireTag } from '../access.ts'
import { badRequest, objectNotFound } from '../api-error.ts'
import type { Routes } from '../app.ts'
import { changeAs } from '../in-process.ts'
import { answerList, type ListQuery } from '../list.ts'
import { exchangeOf, requireName } from '../names.ts'
import { bodyOf, textOf } from '../request-body.ts'
import { described, LIST_QUERY } from '../route-schema.ts'
import { byVhostAndUser } from './permissions.ts'

const Pattern = Type.String({
  description: 'A regular expression (PCRE) for routing keys; `{username}` and `{vhost}` stand for those of the client',
})
const Patterns = Type.Object({ exchange: Type.String(), write: Pattern, read: Pattern })

interface Params {
  readonly vhost: string
  readonly user: string
  readonly exchange: string
}

const tag = 'Permissions'
const query = LIST_QUERY

export const topicPermissionRoutes: Routes = (app, { host: { broker } }) => {
  addLists(app, broker)
  const find = (request: FastifyRequest): TopicPermission[] => {
    requireTag(request, 'administrator')
    const { vhost, user } = request.params as Params
    const found = broker.permissions.listTopics({ user }).filter((row) => row.vhost === vhost)
    if (found.length === 0) throw objectNotFound()
    return found
  }
  const url = '/topic-permissions/:vhost/:user'
  const ofUser = 'Topic permissions of a user in a virtual host'
  app.get(url, described(ofUser, { query, tag }), (request) =>
    answerList(request.query as ListQuery, { rows: find(request), nameOf: ({ exchange }) => exchange, render }),
  )
  const body = Patterns
  app.put(url, described('Give a user topic permissions for an exchange', { body, tag }), async (request, reply) => {
    const caller = requireTag(request, 'administrator')
    const { vhost, user } = request.params as Params
    if (!broker.vhosts.has(vhost) || broker.users.get(user) === undefined) throw badRequest('vhost_or_user_not_found')
    const given = bodyOf(request, 'exchange', 'write', 'read')
    const exchange = requireName('exchange', textOf(given['exchange'], 'exchange'))
    const [write, read] = [textOf(given['write'], 'write'), textOf(given['read'], 'read')]
    const existed = broker.permissions.listTopics({ user }).some((row) => row.vhost === vhost)
    await changeAs(broker, caller, () => broker.setTopicPermission({ user, vhost, exchange, write, read }))
    return reply.code(existed ? 204 : 201).send()
  })
  const remove = async (request: FastifyRequest, exchange?: string): Promise<void> => {
    const { user, vhost } = find(request)[0]!
    await changeAs(broker, request.caller!.user, () => broker.permissions.clearTopic(user, vhost, exchange))
  }
  const all = 'Take all topic permissions in a virtual host from a user'
  app.delete(url, described(all, { tag }), async (request, reply) => {
    await remove(request)
    return reply.code(204).send()
  })
  const ofExchange = 'Take the topic permissions for an exchange from a user'
  app.delete(`${url}/:exchange`, described(ofExchange, { tag }), async (request, reply) => {
    await remove(request, exchangeOf((request.params as Params).exchange))
    return reply.code(204).send()
  })
}

const render = (permission: TopicPermission): Record<string, unknown> => ({ ...permission })

function addLists(app: FastifyInstance, broker: Broker): void {
  const list = (request: FastifyRequest, of: { user?: string; vhost?: string }): unknown => {
    const rows = broker.permissions.listTopics(of).toSorted(byVhostAndUser)
    return answerList(request.query as ListQuery, { rows, nameOf: ({ user }) => user, render })
  }
  app.get('/topic-permissions', described('Topic permissions of all users', { query, tag }), (request) => {
    requireTag(request, 'administrator')
    return list(request, {})
  })
  app.get('/users/:user/topic-permissions', described('Topic permissions of a user', { query, tag }), (request) => {
    requireTag(request, 'administrator')
    const { user } = request.params as Params
    if (broker.users.get(user) === undefined) throw objectNotFound()
    return list(request, { user })
  })
  const inVhost = 'Topic permissions in a virtual host'
  app.get('/vhosts/:vhost/topic-permissions', described(inVhost, { query, tag }), (request) => {
    requireTag(request, 'administrator')
    const { vhost } = request.params as Params
    if (!broker.vhosts.has(vhost)) throw objectNotFound()
    return list(request, { vhost })
  })
}
