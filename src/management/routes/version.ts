import { requireTag } from '../access.ts'
import type { Routes } from '../app.ts'
import { described } from '../route-schema.ts'

export const versionRoutes: Routes = (app, { host }) => {
  const options = described('The version of RabbitMQ that clients may expect', { tag: 'Node' })
  app.get('/version', { ...options, config: { open: true } }, (_request, reply) =>
    reply.type('application/json').send(JSON.stringify(host.announced.version)),
  )
  const description = "Scripts that plugins add to RabbitMQ's console: this one has none."
  app.get('/extensions', described('Extensions of the console', { description, tag: 'Node' }), (request) => {
    requireTag(request, 'management')
    return []
  })
}
