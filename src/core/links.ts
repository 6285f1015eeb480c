/** What runs in the background between this broker and others, as whoever shows and steers it sees it: the HTTP API, for one. */

/** As RabbitMQ's HTTP API gives it (`GET /api/shovels`). Addresses are without user, password and query. */
export interface ShovelStatus {
  readonly node: string
  /** Local time of the last change of state: `2026-11-26 3:25:48`. */
  readonly timestamp: string
  readonly name: string
  readonly vhost: string
  readonly type: 'dynamic'
  readonly state: 'starting' | 'running' | 'terminated'
  /** Why it is terminated. */
  readonly reason?: string
  readonly src_uri?: string
  readonly src_protocol?: string
  readonly src_queue?: string
  readonly src_exchange?: string
  readonly src_exchange_key?: string
  readonly dest_uri?: string
  readonly dest_protocol?: string
  readonly dest_queue?: string
  readonly dest_exchange?: string
  readonly dest_exchange_key?: string
  /** Whether the destination takes messages as they come: `blocked` by an alarm there, or `flow` while the network is full. */
  readonly blocked_status?: 'running' | 'flow' | 'blocked'
  /** Messages that are still to be moved, where it ends by itself. */
  readonly remaining?: number | 'unlimited'
  /** Messages published and not confirmed yet. */
  readonly pending?: number
  /** Messages that have been moved since it was started. */
  readonly forwarded?: number
}

export interface ShovelControl {
  /** All of them, or those of a vhost. */
  list(vhost?: string): ShovelStatus[]
  /** Ends what it does and begins anew. @returns false where there is none of that name */
  restart(vhost: string, name: string): boolean
}

/** As RabbitMQ's HTTP API gives it (`GET /api/federation-links`). The address is without user, password and query. */
export interface FederationLinkStatus {
  readonly node: string
  /** Of a federated exchange. */
  readonly exchange?: string
  readonly upstream_exchange?: string
  /** Of a federated queue. */
  readonly queue?: string
  readonly upstream_queue?: string
  readonly consumer_tag?: string
  readonly type: 'exchange' | 'queue'
  readonly vhost: string
  /** Name of the upstream. */
  readonly upstream: string
  /** Eight hexadecimal digits, the same over restarts. */
  readonly id: string
  readonly status: 'starting' | 'running' | 'error'
  /** Name of the connection to this broker, while it runs. */
  readonly local_connection?: string
  readonly error?: string
  readonly uri: string
  /** Local time of the last change of status: `2026-11-26 3:25:48`. */
  readonly timestamp: string
}

export interface FederationControl {
  /** All links, or those of a vhost. */
  list(vhost?: string): FederationLinkStatus[]
  /** Ends what the link does and begins anew. @returns false where there is none of that id */
  restart(vhost: string, id: string): boolean
}
