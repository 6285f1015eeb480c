import { path, request } from './http.ts'

/** What is limited. */
export type LimitScope = { readonly user: string } | { readonly vhost: string }
/** By name: `max-connections`. What has no limit is not in it. */
export type Limits = Readonly<Record<string, number>>

const resourceOf = (scope: LimitScope): string =>
  'user' in scope ? path`user-limits/${scope.user}` : path`vhost-limits/${scope.vhost}`

export async function getLimits(scope: LimitScope, signal?: AbortSignal): Promise<Limits> {
  const answer = await request<readonly { readonly value: Limits }[]>('GET', resourceOf(scope), { signal })
  return answer[0]?.value ?? {}
}

/** A limit that somebody or something has. */
export interface Limit {
  /** Of the user or the virtual host. */
  readonly owner: string
  /** `max-connections` … */
  readonly name: string
  readonly value: number
}

/** All limits of users, or of virtual hosts, each on its own. */
export async function listLimits(kind: 'user' | 'vhost', signal?: AbortSignal): Promise<readonly Limit[]> {
  type Answer = readonly { readonly user?: string; readonly vhost?: string; readonly value: Limits }[]
  const answer = await request<Answer>('GET', `${kind}-limits`, { signal })
  return answer.flatMap(({ [kind]: owner, value: limits }) =>
    Object.entries(limits).map(([name, value]) => ({ owner: owner!, name, value })),
  )
}

/** @param value 0 allows none, a negative number any; null takes the limit away */
export function putLimit(scope: LimitScope, name: string, value: number | null): Promise<void> {
  const resource = `${resourceOf(scope)}/${encodeURIComponent(name)}`
  return value === null ? request('DELETE', resource) : request('PUT', resource, { body: { value } })
}
