import { requireTag } from '../access.ts'
import type { Routes } from '../app.ts'
import { described } from '../route-schema.ts'

export const configRoutes: Routes = (app, { host }) => {
  const options = described('The configuration that is in force, without its secrets', { tag: 'Node' })
  app.get('/config/effective', options, (request) => {
    requireTag(request, 'administrator')
    return host.effective
  })
}
