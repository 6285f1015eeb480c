import { request } from './http.ts'
import type { Details, MessageStats } from './types.ts'

export interface Listener {
  readonly node: string
  readonly protocol: string
  readonly ip_address: string
  readonly port: number
}

type ChurnName =
  | `connection_${'created' | 'closed'}`
  | `channel_${'created' | 'closed'}`
  | `queue_${'declared' | 'created' | 'deleted'}`

export type ChurnRates = { readonly [name in ChurnName]?: number } & {
  readonly [name in `${ChurnName}_details`]?: Details
}

export interface QueueTotals {
  readonly messages?: number
  readonly messages_ready?: number
  readonly messages_unacknowledged?: number
  readonly messages_details?: Details
  readonly messages_ready_details?: Details
  readonly messages_unacknowledged_details?: Details
}

export interface Overview {
  readonly product_name?: string
  readonly product_version?: string
  readonly management_version: string
  readonly rabbitmq_version: string
  readonly cluster_name: string
  readonly node: string
  readonly exchange_types: readonly { readonly name: string; readonly internal_purpose?: string }[]
  readonly message_stats: MessageStats
  readonly queue_totals: QueueTotals
  readonly object_totals: {
    readonly connections: number
    readonly channels: number
    readonly consumers: number
    readonly exchanges: number
    readonly queues: number
  }
  readonly churn_rates: ChurnRates
  /** Only for users who may monitor. */
  readonly listeners?: readonly Listener[]
}

/** @param rangeSec how long a history is wanted, s; null for none */
export function getOverview(rangeSec: number | null, signal?: AbortSignal): Promise<Overview> {
  return request('GET', 'overview', { query: historyQuery(rangeSec, ['lengths', 'msg_rates']), signal })
}

type HistoryKind = 'lengths' | 'msg_rates' | 'data_rates' | 'node_stats'

/** Seconds between two samples, by the length of the history: RabbitMQ's own steps, of which none gives over 150 samples. */
const STEP_SEC: Readonly<Record<number, number>> = { 60: 5, 600: 5, 3600: 60, 28_800: 600, 86_400: 1800 }

/** What asks for histories of these kinds. */
export function historyQuery(rangeSec: number | null, kinds: readonly HistoryKind[]): Record<string, number> {
  if (rangeSec === null) return {}
  return Object.fromEntries(
    kinds.flatMap((kind) => [
      [`${kind}_age`, rangeSec],
      [`${kind}_incr`, STEP_SEC[rangeSec] ?? Math.ceil(rangeSec / 100)],
    ]),
  )
}
