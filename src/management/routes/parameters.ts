import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Parameter } from '../../core/parameters.ts'
import type { VHost } from '../../core/vhost.ts'
import { requirePolicymaker, requireTag, visibleVhosts } from '../access.ts'
import { objectNotFound, vhostNotFound } from '../api-error.ts'
import type { Routes } from '../app.ts'
import { shownTo, withHidden } from '../hidden-passwords.ts'
import { changeAs } from '../in-process.ts'
import { answerList, answerObject, type ListQuery, sortedByName } from '../list.ts'
import { listParameters } from '../parameter-list.ts'
import { bodyOf } from '../request-body.ts'
import { described, LIST_QUERY, OBJECT_QUERY } from '../route-schema.ts'

const Value = Type.Object({ value: Type.Unknown() })

interface Params {
  readonly component: string
  readonly vhost: string
  readonly name: string
}

const tag = 'Parameters'
const query = LIST_QUERY

export const parameterRoutes: Routes = (app, { host: { broker } }) => {
  const list = (request: FastifyRequest, vhosts: readonly VHost[], component?: string): unknown =>
    answerList(request.query as ListQuery, {
      rows: vhosts.flatMap(({ name }) => sortedByName(listParameters(broker, name, component), (row) => row.name)),
      nameOf: ({ name }) => name,
      render: (parameter) => parameterObject(request, parameter),
    })
  app.get('/parameters', described('Parameters of all virtual hosts', { query, tag }), (request) => {
    requireTag(request, 'policymaker')
    return list(request, visibleVhosts(request, broker))
  })
  app.get('/parameters/:component', described('Parameters of a component', { query, tag }), (request) => {
    requireTag(request, 'policymaker')
    return list(request, visibleVhosts(request, broker), (request.params as Params).component)
  })
  const ofVhost = 'Parameters of a component in a virtual host'
  app.get('/parameters/:component/:vhost', described(ofVhost, { query, tag }), (request) => {
    const { component, vhost } = request.params as Params
    return list(request, [requirePolicymaker(request, broker, vhost)], component)
  })
  const find = (request: FastifyRequest): Parameter => {
    const { component, vhost, name } = request.params as Params
    requirePolicymaker(request, broker, vhost)
    const found = listParameters(broker, vhost, component).find((parameter) => parameter.name === name)
    if (found === undefined) throw objectNotFound()
    return found
  }
  const url = '/parameters/:component/:vhost/:name'
  app.get(url, described('A parameter', { query: OBJECT_QUERY, tag }), (request) =>
    answerObject(request.query as ListQuery, parameterObject(request, find(request))),
  )
  app.put(url, described('Set a parameter', { body: Value, tag }), async (request, reply) => {
    const { component, vhost, name } = request.params as Params
    requirePolicymaker(request, broker, vhost, vhostNotFound)
    const { value } = bodyOf(request, 'value')
    const current = broker.parameters.get(vhost, component, name)
    const whole = withHidden(value, current?.value)
    await changeAs(broker, request.caller!.user, () => broker.setParameter(vhost, component, name, whole))
    return reply.code(current === null ? 201 : 204).send()
  })
  app.delete(url, described('Clear a parameter', { tag }), async (request, reply) => {
    const { component, vhost, name } = find(request)
    await changeAs(broker, request.caller!.user, () => broker.deleteParameter(vhost, component, name))
    return reply.code(204).send()
  })
}

const parameterObject = (request: FastifyRequest, parameter: Parameter): Record<string, unknown> => ({
  ...parameter,
  value: shownTo(request, parameter.value),
})
