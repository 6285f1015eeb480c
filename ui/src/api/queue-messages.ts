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

/** Where messages are: a queue, or an exchange that keeps some until they are due. */
export interface MessagePlace {
  readonly kind: 'queues' | 'exchanges'
  readonly vhost: string
  readonly name: string
}

const resourceOf = ({ kind, vhost, name }: MessagePlace): string => `${kind}/${path`${vhost}/${name}`}/messages`

/** Looks at messages without marking or moving them. */
export function peekMessages(
  place: MessagePlace,
  search: MessageSearch,
  options: PeekOptions,
  signal?: AbortSignal,
): Promise<PeekAnswer> {
  const query = { ...search, ...options }
  return request('GET', resourceOf(place), { query, signal })
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

/** Those that an exchange keeps can be cancelled and hastened. */
export function actOnMessages(place: MessagePlace, select: MessageSelection, action: MessageAction): Promise<Job> {
  return request('POST', `${resourceOf(place)}/actions`, { body: { ...action, select } })
}
