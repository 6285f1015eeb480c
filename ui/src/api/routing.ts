import type { Binding } from './bindings.ts'
import { exchangeInPath } from './exchanges.ts'
import { path, request } from './http.ts'
import type { Arguments } from './types.ts'

/** An exchange that a message comes to. */
export interface RouteStep {
  readonly exchange: string
  readonly type: string
  readonly routing_key: string
  /** What led to it: a binding, an alternate exchange, a header; null for the first. */
  readonly via: string | null
  /** Those that match come first; at most 500. */
  readonly bindings: readonly (Binding & { readonly matched: boolean })[]
  readonly bindings_total: number
  readonly note: string | null
}

export interface RouteExplanation {
  readonly routed: boolean
  readonly queues: readonly string[]
  readonly steps: readonly RouteStep[]
}

/** Says where a message would go. Nothing is published. */
export function explainRoute(
  vhost: string,
  exchange: string,
  message: { readonly routing_key: string; readonly properties: { readonly headers: Arguments } },
): Promise<RouteExplanation> {
  return request('POST', path`exchanges/${vhost}/${exchangeInPath(exchange)}/route`, { body: message })
}
