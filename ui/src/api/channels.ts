import type { Consumer } from './consumers.ts'
import { path, request } from './http.ts'
import { listPage, type ListQuery, type Page } from './lists.ts'
import { historyQuery } from './overview.ts'
import type { MessageStats } from './types.ts'

export interface Channel {
  /** Such as `127.0.0.1:52914 -> 127.0.0.1:5672 (1)`. */
  readonly name: string
  readonly number: number
  readonly vhost: string
  readonly user: string
  readonly node: string
  readonly state?: string
  readonly confirm?: boolean
  readonly transactional?: boolean
  readonly consumer_count?: number
  /** 0 for no limit. */
  readonly prefetch_count?: number
  readonly global_prefetch_count?: number
  readonly messages_unacknowledged?: number
  readonly messages_unconfirmed?: number
  readonly messages_uncommitted?: number
  readonly acks_uncommitted?: number
  readonly idle_since?: string
  readonly connection_details: { readonly name: string }
  readonly message_stats?: MessageStats
}

/** One channel, with what it does. */
export interface ChannelDetails extends Channel {
  readonly consumer_details?: readonly Consumer[]
  readonly publishes?: readonly {
    readonly exchange: { readonly name: string; readonly vhost: string }
    readonly stats: MessageStats
  }[]
  readonly deliveries?: readonly {
    readonly queue: { readonly name: string; readonly vhost: string }
    readonly stats: MessageStats
  }[]
}

/** @param vhost null for all */
export function listChannels(vhost: string | null, query: ListQuery, signal?: AbortSignal): Promise<Page<Channel>> {
  return listPage(vhost === null ? 'channels' : path`vhosts/${vhost}/channels`, query, signal)
}

/** @param rangeSec how long a history is wanted, s */
export function getChannel(name: string, rangeSec: number, signal?: AbortSignal): Promise<ChannelDetails> {
  return request('GET', path`channels/${name}`, { query: historyQuery(rangeSec, ['msg_rates']), signal })
}
