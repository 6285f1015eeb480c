import { requireTag } from '../access.ts'
import type { Routes } from '../app.ts'
import { answerList, type ListQuery } from '../list.ts'

export const permissionRoutes: Routes = (app, { host: { broker } }) => {
  app.get('/permissions', { schema: { summary: 'Permissions of all users' } }, (request) => {
    requireTag(request, 'administrator')
    return answerList(request.query as ListQuery, {
      rows: broker.permissions.list(),
      nameOf: ({ user }) => user,
      render: (permission) => ({ ...permission }),
    })
  })
}
