import { path, request } from './http.ts'

/** What leads where in a virtual host. Rates are per second. */
export interface Topology {
  readonly exchanges: readonly {
    readonly name: string
    readonly type: string
    readonly internal: boolean
    readonly in: number
    readonly out: number
  }[]
  readonly queues: readonly {
    readonly name: string
    readonly type: string
    readonly messages: number
    readonly in: number
    readonly out: number
    readonly consumers: number
    readonly state: string
    readonly paused: boolean
  }[]
  readonly bindings: readonly {
    readonly source: string
    readonly destination: string
    readonly destination_type: 'queue' | 'exchange'
    readonly routing_key: string
    readonly properties_key: string
    /** Bounds of the rate of all bindings between the same two; null where it cannot be told. */
    readonly out_min?: number | null
    readonly out_max?: number | null
  }[]
  /** What was published to an exchange and came to a queue. */
  readonly flows: readonly { readonly exchange: string; readonly queue: string; readonly out: number }[]
  readonly consumers: readonly {
    readonly queue: string
    readonly consumer_tag: string
    readonly channel: string
    readonly connection: string
    readonly user: string
    readonly out: number
  }[]
  readonly publishers: readonly { readonly connection: string; readonly exchange: string; readonly out: number }[]
  readonly dead_letters: readonly {
    readonly queue: string
    readonly exchange: string
    readonly routing_key: string | null
  }[]
  /** Whether there is more than is told. */
  readonly truncated?: boolean
}

export const getTopology = (vhost: string, signal?: AbortSignal): Promise<Topology> =>
  request('GET', path`topology/${vhost}`, { signal })
