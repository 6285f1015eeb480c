import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { GlobalParameter } from '../../core/parameters.ts'
import { requireTag } from '../access.ts'
import { objectNotFound } from '../api-error.ts'
import type { Routes } from '../app.ts'
import { shownTo, withHidden } from '../hidden-passwords.ts'
import { changeAs } from '../in-process.ts'
import { answerList, answerObject, type ListQuery, sortedByName } from '../list.ts'
import { bodyOf } from '../request-body.ts'
import { described, LIST_QUERY, OBJECT_QUERY } from '../route-schema.ts'

const Value = Type.Object({ value: Type.Unknown() })
const tag = 'Parameters'

export const globalParameterRoutes: Routes = (app, { host: { broker } }) => {
  const show = (request: FastifyRequest, { name, value }: GlobalParameter): Record<string, unknown> => ({
    name,
    value: shownTo(request, value),
  })
  const nameOf = (request: FastifyRequest): string => (request.params as { name: string }).name
  const find = (request: FastifyRequest): GlobalParameter => {
    requireTag(request, 'policymaker')
    const found = broker.parameters.getGlobal(nameOf(request))
    if (found === null) throw objectNotFound()
    return found
  }
  app.get('/global-parameters', described('Global parameters', { query: LIST_QUERY, tag }), (request) => {
    requireTag(request, 'policymaker')
    return answerList(request.query as ListQuery, {
      rows: sortedByName(broker.parameters.listGlobal(), ({ name }) => name),
      nameOf: ({ name }) => name,
      render: (parameter) => show(request, parameter),
    })
  })
  app.get('/global-parameters/:name', described('A global parameter', { query: OBJECT_QUERY, tag }), (request) =>
    answerObject(request.query as ListQuery, show(request, find(request))),
  )
  app.put(
    '/global-parameters/:name',
    described('Set a global parameter', { body: Value, tag }),
    async (request, reply) => {
      const caller = requireTag(request, 'policymaker')
      const { value } = bodyOf(request, 'value')
      const name = nameOf(request)
      const current = broker.parameters.getGlobal(name)
      const whole = withHidden(value, current?.value)
      await changeAs(broker, caller, () => broker.setGlobalParameter(name, whole))
      return reply.code(current === null ? 201 : 204).send()
    },
  )
  app.delete('/global-parameters/:name', described('Clear a global parameter', { tag }), async (request, reply) => {
    const { name } = find(request)
    await changeAs(broker, request.caller!.user, () => broker.deleteGlobalParameter(name))
    return reply.code(204).send()
  })
}
