/** A message as `GET /api/queues/{vhost}/{queue}/messages` shows it: see docs/http-api.md. */
export interface QueueMessage {
  readonly id: string
  readonly state: string
  readonly exchange: string
  readonly routing_key: string
  readonly redelivered: boolean
  readonly properties: Readonly<Record<string, unknown>>
  readonly payload: string
  readonly payload_encoding: 'string' | 'base64'
  readonly payload_bytes: number
  readonly truncated: boolean
}
