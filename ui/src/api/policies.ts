import { ApiError, path, remove, request } from './http.ts'
import { listPage, type ListQuery, type Page } from './lists.ts'
import type { Arguments } from './types.ts'

/** Users' policies, and those with which operators bound them. Both have the same form. */
export type PolicyKind = 'policies' | 'operator-policies'

export const APPLY_TO = ['all', 'queues', 'classic_queues', 'quorum_queues', 'exchanges'] as const
export type ApplyTo = (typeof APPLY_TO)[number] | 'streams'

export interface Policy {
  readonly vhost: string
  readonly name: string
  /** A regular expression for names of queues or exchanges. */
  readonly pattern: string
  readonly 'apply-to': ApplyTo
  readonly definition: Arguments
  /** The matching policy with the highest one applies. */
  readonly priority: number
}

/** What a policy would catch. */
export interface PolicyPreview {
  /** At most 1,000. */
  readonly matches: readonly {
    readonly kind: 'queue' | 'exchange'
    readonly name: string
    readonly type: string
    /** The policy that applies now. */
    readonly current: string | null
    /** Whether this one would apply: false where another has precedence. */
    readonly wins: boolean
  }[]
  readonly total: number
}

/** @param vhost null for all */
export function listPolicies(
  kind: PolicyKind,
  vhost: string | null,
  query: ListQuery,
  signal?: AbortSignal,
): Promise<Page<Policy>> {
  return listPage(vhost === null ? kind : `${kind}/${encodeURIComponent(vhost)}`, query, signal)
}

const resourceOf = (kind: PolicyKind, vhost: string, name: string): string => `${kind}/${path`${vhost}/${name}`}`

export const getPolicy = (kind: PolicyKind, vhost: string, name: string, signal?: AbortSignal): Promise<Policy> =>
  request('GET', resourceOf(kind, vhost, name), { signal })

/** @throws ApiError 400 for a pattern or a definition that is refused */
export function putPolicy(kind: PolicyKind, { vhost, name, ...body }: Policy): Promise<void> {
  return request('PUT', resourceOf(kind, vhost, name), { body })
}

export const deletePolicy = (kind: PolicyKind, vhost: string, name: string): Promise<void> =>
  remove(resourceOf(kind, vhost, name))

/** @throws ApiError 400 as for `putPolicy`, 404 where the broker knows no previews */
export function previewPolicy(kind: PolicyKind, policy: Policy, signal?: AbortSignal): Promise<PolicyPreview> {
  const { vhost, ...body } = policy
  return request('POST', `${kind}/${path`${vhost}`}/preview`, { body, signal })
}

/** A key that a policy may have. */
export interface PolicyKey {
  readonly name: string
  /** Whether an operator policy may have it, too. */
  readonly operator: boolean
}

/** All that the broker knows; null where it does not tell. */
export async function listPolicyKeys(signal?: AbortSignal): Promise<readonly PolicyKey[] | null> {
  try {
    return await request<readonly PolicyKey[]>('GET', 'policy-keys', { signal })
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null
    throw error
  }
}
