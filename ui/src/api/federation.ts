import { path, request } from './http.ts'
import { listPage, type ListQuery, type Page } from './lists.ts'

/** A link from an upstream to an exchange or a queue here. The address is without user and password. */
export interface FederationLink {
  readonly node: string
  readonly vhost: string
  readonly type: 'exchange' | 'queue'
  readonly exchange?: string
  readonly upstream_exchange?: string
  readonly queue?: string
  readonly upstream_queue?: string
  /** Name of the upstream. */
  readonly upstream: string
  readonly id: string
  readonly uri: string
  readonly status: 'starting' | 'running' | 'error'
  readonly error?: string
  /** Local time of the broker, of the last change of status. */
  readonly timestamp: string
}

/** @param vhost null for all */
export function listFederationLinks(
  vhost: string | null,
  query: ListQuery,
  signal?: AbortSignal,
): Promise<Page<FederationLink>> {
  return listPage(vhost === null ? 'federation-links' : path`federation-links/${vhost}`, query, signal)
}

/** Ends what it does and begins anew. */
export const restartFederationLink = ({ vhost, id, node }: FederationLink): Promise<void> =>
  request('DELETE', path`federation-links/vhost/${vhost}/${id}/${node}/restart`)
