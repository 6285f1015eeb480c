import { Type } from 'typebox'
import { requireTag } from '../access.ts'
import type { Routes } from '../app.ts'
import { described } from '../route-schema.ts'
import { LIST_OF_OBJECTS } from '../openapi.ts'

export const versionRoutes: Routes = (app, { host }) => {
  const options = described('The version of RabbitMQ that clients may expect', {
    tag: 'Node',
    answers: { 200: Type.String() },
  })
  app.get('/version', { ...options, config: { open: true } }, (_request, reply) =>
    reply.type('application/json').send(JSON.stringify(host.announced.version)),
  )
  const description = "Scripts that plugins add to RabbitMQ's console: this one has none."
  app.get(
    '/extensions',
    described('Extensions of the console', { description, tag: 'Node', answers: { 200: LIST_OF_OBJECTS } }),
    (request) => {
      requireTag(request, 'management')
      return []
    },
  )
}
