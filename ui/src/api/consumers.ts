import { path, request } from './http.ts'
import type { Arguments } from './types.ts'

export interface Consumer {
  readonly consumer_tag: string
  readonly ack_required: boolean
  readonly exclusive: boolean
  readonly active?: boolean
  readonly activity_status?: string
  readonly prefetch_count: number
  readonly arguments: Arguments
  /** Empty for a consumer without a channel, such as a federation link's. */
  readonly channel_details: { readonly name?: string; readonly connection_name?: string; readonly user?: string }
  readonly queue: { readonly name: string; readonly vhost: string }
}

/** @param vhost null for all */
export function listConsumers(vhost: string | null, signal?: AbortSignal): Promise<readonly Consumer[]> {
  return request('GET', vhost === null ? 'consumers' : path`consumers/${vhost}`, { signal })
}
