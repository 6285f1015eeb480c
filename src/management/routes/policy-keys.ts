import { POLICY_KEYS } from '../../core/policy-keys.ts'
import { requireTag } from '../access.ts'
import type { Routes } from '../app.ts'
import { LIST_OF_OBJECTS } from '../openapi.ts'
import { described } from '../route-schema.ts'

/** What a policy can say, so that who writes one need not guess. */
export const policyKeyRoutes: Routes = (app) => {
  app.get(
    '/policy-keys',
    described('Keys that a policy may have', { tag: 'Policies', answers: { 200: LIST_OF_OBJECTS } }),
    (request) => {
      requireTag(request, 'management')
      return [...POLICY_KEYS].map(([name, { merge, unsupportedBy }]) => ({
        name,
        operator: merge !== undefined,
        not_for: unsupportedBy,
      }))
    },
  )
}
