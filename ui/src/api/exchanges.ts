import { path, remove, request } from './http.ts'
import { listPage, type ListQuery, type Page } from './lists.ts'
import { historyQuery } from './overview.ts'
import type { Arguments, MessageStats } from './types.ts'

export interface Exchange {
  /** '' for the default exchange. */
  readonly name: string
  readonly vhost: string
  readonly type: string
  readonly durable: boolean
  readonly auto_delete: boolean
  readonly internal: boolean
  readonly arguments: Arguments
  readonly policy?: string | null
  /** Kept until they are due, where the exchange keeps any. */
  readonly messages_delayed?: number
  readonly user_who_performed_action?: string
  readonly message_stats?: MessageStats
}

/** What a declaration says besides the name. */
export type ExchangeDeclaration = Pick<Exchange, 'type' | 'durable' | 'auto_delete' | 'internal' | 'arguments'>

/** How the default exchange is called in paths, where '' cannot be. */
export const exchangeInPath = (name: string): string => (name === '' ? 'amq.default' : name)

/** @param vhost null for all */
export function listExchanges(vhost: string | null, query: ListQuery, signal?: AbortSignal): Promise<Page<Exchange>> {
  return listPage(vhost === null ? 'exchanges' : path`exchanges/${vhost}`, query, signal)
}

/** @param rangeSec how long a history is wanted, s */
export function getExchange(vhost: string, name: string, rangeSec: number, signal?: AbortSignal): Promise<Exchange> {
  const query = historyQuery(rangeSec, ['msg_rates'])
  return request('GET', path`exchanges/${vhost}/${exchangeInPath(name)}`, { query, signal })
}

/** @throws ApiError 400 when the arguments are refused, or one of that name exists with others */
export function declareExchange(vhost: string, name: string, declaration: ExchangeDeclaration): Promise<void> {
  return request('PUT', path`exchanges/${vhost}/${name}`, { body: declaration })
}

/** @param ifUnused refuses while it has bindings */
export function deleteExchange(vhost: string, name: string, ifUnused: boolean): Promise<void> {
  return remove(path`exchanges/${vhost}/${name}`, { query: { 'if-unused': ifUnused ? true : null } })
}

/** The names of all exchanges of a virtual host but the default one, for suggestions: at most 500. */
export async function exchangeNames(vhost: string, signal?: AbortSignal): Promise<readonly string[]> {
  const query: ListQuery = { page: 1, pageSize: 500, name: '', regex: false, sort: 'name', reverse: false }
  const extra = { columns: 'name', disable_stats: true }
  const { items } = await listPage<Exchange>(path`exchanges/${vhost}`, query, signal, extra)
  return items.map(({ name }) => name).filter((name) => name !== '')
}
