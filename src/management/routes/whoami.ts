import { requireTag } from '../access.ts'
import type { Routes } from '../app.ts'
import { described } from '../route-schema.ts'

export const whoamiRoutes: Routes = (app) => {
  app.get('/whoami', described('Who the caller is', { tag: 'Sign-in' }), (request) => {
    const { name, tags } = requireTag(request, 'management')
    return { name, tags }
  })
}
