import { requireTag } from '../access.ts'
import type { Routes } from '../app.ts'
import { described } from '../route-schema.ts'
import { LIST_OF_OBJECTS } from '../openapi.ts'

export const configRoutes: Routes = (app, { host }) => {
  const options = described('The configuration that is in force, without its secrets', {
    tag: 'Node',
    answers: { 200: LIST_OF_OBJECTS },
  })
  app.get('/config/effective', options, (request) => {
    requireTag(request, 'administrator')
    return host.effective
  })
}
