import type { Signal } from '@preact/signals'
import { common } from '../../i18n/common.ts'
import { defineTexts } from '../../i18n/language.ts'
import { Button } from '../button.tsx'
import { Field, PasswordInput, TextInput } from '../form.tsx'
import { Icon } from '../icon.tsx'
import { emptyRow, keepsPassword, problemOf, splitPassword, type UriRow } from './uri-rows.ts'
import './uri-list.css'

const texts = defineTexts(
  {
    address: 'Address',
    addressHelp:
      'amqp:// or amqps://, such as amqps://user@broker.example.com/vhost. amqp:///vhost is this broker itself. A / in a name is %2F.',
    password: 'Password',
    passwordHelp: 'Kept by the broker and not shown again.',
    keptHelp: 'The broker has one. Leave empty to keep it.',
    problems: {
      noUser: 'A password needs a user in the address: amqp://user@host.',
      passwordAnew: 'The address has changed: give the password anew.',
    },
    another: 'Another address',
  },
  {
    address: '地址',
    addressHelp:
      'amqp:// 或 amqps:// 开头，例如 amqps://user@broker.example.com/vhost。amqp:///vhost 表示本服务器。名称中的 / 写作 %2F。',
    password: '密码',
    passwordHelp: '由服务器保存，不再显示。',
    keptHelp: '服务器已有密码。留空则保持不变。',
    problems: {
      noUser: '有密码时，地址中须有用户名：amqp://user@host。',
      passwordAnew: '地址已更改，请重新填写密码。',
    },
    another: '再加一个地址',
  },
)

export interface UriListProps {
  /** What is at these addresses, for screen readers. */
  readonly label: string
  readonly rows: Signal<readonly UriRow[]>
  /** What several addresses are for. */
  readonly severalHelp: string
}

/** Addresses of a broker. Passwords have an input of their own, and are nowhere to be read. */
export function UriList({ label, rows, severalHelp }: UriListProps) {
  const remove = (id: number): void => {
    rows.value = rows.peek().filter((row) => row.id !== id)
  }
  return (
    <div class="stack" role="group" aria-label={label}>
      {rows.value.map((row) => (
        <Row key={row.id} row={row} remove={rows.value.length > 1 ? () => remove(row.id) : null} />
      ))}
      <div class="row">
        <Button size="small" onClick={() => void (rows.value = [...rows.peek(), emptyRow()])}>
          <Icon name="plus" size={16} />
          {texts.value.another}
        </Button>
        <span class="muted small">{severalHelp}</span>
      </div>
    </div>
  )
}

function Row({ row, remove }: { readonly row: UriRow; readonly remove: (() => void) | null }) {
  const t = texts.value
  const problem = problemOf(row)
  const isKept = keepsPassword(row)
  return (
    // What is pasted into the address as a whole has its password taken out when the input is left.
    <div class="uri-row" onChange={() => splitPassword(row)}>
      <Field label={t.address} help={t.addressHelp}>
        <TextInput value={row.address} mono />
      </Field>
      <Field
        label={t.password}
        optional
        help={isKept ? t.keptHelp : t.passwordHelp}
        error={problem === null ? null : t.problems[problem]}
      >
        <PasswordInput value={row.password} autocomplete="new-password" />
      </Field>
      {remove !== null && (
        <Button kind="quiet" label={common.value.remove} onClick={remove}>
          <Icon name="close" size={16} />
        </Button>
      )}
    </div>
  )
}
