import { exchangeInPath } from './exchanges.ts'
import { path, remove, request } from './http.ts'
import type { Arguments } from './types.ts'

export interface Binding {
  /** An exchange; '' for the default one. */
  readonly source: string
  readonly vhost: string
  readonly destination: string
  readonly destination_type: 'queue' | 'exchange'
  readonly routing_key: string
  readonly arguments: Arguments
  /** Names the binding among those with the same ends. */
  readonly properties_key: string
}

export function listQueueBindings(vhost: string, queue: string, signal?: AbortSignal): Promise<readonly Binding[]> {
  return request('GET', path`queues/${vhost}/${queue}/bindings`, { signal })
}

/** @param end whether the exchange is the bindings' source or their destination */
export function listExchangeBindings(
  vhost: string,
  exchange: string,
  end: 'source' | 'destination',
  signal?: AbortSignal,
): Promise<readonly Binding[]> {
  return request('GET', path`exchanges/${vhost}/${exchangeInPath(exchange)}/bindings/${end}`, { signal })
}

type Ends = Pick<Binding, 'vhost' | 'source' | 'destination' | 'destination_type'>

const between = ({ vhost, source, destination, destination_type: type }: Ends): string =>
  path`bindings/${vhost}/e/${source}/${type === 'queue' ? 'q' : 'e'}/${destination}`

export function bind(ends: Ends, routingKey: string, args: Arguments): Promise<void> {
  return request('POST', between(ends), { body: { routing_key: routingKey, arguments: args } })
}

export function unbind(binding: Binding): Promise<void> {
  // The key is in its form for paths already, but as a part of a path it has to survive the decoding of the whole.
  return remove(`${between(binding)}/${encodeURIComponent(binding.properties_key)}`)
}
