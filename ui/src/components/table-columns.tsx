import type { Signal } from '@preact/signals'
import { defineTexts } from '../i18n/language.ts'
import { Button } from './button.tsx'
import type { Column } from './data-table.tsx'
import { Menu } from './menu.tsx'

const texts = defineTexts({ columns: 'Columns', standard: 'Standard columns' }, { columns: '列', standard: '默认列' })

/** Lets the user choose which columns there are. Null stands for the standard ones. */
export function ColumnChoice<T>(props: {
  readonly columns: readonly Column<T>[]
  readonly chosen: Signal<readonly string[] | null>
}) {
  const { columns, chosen } = props
  const current = chosen.value ?? columns.filter(({ show }) => show !== 'chosen').map(({ id }) => id)
  const toggle = (id: string): void => {
    const next = current.includes(id) ? current.filter((other) => other !== id) : [...current, id]
    if (next.length > 0) chosen.value = next
  }
  return (
    <Menu label={texts.value.columns} icon="columns">
      <div class="menu-choices" role="group" aria-label={texts.value.columns}>
        {columns.map(({ id, header }) => (
          <label key={id} class="menu-choice">
            <input type="checkbox" checked={current.includes(id)} onChange={() => toggle(id)} />
            {header}
          </label>
        ))}
      </div>
      <Button size="small" kind="quiet" disabled={chosen.value === null} onClick={() => void (chosen.value = null)}>
        {texts.value.standard}
      </Button>
    </Menu>
  )
}
