import { type Routes } from '../app.ts'
import { requireTag } from '../access.ts'

export const whoamiRoutes: Routes = (app) => {
  app.get('/whoami', { schema: { summary: 'Who the caller is' } }, (request) => {
    const { name, tags } = requireTag(request, 'management')
    return { name, tags }
  })
}
