import { exchangeInPath } from './exchanges.ts'
import { path, request } from './http.ts'
import type { Arguments } from './types.ts'

/** Properties of a message in the API's words, of which only those are there that the message has. */
export interface MessageProperties {
  readonly content_type?: string
  readonly content_encoding?: string
  readonly headers?: Arguments
  /** 2 for persistent. */
  readonly delivery_mode?: number
  readonly priority?: number
  readonly correlation_id?: string
  readonly reply_to?: string
  /** Milliseconds, as text. */
  readonly expiration?: string
  readonly message_id?: string
  /** Seconds since the epoch. */
  readonly timestamp?: number
  readonly type?: string
  readonly user_id?: string
  readonly app_id?: string
}

export type PayloadEncoding = 'string' | 'base64'

export interface Publication {
  readonly properties: MessageProperties
  readonly routing_key: string
  readonly payload: string
  readonly payload_encoding: PayloadEncoding
}

/** A message that was got. */
export interface GotMessage {
  readonly payload_bytes: number
  readonly redelivered: boolean
  readonly exchange: string
  readonly routing_key: string
  /** How many are left behind it. */
  readonly message_count: number
  /** An empty list where there are none, as RabbitMQ's JSON has it. */
  readonly properties: MessageProperties | readonly never[]
  readonly payload: string
  readonly payload_encoding: PayloadEncoding
}

export type AckMode = 'ack_requeue_true' | 'ack_requeue_false' | 'reject_requeue_true' | 'reject_requeue_false'

export interface GetOptions {
  readonly count: number
  readonly ackmode: AckMode
  readonly encoding: 'auto' | 'base64'
  /** Most bytes of each body. */
  readonly truncate: number
}

/** Whether some queue got it. */
export async function publish(vhost: string, exchange: string, message: Publication): Promise<boolean> {
  const resource = path`exchanges/${vhost}/${exchangeInPath(exchange)}/publish`
  return (await request<{ readonly routed: boolean }>('POST', resource, { body: message })).routed
}

/** Takes messages from the head of a queue, and does with them what `ackmode` says. */
export function getMessages(vhost: string, queue: string, options: GetOptions): Promise<readonly GotMessage[]> {
  return request('POST', path`queues/${vhost}/${queue}/get`, { body: options })
}
