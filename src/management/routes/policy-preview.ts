import { Type } from 'typebox'
import type { EffectivePolicy, PolicyScope } from '../../core/policy.ts'
import { requireTag, requireVhost } from '../access.ts'
import type { Routes } from '../app.ts'

/** Matches that are told one by one; all are counted. */
const SHOWN_MAX = 1000

const Policy = Type.Object({
  name: Type.Optional(Type.String({ description: 'Of the policy that it would replace' })),
  pattern: Type.String(),
  'apply-to': Type.Optional(Type.String()),
  priority: Type.Optional(Type.Integer()),
  definition: Type.Record(Type.String(), Type.Unknown()),
})

const SCOPES: readonly (readonly [path: string, scope: PolicyScope])[] = [
  ['policies', 'user'],
  ['operator-policies', 'operator'],
]

/** Which queues and exchanges a policy would catch, before it is saved. */
export const policyPreviewRoutes: Routes = (app, { host: { broker } }) => {
  for (const [path, scope] of SCOPES) {
    const schema = { summary: 'What a policy would apply to', body: Policy }
    app.post(`/${path}/:vhost/preview`, { schema }, (request) => {
      const { vhost: vhostName } = request.params as { vhost: string }
      requireTag(request, scope === 'user' ? 'policymaker' : 'administrator')
      const vhost = requireVhost(request, broker, vhostName)
      const body = request.body as { name?: string }
      const preview = broker.policies.preview(scope, vhostName, body.name ?? '', body)
      const current = (policy: EffectivePolicy | null): string | null =>
        (scope === 'user' ? policy?.name : policy?.operatorName) ?? null
      const matches: object[] = []
      let total = 0
      for (const { kind, name, type, policy } of [...vhost.exchanges.values(), ...vhost.queues.values()]) {
        if (name === '' || !preview.matches(kind, name, type)) continue
        total++
        const wins = preview.wins(kind, name, type)
        if (matches.length < SHOWN_MAX) matches.push({ kind, name, type, current: current(policy), wins })
      }
      return { matches, total }
    })
  }
}
