import { ApiError, badRequest } from './api-error.ts'
import { matchNames } from './name-pattern.ts'

// Pages, filters, order and columns of lists, as RabbitMQ's API has them.

const PAGE_SIZE_DEFAULT = 100
const PAGE_SIZE_MAX = 500

export interface ListQuery {
  readonly page?: string
  readonly page_size?: string
  readonly name?: string
  readonly use_regex?: string
  readonly sort?: string
  readonly sort_reverse?: string
  readonly columns?: string
  readonly pagination?: string
}

type Row = Record<string, unknown>

/**
 * What a list is made of: rows are cheap things that know their name; `render` makes the object that is shown, which for a page of
 * 100 happens 100 times, and for a sorted one only the key that is sorted by is asked of every row.
 */
export interface ListSource<T> {
  readonly rows: readonly T[]
  readonly nameOf: (row: T) => string
  readonly render: (row: T) => Row
  /** The value to sort by, where it can be had without rendering; undefined where it cannot, null where there is none. */
  readonly keyOf?: (row: T, path: string) => unknown
}

/**
 * One of the lists that RabbitMQ answers in pages where it is asked for one: of exchanges, queues, connections, channels, virtual hosts.
 * @throws ApiError 400 for pages that are none, or out of range
 */
export function answerPages<T>(given: ListQuery, source: ListSource<T>): unknown {
  const query = firstOfEach(given)
  const page = pageOf(query)
  // as with RabbitMQ, which takes no notice of a name outside of pages
  const filtered = page === null ? [...source.rows] : filter(query, source)
  if (query.sort !== undefined && query.sort !== '') sort(filtered, source, query.sort)
  if (query.sort_reverse === 'true') filtered.reverse()
  const columns = columnsOf(query)
  const show = (row: T): Row => (columns === null ? source.render(row) : pick(source.render(row), columns))
  if (page === null) return filtered.map(show)
  return slice(filtered, source.rows.length, page, show)
}

/**
 * Any other list. RabbitMQ answers it whole, whatever page is asked for, and clients that ask for pages of everything get on with that.
 * The console says `pagination=true`, and does get a page.
 * @throws ApiError 400 for pages that are none, or out of range
 */
export function answerList<T>(given: ListQuery, source: ListSource<T>): unknown {
  const { page, ...whole } = firstOfEach(given)
  const isPaged = page !== undefined && whole.pagination === 'true'
  return answerPages(isPaged ? { ...whole, page } : whole, source)
}

/** A single object, with the columns that are asked for. */
export function answerObject(query: Pick<ListQuery, 'columns'>, row: Row): Row {
  const columns = columnsOf(firstOfEach(query))
  return columns === null ? row : pick(row, columns)
}

/** A parameter that is given several times is a list. */
const firstOfEach = <Q extends object>(query: Q): Q =>
  Object.fromEntries(Object.entries(query).map(([key, value]) => [key, Array.isArray(value) ? value[0] : value])) as Q

const columnsOf = ({ columns }: Pick<ListQuery, 'columns'>): string[] | null =>
  columns === undefined ? null : columns.split(',').filter(Boolean)

/** In the order of their names, as lists are shown unless they are asked to be in another one. */
export const sortedByName = <T>(rows: Iterable<T>, nameOf: (row: T) => string): T[] =>
  [...rows].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : nameOf(a) > nameOf(b) ? 1 : 0))

interface Page {
  readonly number: number
  readonly size: number
}

function pageOf(query: ListQuery): Page | null {
  if (query.page === undefined) return null
  const number = Number(query.page)
  const size = query.page_size === undefined ? PAGE_SIZE_DEFAULT : Number(query.page_size)
  if (!Number.isInteger(number) || !Number.isInteger(size)) throw badRequest('Pagination parameters are invalid')
  if (number < 1 || size < 1 || size > PAGE_SIZE_MAX) {
    const reason = `Invalid pagination parameters: page number ${number}, page size ${query.page_size ?? 'undefined'}`
    throw new ApiError(400, 'invalid_pagination_parameters', reason)
  }
  return { number, size }
}

function slice<T>(filtered: readonly T[], total: number, { number, size }: Page, show: (row: T) => Row): Row {
  // like RabbitMQ, which has one more page than there is, where the last one is full
  if ((number - 1) * size > filtered.length) {
    const reason = `Page out of range, page: ${number} page size: ${size}, len: ${filtered.length}`
    throw new ApiError(400, 'page_out_of_range', reason)
  }
  const items = filtered.slice((number - 1) * size, number * size).map(show)
  return {
    filtered_count: filtered.length,
    item_count: items.length,
    items,
    page: number,
    page_count: Math.ceil(filtered.length / size),
    page_size: size,
    total_count: total,
  }
}

/** Rows whose name has a part, or matches a pattern. */
function filter<T>({ name, use_regex: useRegex }: ListQuery, { rows, nameOf }: ListSource<T>): T[] {
  if (name === undefined || name === '') return [...rows]
  if (useRegex === 'true') {
    const matches = matchNames(name, rows.map(nameOf))
    return rows.filter((_row, i) => matches[i])
  }
  const part = name.toLowerCase()
  return rows.filter((row) => nameOf(row).toLowerCase().includes(part))
}

function sort<T>(rows: T[], source: ListSource<T>, path: string): void {
  const keyOf = (row: T): unknown => {
    const key = source.keyOf?.(row, path)
    return key === undefined ? at(source.render(row), path) : key
  }
  const keys = new Map(rows.map((row) => [row, keyOf(row)]))
  rows.sort((a, b) => compare(keys.get(a), keys.get(b)))
}

/** Numbers before texts, what is missing first of all. */
function compare(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : a > b ? 1 : 0
  return rank(a) - rank(b)
}

function rank(value: unknown): number {
  if (value === undefined || value === null) return 0
  return typeof value === 'number' ? 1 : typeof value === 'boolean' ? (value ? 3 : 2) : 4
}

/** The value at `a.b.c`. */
function at(row: unknown, path: string): unknown {
  let value: unknown = row
  for (const key of path.split('.')) {
    if (typeof value !== 'object' || value === null) return undefined
    value = Object.hasOwn(value, key) ? (value as Row)[key] : undefined
  }
  return value
}

/** The object with these keys only; in lists, of each of their objects. */
function pick(row: Row, columns: readonly string[]): Row {
  const picked: Row = {}
  for (const [key, wanted] of Map.groupBy(columns, (column) => column.split('.', 1)[0]!)) {
    if (!Object.hasOwn(row, key)) continue
    const below = wanted.filter((column) => column.length > key.length).map((column) => column.slice(key.length + 1))
    picked[key] = below.length < wanted.length ? row[key] : pickBelow(row[key], below)
  }
  return picked
}

function pickBelow(value: unknown, columns: readonly string[]): unknown {
  if (Array.isArray(value)) return value.map((item) => pickBelow(item, columns))
  return typeof value === 'object' && value !== null ? pick(value as Row, columns) : value
}
