import { useComputed, useSignal, type ReadonlySignal } from '@preact/signals'
import { ALL, type ListQuery } from '../api/lists.ts'
import * as router from '../router.ts'
import { preferences } from '../state/preferences.ts'

/** What a table asks for, and how that is changed. */
export interface TableQuery {
  readonly query: ReadonlySignal<ListQuery>
  /** A change of filter or order goes back to the first page. */
  readonly change: (changes: Partial<ListQuery>) => void
}

/** Kept in the address, or as long as the table is there. */
export function useTableQuery(
  inAddress: boolean,
  defaultSort: { readonly key: string; readonly reverse?: boolean } = { key: '' },
): TableQuery {
  const start: ListQuery = { ...ALL, sort: defaultSort.key, reverse: defaultSort.reverse ?? false }
  const own = useSignal(start)
  const query = useComputed(() => ({
    ...(inAddress ? fromAddress(router.query.value, start) : own.value),
    pageSize: preferences.pageSize.value,
  }))
  const change = (changes: Partial<ListQuery>): void => {
    const next = { ...query.peek(), page: 1, ...changes }
    if (changes.pageSize !== undefined) preferences.pageSize.value = changes.pageSize
    if (inAddress) router.setQuery(toAddress(next, start))
    else own.value = next
  }
  return { query, change }
}

function fromAddress(address: URLSearchParams, start: ListQuery): ListQuery {
  return {
    ...start,
    page: Math.max(1, Math.trunc(Number(address.get('page') ?? 1)) || 1),
    name: address.get('name') ?? '',
    regex: address.has('regex'),
    sort: address.get('sort') ?? start.sort,
    reverse: address.has('sort') ? address.has('reverse') : start.reverse,
  }
}

function toAddress(query: ListQuery, start: ListQuery): Record<string, string | null> {
  const sorted = query.sort !== start.sort || query.reverse !== start.reverse
  return {
    page: query.page === 1 ? null : String(query.page),
    name: query.name === '' ? null : query.name,
    regex: query.regex ? '' : null,
    sort: sorted ? query.sort : null,
    reverse: sorted && query.reverse ? '' : null,
  }
}
