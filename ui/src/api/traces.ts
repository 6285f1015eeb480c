import { path, remove, request } from './http.ts'

/** What is followed: all that is given has to match. The API tells null for what is not. */
export interface TraceWanted {
  readonly queue?: string | null
  readonly exchange?: string | null
  readonly key?: string | null
  /** `name` or `name=value`. */
  readonly header?: string | null
  readonly seconds: number
  /** Events after which it ends. */
  readonly limit: number
}

export interface MessageTrace extends TraceWanted {
  readonly id: string
  readonly vhost: string
  readonly user: string
  readonly state: 'running' | 'ended'
  /** Milliseconds since the epoch. */
  readonly started_at: number
  readonly ends_at: number
  readonly count: number
}

export interface TraceEvent {
  /** From 1. */
  readonly n: number
  /** Milliseconds since the epoch. */
  readonly at: number
  /** The same for all events of one message. */
  readonly message: string
  readonly event: string
  readonly exchange: string
  readonly routing_key: string
  readonly queue?: string
  readonly queues?: readonly string[]
  readonly connection?: string
  readonly channel?: string
  readonly consumer_tag?: string
  readonly user?: string
  readonly payload_bytes: number
  readonly detail?: string
}

export interface TraceAnswer extends MessageTrace {
  readonly events: readonly TraceEvent[]
  /** The number of the last of them. */
  readonly last: number
}

export const startTrace = (vhost: string, wanted: TraceWanted): Promise<MessageTrace> =>
  request('POST', path`message-traces/${vhost}`, { body: wanted })

export const listTraces = (vhost: string, signal?: AbortSignal): Promise<readonly MessageTrace[]> =>
  request('GET', path`message-traces/${vhost}`, { signal })

/** @param after the number of the last event that is known; 0 for none */
export const getTrace = (vhost: string, id: string, after: number, signal?: AbortSignal): Promise<TraceAnswer> =>
  request('GET', path`message-traces/${vhost}/${id}`, { query: { after }, signal })

export const deleteTrace = (vhost: string, id: string): Promise<void> => remove(path`message-traces/${vhost}/${id}`)
