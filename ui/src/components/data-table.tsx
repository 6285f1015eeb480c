import { useComputed, useSignal, type Signal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useMemo, useRef } from 'preact/hooks'
import type { ListQuery, Page } from '../api/lists.ts'
import { preferences, stored } from '../state/preferences.ts'
import { usePoll, type Polled } from '../state/poll.ts'
import { useLostFocus } from './lost-focus.ts'
import { ColumnChoice } from './table-columns.tsx'
import { useTableQuery } from './table-query.ts'
import { Pager, TableFilter } from './table-tools.tsx'
import { ErrorPanel } from './error-panel.tsx'
import { common } from '../i18n/common.ts'
import './data-table.css'

export interface Column<T> {
  /** Unique in its table; remembered with the user's choice of columns. */
  readonly id: string
  readonly header: string
  readonly cell: (row: T) => ComponentChildren
  /** The key that the list is sorted by; without one, it cannot be. */
  readonly sort?: string
  /** Numbers stand at the right. */
  readonly align?: 'start' | 'end'
  /** Shown unless the user says otherwise: always, where there is room (from 760, 1200 or 1400 px), or only when chosen. */
  readonly show?: 'always' | 'wide' | 'wider' | 'widest' | 'chosen'
}

export interface TableProps<T extends object> {
  /** Names the table in what is remembered of the user's choices. */
  readonly id: string
  /** What the rows are, for screen readers. */
  readonly label: string
  readonly columns: readonly Column<T>[]
  readonly rowKey: (row: T) => string
  /** Asks for one page. `listPage` asks the API, `localPage` cuts from rows that are here. */
  readonly load: (query: ListQuery, signal: AbortSignal) => Promise<Page<T>>
  /** Says what else the answer depends on, such as the virtual host: when it changes, the table asks anew. */
  readonly loadKey?: string
  readonly defaultSort?: { readonly key: string; readonly reverse?: boolean }
  /** In the address, so that it can be shared: for the one table that a page is about. Else forgotten with the page. */
  readonly inAddress?: boolean
  /** No filter above it and no pages below it, for what is always short. */
  readonly bare?: boolean
  /** Beside the filter: more filters, buttons. */
  readonly tools?: ComponentChildren
  /** Instead of the table when the list is empty and nothing is filtered. */
  readonly empty: ComponentChildren
  /** Rows can be picked, and this is shown for what is picked. */
  readonly onPicked?: (rows: readonly T[], clear: () => void) => ComponentChildren
  /** Receives what asks again after a change. */
  readonly handle?: (table: TableHandle) => void
}

export interface TableHandle {
  readonly refresh: () => Promise<void>
}

const FEW_ROWS = 10

/** A list with sorting, filtering, pages and a choice of columns, all of which the broker does where it can. */
export function DataTable<T extends object>(props: TableProps<T>) {
  const { id, load, loadKey = '', bare = false } = props
  const { query, change } = useTableQuery(props.inAddress === true, props.defaultSort)
  const ask = async (signal: AbortSignal): Promise<Page<T>> => {
    const wanted = query.peek()
    const answer = await load(wanted, signal)
    // There are fewer pages than that: the address says where one is.
    if (answer.page !== wanted.page && !signal.aborted) change({ page: answer.page })
    return answer
  }
  const page: Polled<Page<T>> = usePoll(`${loadKey} ${JSON.stringify(query.value)}`, ask, { keep: true })
  const chosen = useMemo(() => stored<readonly string[] | null>(`columns.${id}`, null, Array.isArray), [id])
  const picked = useSignal<ReadonlySet<string>>(new Set())
  const root = useLostFocus<HTMLDivElement>()
  props.handle?.({ refresh: page.refresh })

  const data = page.data.value
  const failed = page.error.value
  const isFiltered = query.value.name !== ''
  if (data === undefined && failed !== null)
    return (
      <div class="table" ref={root}>
        <ErrorPanel error={failed} onRetry={page.refresh} />
      </div>
    )
  const isEmpty = data !== undefined && data.total_count === 0 && !isFiltered
  // A list of a few rows beside other things needs no tools to find one of them.
  const isShort = props.inAddress !== true && !isFiltered && (data?.total_count ?? 0) <= FEW_ROWS
  const hasTools = !bare && !isShort && (!isEmpty || props.tools !== undefined)
  const pickedRows = data?.items.filter((row) => picked.value.has(props.rowKey(row))) ?? []
  return (
    <div class="table" ref={root}>
      {hasTools && (
        <div class="table-tools">
          <TableFilter query={query.value} change={change} label={props.label} />
          {props.tools}
          <ColumnChoice columns={props.columns} chosen={chosen} />
        </div>
      )}
      {failed !== null && <ErrorPanel error={failed} onRetry={page.refresh} />}
      {props.onPicked !== undefined && pickedRows.length > 0 && (
        <div class="table-picked row" role="status">
          {props.onPicked(pickedRows, () => (picked.value = new Set()))}
        </div>
      )}
      {isEmpty ? (
        props.empty
      ) : (
        <Grid {...props} rows={data?.items} chosen={chosen} query={query} change={change} picked={picked} />
      )}
      {!bare && !isShort && data !== undefined && !isEmpty && (
        <Pager page={data} change={change} size={preferences.pageSize} />
      )}
    </div>
  )
}

