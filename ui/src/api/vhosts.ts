import { expectNew, path, remove, request } from './http.ts'
import { listPage, type ListQuery, type Page } from './lists.ts'
import { historyQuery, type QueueTotals } from './overview.ts'
import type { MessageStats } from './types.ts'

export interface Vhost extends QueueTotals {
  readonly name: string
  readonly description?: string
  readonly tags?: readonly string[]
  /** `undefined` is RabbitMQ's word for none. */
  readonly default_queue_type?: string
  readonly tracing: boolean
  readonly protected_from_deletion?: boolean
  readonly cluster_state?: Readonly<Record<string, string>>
  readonly message_stats?: MessageStats
}

/** What is known of a virtual host besides its name. */
export interface VhostMetadata {
  readonly description: string
  readonly tags: readonly string[]
  /** '' for none. */
  readonly default_queue_type: string
}

/** The names of the virtual hosts that the user may see, sorted. */
export async function listVhostNames(signal?: AbortSignal): Promise<readonly string[]> {
  const vhosts = await request<readonly { readonly name: string }[]>('GET', 'vhosts', {
    query: { columns: 'name', disable_stats: true },
    signal,
  })
  return vhosts.map(({ name }) => name).toSorted()
}

export const listVhosts = (query: ListQuery, signal?: AbortSignal): Promise<Page<Vhost>> =>
  listPage('vhosts', query, signal)

/** @param rangeSec how long a history is wanted, s */
export const getVhost = (name: string, rangeSec: number, signal?: AbortSignal): Promise<Vhost> =>
  request('GET', path`vhosts/${name}`, { query: historyQuery(rangeSec, ['lengths', 'msg_rates']), signal })

/** Makes a virtual host, or changes what is known of one. */
export function putVhost(name: string, { description, tags, default_queue_type: type }: VhostMetadata): Promise<void> {
  const body = { description, tags: tags.join(','), default_queue_type: type === '' ? 'undefined' : type }
  return request('PUT', path`vhosts/${name}`, { body })
}

/** @throws ApiError `taken` where there is one of that name */
export async function addVhost(name: string, metadata: VhostMetadata): Promise<void> {
  await expectNew(path`vhosts/${name}`)
  await putVhost(name, metadata)
}

/** The API takes away a description and tags that are not sent along. */
export function setTracing({ name, description = '', tags = [] }: Vhost, tracing: boolean): Promise<void> {
  return request('PUT', path`vhosts/${name}`, { body: { description, tags: tags.join(','), tracing } })
}

export const setProtection = (name: string, isProtected: boolean): Promise<void> =>
  request(isProtected ? 'POST' : 'DELETE', path`vhosts/${name}/deletion/protection`)

/** @throws ApiError 412 when it is protected */
export const deleteVhost = (name: string): Promise<void> => remove(path`vhosts/${name}`)
