import { path, request } from './http.ts'
import { listPage, type ListQuery, type Page } from './lists.ts'

/** What a shovel does. Addresses are without user and password. */
export interface ShovelStatus {
  readonly vhost: string
  readonly name: string
  readonly state: 'starting' | 'running' | 'terminated'
  /** Why it is terminated. */
  readonly reason?: string
  /** Local time of the broker, of the last change of state. */
  readonly timestamp: string
  readonly src_uri?: string
  readonly src_queue?: string
  readonly src_exchange?: string
  readonly src_exchange_key?: string
  readonly dest_uri?: string
  readonly dest_queue?: string
  readonly dest_exchange?: string
  readonly dest_exchange_key?: string
  /** Whether the destination takes messages as they come. */
  readonly blocked_status?: 'running' | 'flow' | 'blocked'
  /** Messages that are still to be moved, where it ends by itself. */
  readonly remaining?: number | 'unlimited'
  /** Published and not confirmed yet. */
  readonly pending?: number
  /** Moved since it was started. */
  readonly forwarded?: number
}

/** @param vhost null for all */
export function listShovels(vhost: string | null, query: ListQuery, signal?: AbortSignal): Promise<Page<ShovelStatus>> {
  return listPage(vhost === null ? 'shovels' : path`shovels/${vhost}`, query, signal)
}

/** @throws ApiError 404 also where it has ended by itself */
export const getShovel = (vhost: string, name: string, signal?: AbortSignal): Promise<ShovelStatus> =>
  request('GET', path`shovels/vhost/${vhost}/${name}`, { signal })

/** Ends what it does and begins anew. */
export const restartShovel = (vhost: string, name: string): Promise<void> =>
  request('DELETE', path`shovels/vhost/${vhost}/${name}/restart`)
