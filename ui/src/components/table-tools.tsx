import { useSignal, type Signal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import type { ListQuery, Page } from '../api/lists.ts'
import { count } from '../format.ts'
import { defineTexts } from '../i18n/language.ts'
import { Button } from './button.tsx'
import { Icon } from './icon.tsx'

const texts = defineTexts(
  {
    filter: (what: string) => `Filter ${what} by name`,
    placeholder: 'Filter by name …',
    regex: 'Regular expression',
    range: (from: string, to: string, of: string) => `${from}–${to} of ${of}`,
    filtered: (total: string) => `(${total} without the filter)`,
    perPage: 'per page',
    previous: 'Previous page',
    next: 'Next page',
  },
  {
    filter: (what) => `按名称筛选${what}`,
    placeholder: '按名称筛选……',
    regex: '正则表达式',
    range: (from, to, of) => `第 ${from}–${to} 条，共 ${of} 条`,
    filtered: (total) => `（未筛选共 ${total} 条）`,
    perPage: '条/页',
    previous: '上一页',
    next: '下一页',
  },
)

/** How long typing has to pause before the broker is asked. */
const TYPING_MS = 250
const PAGE_SIZES = [20, 50, 100, 250, 500]

interface Changeable {
  readonly change: (changes: Partial<ListQuery>) => void
}

/** The field that filters by name. */
export function TableFilter({
  query,
  change,
  label,
}: Changeable & { readonly query: ListQuery; readonly label: string }) {
  const typed = useSignal(query.name)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  useEffect(() => {
    typed.value = query.name
  }, [query.name])
  useEffect(() => () => clearTimeout(timer.current), [])
  const apply = (name: string): void => {
    typed.value = name
    clearTimeout(timer.current)
    timer.current = setTimeout(() => change({ name }), TYPING_MS)
  }
  return (
    <div class="table-filter">
      <Icon name="search" />
      <input
        class="input"
        type="search"
        value={typed.value}
        placeholder={texts.value.placeholder}
        aria-label={texts.value.filter(label)}
        data-shortcut="/"
        aria-keyshortcuts="/"
        spellcheck={false}
        onInput={(event) => apply(event.currentTarget.value)}
      />
      <Button
        kind="quiet"
        size="small"
        label={texts.value.regex}
        pressed={query.regex}
        onClick={() => change({ regex: !query.regex })}
      >
        <span class="mono">.*</span>
      </Button>
    </div>
  )
}

/** Where in the list one is, and the way to its other pages. */
export function Pager<T>({
  page,
  change,
  size,
}: Changeable & { readonly page: Page<T>; readonly size: Signal<number> }) {
  const t = texts.value
  const first = page.filtered_count === 0 ? 0 : (page.page - 1) * page.page_size + 1
  const last = first === 0 ? 0 : first + page.items.length - 1
  return (
    <div class="table-pager">
      <span role="status">
        {t.range(count(first), count(last), count(page.filtered_count))}{' '}
        {page.filtered_count !== page.total_count && <span class="muted">{t.filtered(count(page.total_count))}</span>}
      </span>
      <div class="row">
        <select
          class="input select table-size"
          aria-label={t.perPage}
          value={String(size.value)}
          onChange={(event) => change({ pageSize: Number(event.currentTarget.value) })}
        >
          {PAGE_SIZES.map((choice) => (
            <option key={choice} value={String(choice)}>
              {choice} {t.perPage}
            </option>
          ))}
        </select>
        <Button
          size="small"
          label={t.previous}
          disabled={page.page <= 1}
          onClick={() => change({ page: page.page - 1 })}
        >
          <Icon name="left" />
        </Button>
        <Button
          size="small"
          label={t.next}
          disabled={page.page >= page.page_count}
          onClick={() => change({ page: page.page + 1 })}
        >
          <Icon name="right" />
        </Button>
      </div>
    </div>
  )
}
