import { useSignal, type Signal } from '@preact/signals'
import type { Arguments } from '../../api/types.ts'
import { inexactNumber } from '../../exact-json.ts'
import { common } from '../../i18n/common.ts'
import { defineTexts } from '../../i18n/language.ts'
import { Button } from '../button.tsx'
import { Icon } from '../icon.tsx'
import './table-editor.css'

const texts = defineTexts(
  {
    key: 'Name',
    value: 'Value',
    type: 'Type',
    types: { string: 'text', number: 'number', boolean: 'yes / no', json: 'JSON' },
    bad: { string: '', number: 'This is not a number.', boolean: 'Write true or false.', json: 'This is not JSON.' },
    inexact: 'The console cannot send so large a number exactly.',
  },
  {
    key: '名称',
    value: '值',
    type: '类型',
    types: { string: '文本', number: '数字', boolean: '是 / 否', json: 'JSON' },
    bad: { string: '', number: '不是数字。', boolean: '请填写 true 或 false。', json: '不是有效的 JSON。' },
    inexact: '控制台无法精确发送这么大的数字。',
  },
)

type Kind = 'string' | 'number' | 'boolean' | 'json'

interface Row {
  readonly id: number
  readonly key: string
  readonly kind: Kind
  readonly text: string
}

export interface TableEditorProps {
  /** What the table is, for screen readers. */
  readonly label: string
  /** The table as it is so far. Rows that are incomplete or wrong are not in it. */
  readonly values: Signal<Arguments>
}

let lastId = 0

/** Any names with any values: headers of a message, arguments of a binding, arguments that have no field of their own. */
export function TableEditor({ label, values }: TableEditorProps) {
  const rows = useSignal<readonly Row[]>(Object.entries(values.peek()).map(([key, value]) => toRow(key, value)))
  const change = (next: readonly Row[]): void => {
    rows.value = next
    const entries = next.flatMap((row): [string, unknown][] => {
      const value = valueOf(row)
      return row.key === '' || value === undefined ? [] : [[row.key, value]]
    })
    values.value = Object.fromEntries(entries)
  }
  const put = (row: Row): void => change(rows.peek().map((other) => (other.id === row.id ? row : other)))
  return (
    <div class="table-editor" role="group" aria-label={label}>
      {rows.value.map((row) => (
        <RowEditor
          key={row.id}
          row={row}
          put={put}
          remove={() => change(rows.peek().filter(({ id }) => id !== row.id))}
        />
      ))}
      <div>
        <Button
          size="small"
          onClick={() => change([...rows.peek(), { id: ++lastId, key: '', kind: 'string', text: '' }])}
        >
          <Icon name="plus" size={16} />
          {common.value.add}
        </Button>
      </div>
    </div>
  )
}

function RowEditor(props: { readonly row: Row; readonly put: (row: Row) => void; readonly remove: () => void }) {
  const { row, put, remove } = props
  const t = texts.value
  const isBad = row.text !== '' && valueOf(row) === undefined
  return (
    <div class="table-editor-row">
      <input
        class="input mono"
        aria-label={t.key}
        placeholder={t.key}
        spellcheck={false}
        value={row.key}
        onInput={(event) => put({ ...row, key: event.currentTarget.value })}
      />
      <select
        class="input select"
        aria-label={t.type}
        value={row.kind}
        onChange={(event) => put({ ...row, kind: event.currentTarget.value as Kind })}
      >
        {Object.entries(t.types).map(([kind, name]) => (
          <option key={kind} value={kind}>
            {name}
          </option>
        ))}
      </select>
      <input
        class="input mono"
        aria-label={t.value}
        placeholder={t.value}
        spellcheck={false}
        aria-invalid={isBad || undefined}
        value={row.text}
        onInput={(event) => put({ ...row, text: event.currentTarget.value })}
      />
      <Button kind="quiet" label={common.value.remove} onClick={remove}>
        <Icon name="close" size={16} />
      </Button>
      {isBad && <p class="field-error small">{isInexact(row) ? t.inexact : t.bad[row.kind]}</p>}
    </div>
  )
}

function toRow(key: string, value: unknown): Row {
  const kind = typeof value === 'object' ? 'json' : (typeof value as Kind)
  return { id: ++lastId, key, kind, text: kind === 'json' ? JSON.stringify(value) : String(value) }
}

const isInexact = ({ kind, text }: Row): boolean =>
  (kind === 'number' || kind === 'json') && inexactNumber(text) !== null

/** Undefined where the text is no value of its kind, or one that would be sent as another. */
function valueOf(row: Row): unknown {
  const { kind, text } = row
  if (isInexact(row)) return undefined
  switch (kind) {
    case 'string':
      return text
    case 'number':
      return text.trim() === '' || Number.isNaN(Number(text)) ? undefined : Number(text)
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : undefined
    case 'json':
      try {
        return JSON.parse(text)
      } catch {
        return undefined
      }
  }
}
