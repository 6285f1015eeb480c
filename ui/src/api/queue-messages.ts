import { path, request } from './http.ts'
import type { Job } from './jobs.ts'
import type { MessageProperties, PayloadEncoding } from './messages.ts'
import type { Target } from './queues.ts'

export type MessageState = 'ready' | 'unacked' | 'delayed'

/** What is searched for: all of it has to fit. '' and an empty list for anything. */
export interface MessageSearch {
  readonly state: MessageState | 'all'
  /** Routing key; `*` stands for any text. */
  readonly key: string
  /** Each `name` or `name=value`. */
  readonly header: readonly string[]
  /** Text that the body contains. */
  readonly body: string
}

export interface PeekOptions {
  readonly from: 'head' | 'tail'
  readonly limit: number
  /** `next` of the answer before; null to begin. */
  readonly after: string | null
  /** Bytes of each body that are answered. */
  readonly truncate: number
}

/** A message where it is. */
export interface QueuedMessage {
  /** Tells messages of one queue apart for as long as the message is in it. */
  readonly id: string
  readonly state: MessageState
  readonly residency: string
  readonly exchange: string
  readonly routing_key: string
  readonly redelivered: boolean
  readonly delivery_count: number
  readonly properties: MessageProperties
  readonly payload: string
  readonly payload_encoding: PayloadEncoding
  readonly payload_bytes: number
  readonly truncated: boolean
  /** Milliseconds since the epoch; null unless it waits. */
  readonly due_at: number | null
  /** Who holds it. */
  readonly consumer: {
    readonly consumer_tag: string
    readonly channel: string
    readonly since: number
  } | null
}

export interface PeekAnswer {
  readonly items: readonly QueuedMessage[]
  /** Null at the end. */
  readonly next: string | null
  /** How many were looked at for it. */
  readonly examined: number
}

/** Looks at messages without marking or moving them. */
export function peekMessages(
  vhost: string,
  queue: string,
  search: MessageSearch,
  options: PeekOptions,
  signal?: AbortSignal,
): Promise<PeekAnswer> {
  const query = { ...search, ...options }
  return request('GET', path`queues/${vhost}/${queue}/messages`, { query, signal })
}

/** Some by id, or all that fit. Without a state: all that are in one which the action is for. */
export type MessageSelection =
  | { readonly ids: readonly string[] }
  | (Omit<MessageSearch, 'state'> & { readonly state?: MessageState })

/** All that a search finds. */
export function selectionOf({ state, ...search }: MessageSearch): MessageSelection {
  return state === 'all' ? search : { ...search, state }
}

/** Something to do with messages, in the API's words. */
export type MessageAction =
  | { readonly action: 'delete' | 'redrive' | 'cancel' }
  | { readonly action: 'move' | 'copy'; readonly to: Target }
  /** Milliseconds since the epoch; now where it is left out. */
  | { readonly action: 'hasten'; readonly deliver_at?: number }

export function actOnMessages(
  vhost: string,
  queue: string,
  select: MessageSelection,
  action: MessageAction,
): Promise<Job> {
  return request('POST', path`queues/${vhost}/${queue}/messages/actions`, { body: { ...action, select } })
}
