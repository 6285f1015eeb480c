import type { Consumer } from './consumers.ts'
import { path, remove, request } from './http.ts'
import type { Job } from './jobs.ts'
import { listPage, type ListQuery, type Page } from './lists.ts'
import { historyQuery } from './overview.ts'
import type { Arguments, Details, MessageStats } from './types.ts'

export interface Queue {
  readonly name: string
  readonly vhost: string
  readonly type?: string
  readonly durable: boolean
  readonly auto_delete: boolean
  readonly exclusive: boolean
  readonly arguments: Arguments
  readonly node: string
  readonly state?: string
  readonly paused?: boolean
  readonly policy?: string | null
  readonly operator_policy?: string | null
  readonly effective_policy_definition?: Arguments
  readonly consumers?: number
  /** The share of time in which a new message could have been delivered at once, 0 to 1. */
  readonly consumer_capacity?: number
  readonly messages?: number
  readonly messages_ready?: number
  readonly messages_unacknowledged?: number
  readonly messages_details?: Details
  readonly messages_ready_details?: Details
  readonly messages_unacknowledged_details?: Details
  readonly messages_ram?: number
  readonly messages_persistent?: number
  readonly messages_paged_out?: number
  readonly message_bytes?: number
  readonly message_bytes_ready?: number
  readonly message_bytes_unacknowledged?: number
  readonly message_bytes_ram?: number
  readonly message_bytes_persistent?: number
  readonly message_bytes_paged_out?: number
  readonly memory?: number
  readonly idle_since?: string
  readonly exclusive_consumer_tag?: string | null
  readonly single_active_consumer_tag?: string | null
  /** WarrenMQ's own: how many messages wait for their due time or their next attempt. */
  readonly messages_delayed?: number
  /** WarrenMQ's own: how many message groups the queue is busy with. */
  readonly message_groups?: number
  readonly delivery_limit?: number
  /** WarrenMQ's own: how many messages are where, and what they take on disk, bytes, and their index in memory, bytes. */
  readonly residency?: Readonly<Record<'alpha' | 'beta' | 'gamma' | 'delta' | 'disk_bytes' | 'index_bytes', number>>
  readonly message_stats?: MessageStats
}

/** One queue, with who feeds it and who takes from it. */
export interface QueueDetails extends Queue {
  readonly consumer_details?: readonly Consumer[]
  readonly incoming?: readonly {
    readonly exchange: { readonly name: string; readonly vhost: string }
    readonly stats: MessageStats
  }[]
  readonly deliveries?: readonly {
    readonly channel_details?: { readonly name?: string }
    readonly stats: MessageStats
  }[]
}

/** What a declaration says besides the name. The type is the argument `x-queue-type`. */
export type QueueDeclaration = Pick<Queue, 'durable' | 'auto_delete' | 'arguments'>

/** @param vhost null for all */
export function listQueues(vhost: string | null, query: ListQuery, signal?: AbortSignal): Promise<Page<Queue>> {
  return listPage(vhost === null ? 'queues' : path`queues/${vhost}`, query, signal)
}

/** The names of queues that contain a text, for suggestions: at most 50. */
export async function suggestQueues(vhost: string, text: string, signal?: AbortSignal): Promise<readonly string[]> {
  const query = { page: 1, pageSize: 50, name: text, regex: false, sort: 'name', reverse: false }
  const extra = { columns: 'name', disable_stats: true }
  const { items } = await listPage<Queue>(path`queues/${vhost}`, query, signal, extra)
  return items.map(({ name }) => name)
}

/** @param rangeSec how long a history is wanted, s */
export function getQueue(vhost: string, name: string, rangeSec: number, signal?: AbortSignal): Promise<QueueDetails> {
  const query = historyQuery(rangeSec, ['lengths', 'msg_rates'])
  return request('GET', path`queues/${vhost}/${name}`, { query, signal })
}

/** @throws ApiError 400 when the arguments are refused, or one of that name exists with others */
export function declareQueue(vhost: string, name: string, declaration: QueueDeclaration): Promise<void> {
  return request('PUT', path`queues/${vhost}/${name}`, { body: declaration })
}

export interface DeleteConditions {
  readonly ifEmpty: boolean
  readonly ifUnused: boolean
}

/** @throws ApiError 400 when a condition does not hold */
export function deleteQueue(vhost: string, name: string, conditions: DeleteConditions): Promise<void> {
  const query = { 'if-empty': conditions.ifEmpty || null, 'if-unused': conditions.ifUnused || null }
  return remove(path`queues/${vhost}/${name}`, { query })
}

/** Deletes what is ready. Answers with a job where the broker makes it one. */
export function purgeQueue(vhost: string, name: string): Promise<Job | undefined> {
  return request('DELETE', path`queues/${vhost}/${name}/contents`, { query: { job: true } })
}

/** Nothing is delivered any more until `resumeQueue`. */
export const pauseQueue = (vhost: string, name: string): Promise<void> =>
  request('PUT', path`queues/${vhost}/${name}/pause`)
export const resumeQueue = (vhost: string, name: string): Promise<void> =>
  request('DELETE', path`queues/${vhost}/${name}/pause`)

/** Where messages are sent: to a queue, or to an exchange with a key of their own or the given one. */
export type Target =
  | { readonly queue: string; readonly vhost?: string }
  | { readonly exchange: string; readonly routing_key: string | null; readonly vhost?: string }

/** Moves or copies all that is ready. */
export function transferAll(vhost: string, name: string, action: 'move' | 'copy', to: Target): Promise<Job> {
  const body = { action, select: 'all', to }
  return request('POST', path`queues/${vhost}/${name}/messages/actions`, { body })
}

/** What is to be different; null takes an argument away. */
export interface QueueChange {
  readonly type?: string
  readonly durable?: boolean
  readonly arguments?: Arguments
}

const CHANGE_EFFECTS = [
  'too-long',
  'gone-on-restart',
  'duplicates-forgotten',
  'time-to-live-kept',
  'delays-kept',
  'priorities-when-read',
  'rest-kept',
] as const

/** What a change of a queue comes to. */
export interface QueueChangeReport {
  readonly type: { readonly from: string; readonly to: string }
  readonly durable: { readonly from: boolean; readonly to: boolean }
  readonly policy: { readonly from: string | null; readonly to: string | null }
  readonly arguments: readonly { readonly name: string; readonly from: unknown; readonly to: unknown }[]
  readonly messages: Readonly<Record<'ready' | 'unacknowledged' | 'waiting' | 'delayed' | 'on_disk_only', number>>
  readonly consumers: {
    readonly stay: number
    readonly end: readonly { readonly consumer_tag: string; readonly channel: string; readonly reason: string }[]
  }
  readonly effects: readonly {
    readonly effect: (typeof CHANGE_EFFECTS)[number]
    readonly messages: number | null
    readonly loses: boolean
    readonly text: string
  }[]
}

/** Says what a change would come to, and changes nothing. @throws ApiError 400 when it is impossible */
export function previewChange(
  vhost: string,
  name: string,
  change: QueueChange,
  signal?: AbortSignal,
): Promise<QueueChangeReport> {
  return request('POST', path`queues/${vhost}/${name}/change`, { query: { preview: true }, body: change, signal })
}

/** Type, durability or arguments change in place, with what is in the queue. @throws ApiError 400 when it is impossible */
export function changeQueue(vhost: string, name: string, change: QueueChange): Promise<QueueChangeReport> {
  return request('POST', path`queues/${vhost}/${name}/change`, { body: change })
}