interface GridProps<T extends object> extends TableProps<T> {
  readonly rows: readonly T[] | undefined
  readonly chosen: Signal<readonly string[] | null>
  readonly query: { readonly value: ListQuery }
  readonly change: (changes: Partial<ListQuery>) => void
  readonly picked: Signal<ReadonlySet<string>>
}

function Grid<T extends object>(props: GridProps<T>) {
  const { columns, rows, rowKey, chosen, picked, onPicked, label } = props
  const shown = useComputed(() => chosen.value)
  const visible = columns.filter(({ id, show = 'always' }) => shown.value?.includes(id) ?? show !== 'chosen')
  const classOf = ({ align = 'start', show }: Column<T>): string =>
    `table-${align}${shown.value === null && show !== undefined ? ` table-${show}` : ''}`
  const allPicked = rows !== undefined && rows.length > 0 && rows.every((row) => picked.value.has(rowKey(row)))
  return (
    // Scrolls sideways by itself where the columns need more room than there is; focusable so that a keyboard can do it.
    <div class="table-scroll" role="region" aria-label={label} tabIndex={0} aria-busy={rows === undefined}>
      <table>
        <thead>
          <tr>
            {onPicked !== undefined && (
              <th class="table-pick">
                <input
                  type="checkbox"
                  aria-label={common.value.all}
                  checked={allPicked}
                  onChange={() => (picked.value = new Set(allPicked ? [] : rows?.map(rowKey)))}
                />
              </th>
            )}
            {visible.map((column) => (
              <HeaderCell
                key={column.id}
                column={column}
                class={classOf(column)}
                query={props.query.value}
                change={props.change}
              />
            ))}
          </tr>
        </thead>
        <Rows {...props} visible={visible} classOf={classOf} />
      </table>
      {rows?.length === 0 && <p class="table-nothing muted">{common.value.none}</p>}
    </div>
  )
}

function HeaderCell<T>(props: {
  readonly column: Column<T>
  readonly class: string
  readonly query: ListQuery
  readonly change: (changes: Partial<ListQuery>) => void
}) {
  const { column, query, change } = props
  const { sort, header } = column
  if (sort === undefined) {
    return (
      <th class={props.class} scope="col">
        <span class="table-sort">{header}</span>
      </th>
    )
  }
  const current = query.sort === sort
  // Numbers are wanted largest first, names from A on.
  const first = column.align === 'end'
  const press = (): void => {
    if (!current) change({ sort, reverse: first })
    else if (query.reverse === first) change({ reverse: !first })
    else change({ sort: '', reverse: false })
  }
  return (
    <th class={props.class} scope="col" aria-sort={current ? (query.reverse ? 'descending' : 'ascending') : undefined}>
      <button type="button" class="table-sort" onClick={press}>
        {header}
        <span aria-hidden="true">{current ? (query.reverse ? '↓' : '↑') : ''}</span>
      </button>
    </th>
  )
}

interface RowsProps<T extends object> extends GridProps<T> {
  readonly visible: readonly Column<T>[]
  readonly classOf: (column: Column<T>) => string
}

function Rows<T extends object>({ rows, rowKey, visible, classOf, onPicked, picked }: RowsProps<T>) {
  const body = useRef<HTMLTableSectionElement>(null)
  const toggle = (key: string): void => {
    const next = new Set(picked.peek())
    if (!next.delete(key)) next.add(key)
    picked.value = next
  }
  return (
    <tbody ref={body} onKeyDown={(event) => moveFocus(event, body.current!)}>
      {rows?.map((row) => {
        const key = rowKey(row)
        return (
          <tr key={key} class={picked.value.has(key) ? 'table-row-picked' : undefined}>
            {onPicked !== undefined && (
              <td class="table-pick">
                <input type="checkbox" aria-label={key} checked={picked.value.has(key)} onChange={() => toggle(key)} />
              </td>
            )}
            {visible.map((column) => (
              <td key={column.id} class={classOf(column)}>
                {column.cell(row)}
              </td>
            ))}
          </tr>
        )
      })}
    </tbody>
  )
}

/** Arrow keys go from row to row, staying in the column of what has the focus. */
function moveFocus(event: KeyboardEvent, body: HTMLTableSectionElement): void {
  const from = event.target as HTMLElement
  const row = from.closest('tr')
  const cell = from.closest('td')
  if (row === null || cell === null || (from instanceof HTMLInputElement && from.type !== 'checkbox')) return
  const rows = [...body.rows]
  const targets: Record<string, number> = {
    ArrowDown: rows.indexOf(row) + 1,
    ArrowUp: rows.indexOf(row) - 1,
    Home: 0,
    End: rows.length - 1,
  }
  const target = targets[event.key]
  if (target === undefined) return
  const next = rows[target]?.cells[cell.cellIndex]?.querySelector<HTMLElement>('a, button, input')
  if (next === null || next === undefined) return
  event.preventDefault()
  next.focus()
}
