import type { Channel } from './channels.ts'
import { path, request } from './http.ts'
import { listPage, type ListQuery, type Page } from './lists.ts'
import { historyQuery } from './overview.ts'
import type { Arguments, Details } from './types.ts'

export interface Connection {
  /** Such as `127.0.0.1:52914 -> 127.0.0.1:5672`. */
  readonly name: string
  readonly user_provided_name?: string
  readonly vhost: string
  readonly user: string
  readonly node: string
  readonly protocol: string
  readonly state?: string
  readonly ssl?: boolean
  readonly ssl_protocol?: string | null
  readonly ssl_cipher?: string | null
  readonly peer_cert_subject?: string | null
  readonly auth_mechanism?: string
  readonly channels?: number
  readonly channel_max?: number
  readonly frame_max?: number
  /** Heartbeat, s. */
  readonly timeout?: number
  /** Milliseconds since the epoch. */
  readonly connected_at?: number
  readonly host?: string
  readonly port?: number
  readonly peer_host?: string
  readonly peer_port?: number
  readonly client_properties?: Arguments
  readonly recv_oct?: number
  readonly send_oct?: number
  readonly recv_oct_details?: Details
  readonly send_oct_details?: Details
}

/** @param vhost null for all */
export function listConnections(
  vhost: string | null,
  query: ListQuery,
  signal?: AbortSignal,
): Promise<Page<Connection>> {
  return listPage(vhost === null ? 'connections' : path`vhosts/${vhost}/connections`, query, signal)
}

/** @param rangeSec how long a history is wanted, s */
export function getConnection(name: string, rangeSec: number, signal?: AbortSignal): Promise<Connection> {
  return request('GET', path`connections/${name}`, { query: historyQuery(rangeSec, ['data_rates']), signal })
}

export function listConnectionChannels(name: string, signal?: AbortSignal): Promise<readonly Channel[]> {
  return request('GET', path`connections/${name}/channels`, { signal })
}

/** @param reason what the client is told; '' for the broker's standard text */
export function closeConnection(name: string, reason: string): Promise<void> {
  return request('DELETE', path`connections/${name}`, {
    headers: reason === '' ? {} : { 'x-reason': asHeader(reason) },
  })
}

/** A header holds Latin-1 only: what is beyond goes as UTF-8 bytes, which is how servers read it. */
const asHeader = (text: string): string => String.fromCodePoint(...new TextEncoder().encode(text))
