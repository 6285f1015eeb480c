import { ApiError, request } from './http.ts'

/** What a table asks for. */
export interface ListQuery {
  /** From 1. */
  readonly page: number
  readonly pageSize: number
  /** Text that the name has to contain, or a regular expression. '' for all. */
  readonly name: string
  readonly regex: boolean
  /** Key to sort by, such as `messages` or `message_stats.publish_details.rate`; '' for the API's own order. */
  readonly sort: string
  readonly reverse: boolean
}

/** One page of a list, in the API's words. */
export interface Page<T> {
  readonly items: readonly T[]
  readonly page: number
  readonly page_count: number
  readonly page_size: number
  readonly item_count: number
  readonly filtered_count: number
  readonly total_count: number
}

export const ALL: ListQuery = { page: 1, pageSize: 100, name: '', regex: false, sort: '', reverse: false }

/**
 * One page of a list; the last, where there are not so many. Where the API answers with the whole list, as some of RabbitMQ's do, the page is cut out here.
 * @param extra further parameters of this list
 */
export async function listPage<T extends object>(
  resource: string,
  query: ListQuery,
  signal?: AbortSignal,
  extra: Readonly<Record<string, string | number | boolean>> = {},
): Promise<Page<T>> {
  const ask = ({ page }: { readonly page: number }): Promise<Page<T> | readonly T[]> =>
    request('GET', resource, {
      query: {
        page,
        page_size: query.pageSize,
        name: query.name,
        use_regex: query.name === '' ? null : query.regex,
        sort: query.sort,
        sort_reverse: query.sort === '' ? null : query.reverse,
        pagination: true,
        ...extra,
      },
      signal,
    })
  const answer = await ask(query).catch(async (error: unknown) => {
    if (!isOutOfRange(error) || query.page === 1) throw error
    const first = await ask({ page: 1 })
    return 'items' in first && first.page_count > 1 ? ask({ page: first.page_count }) : first
  })
  return 'items' in answer ? answer : localPage(answer, { ...query, sort: '' }, nameOf)
}

/** An old address, or a list that has become shorter. */
const isOutOfRange = (error: unknown): boolean =>
  error instanceof ApiError && error.status === 400 && /page out of range/i.test(error.message)

const nameOf = (row: object): string => String((row as { name?: unknown }).name ?? '')

/** The same for rows that are here already. `text` is what the filter looks at. */
export function localPage<T extends object>(rows: readonly T[], query: ListQuery, text: (row: T) => string): Page<T> {
  const matches = matcher(query)
  const filtered = query.name === '' ? rows : rows.filter((row) => matches(text(row)))
  const sorted = query.sort === '' ? filtered : sortRows(filtered, query.sort, query.reverse)
  const pageCount = Math.max(1, Math.ceil(sorted.length / query.pageSize))
  const page = Math.min(query.page, pageCount)
  const items = sorted.slice((page - 1) * query.pageSize, page * query.pageSize)
  return {
    items,
    page,
    page_count: pageCount,
    page_size: query.pageSize,
    item_count: items.length,
    filtered_count: filtered.length,
    total_count: rows.length,
  }
}

function matcher({ name, regex }: ListQuery): (text: string) => boolean {
  if (!regex) {
    const wanted = name.toLowerCase()
    return (text) => text.toLowerCase().includes(wanted)
  }
  try {
    const pattern = new RegExp(name, 'i')
    return (text) => pattern.test(text)
  } catch {
    return () => false
  }
}

function sortRows<T extends object>(rows: readonly T[], key: string, reverse: boolean): T[] {
  const direction = reverse ? -1 : 1
  return rows.toSorted((a, b) => direction * compare(valueAt(a, key), valueAt(b, key)))
}

/** The value at a path such as `message_stats.ack_details.rate`. */
export function valueAt(row: object, key: string): unknown {
  return key.split('.').reduce<unknown>((value, part) => (value as Record<string, unknown> | undefined)?.[part], row)
}

function compare(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  if (a === undefined || b === undefined) return (a === undefined ? 0 : 1) - (b === undefined ? 0 : 1)
  return String(a).localeCompare(String(b))
}
