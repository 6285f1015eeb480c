import type { PolicyKind } from '../../api/policies.ts'
import { to } from '../../router.ts'

// RabbitMQ's addresses: its console has an underscore where its API has a hyphen.

/** Where the policies of a kind are listed. */
export const addressOf = (kind: PolicyKind): string => (kind === 'policies' ? '#/policies' : '#/operator_policies')

/** Where one of them is. */
export function policyAddress(kind: PolicyKind, vhost: string, name: string): string {
  return kind === 'policies' ? to`/policies/${vhost}/${name}` : to`/operator_policies/${vhost}/${name}`
}
