import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Broker } from '../../core/broker.ts'
import { type Policy, type PolicyScope, policyToJson } from '../../core/policy.ts'
import type { VHost } from '../../core/vhost.ts'
import { requirePolicymaker, requireTag, requireVhost, visibleVhosts } from '../access.ts'
import { objectNotFound, vhostNotFound } from '../api-error.ts'
import type { Routes } from '../app.ts'
import { changeAs } from '../in-process.ts'
import { answerList, answerObject, type ListQuery } from '../list.ts'
import { bodyOf } from '../request-body.ts'
import { described, LIST_QUERY, OBJECT_QUERY } from '../route-schema.ts'

const PolicyBody = Type.Object({
  pattern: Type.String({ description: 'A regular expression (PCRE) for names' }),
  definition: Type.Record(Type.String(), Type.Unknown()),
  priority: Type.Optional(Type.Integer({ default: 0 })),
  'apply-to': Type.Optional(
    Type.Enum(['all', 'queues', 'classic_queues', 'quorum_queues', 'streams', 'exchanges'], { default: 'all' }),
  ),
})

interface Params {
  readonly vhost: string
  readonly name: string
}

export const policyRoutes: Routes = (app, { host: { broker, http } }) => {
  addReading(app, broker, 'user')
  addChanging(app, broker, 'user')
  addReading(app, broker, 'operator')
  if (!http.operatorPoliciesReadOnly) addChanging(app, broker, 'operator')
}

const NAMES: Readonly<Record<PolicyScope, readonly [path: string, one: string, all: string]>> = {
  user: ['/policies', 'a policy', 'Policies'],
  operator: ['/operator-policies', 'an operator policy', 'Operator policies'],
}

const tag = 'Policies'

function addReading(app: FastifyInstance, broker: Broker, scope: PolicyScope): void {
  const [path, one, all] = NAMES[scope]
  const query = LIST_QUERY
  const list = (request: FastifyRequest, vhosts: readonly VHost[]): unknown =>
    answerList(request.query as ListQuery, {
      rows: vhosts.flatMap(({ name }) => broker.policies.list(scope, name)).sort((a, b) => a.priority - b.priority),
      nameOf: ({ name }) => name,
      render: (policy) => ({ ...policyToJson(policy) }),
    })
  app.get(path, described(`${all} of all virtual hosts`, { query, tag }), (request) =>
    list(request, visibleVhosts(request, broker)),
  )
  app.get(`${path}/:vhost`, described(`${all} of a virtual host`, { query, tag }), (request) =>
    list(request, [requireVhost(request, broker, (request.params as Params).vhost)]),
  )
  app.get(`${path}/:vhost/:name`, described(`Look at ${one}`, { query: OBJECT_QUERY, tag }), (request) =>
    answerObject(request.query as ListQuery, { ...policyToJson(find(request, broker, scope)) }),
  )
}

function addChanging(app: FastifyInstance, broker: Broker, scope: PolicyScope): void {
  const [path, one] = NAMES[scope]
  const url = `${path}/:vhost/:name`
  app.put(url, described(`Set ${one}`, { body: PolicyBody, tag }), async (request, reply) => {
    const { vhost, name } = request.params as Params
    requireMaker(request, broker, scope, vhost, vhostNotFound)
    const body = bodyOf(request, 'pattern', 'definition')
    const existed = broker.policies.get(scope, vhost, name) !== null
    await changeAs(broker, request.caller!.user, () => broker.setPolicy(scope, vhost, name, body))
    return reply.code(existed ? 204 : 201).send()
  })
  app.delete(url, described(`Clear ${one}`, { tag }), async (request, reply) => {
    const { vhost, name } = find(request, broker, scope)
    await changeAs(broker, request.caller!.user, () => broker.deletePolicy(scope, vhost, name))
    return reply.code(204).send()
  })
}

/** @throws ApiError 401, 404 */
function find(request: FastifyRequest, broker: Broker, scope: PolicyScope): Policy {
  const { vhost, name } = request.params as Params
  requireMaker(request, broker, scope, vhost)
  const policy = broker.policies.get(scope, vhost, name)
  if (policy === null) throw objectNotFound()
  return policy
}

/** What an operator sets for users, only administrators may. @throws ApiError 401, 404 */
function requireMaker(
  request: FastifyRequest,
  broker: Broker,
  scope: PolicyScope,
  vhost: string,
  missing = objectNotFound,
): void {
  if (scope === 'operator') requireTag(request, 'administrator')
  requirePolicymaker(request, broker, vhost, missing)
}
