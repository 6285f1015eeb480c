import { useSignal } from '@preact/signals'
import { useRef } from 'preact/hooks'
import {
  deletePermission,
  listPermissions,
  putPermission,
  type Permission,
  type PermissionScope,
} from '../../api/permissions.ts'
import { common } from '../../i18n/common.ts'
import { ActionForm } from '../action-form.tsx'
import { Button } from '../button.tsx'
import { DataTable, type Column, type TableHandle } from '../data-table.tsx'
import { confirm } from '../dialog.tsx'
import { Field, FieldGrid, TextInput } from '../form.tsx'
import { Card, Empty, FoldedCard } from '../page.tsx'
import { showDone } from '../toasts.tsx'
import { OtherField, otherColumn, otherOf, scopeKey, useOther } from './scope.tsx'
import { texts } from './texts.ts'

/** Who may do what: of one user in all virtual hosts, or of all users in one. */
export function PermissionCard({ scope }: { readonly scope: PermissionScope }) {
  const t = texts.value
  const table = useRef<TableHandle>(null)
  const refresh = async (): Promise<void> => table.current?.refresh()
  const clear = async (row: Permission): Promise<void> => {
    const question = { title: t.clearTitle(row.user, row.vhost), text: t.clearText, confirm: t.clear, danger: true }
    if (!(await confirm(question))) return
    await deletePermission(row)
    showDone(t.cleared)
    await refresh()
  }
  const hint = 'user' in scope ? t.emptyForUser : t.emptyForVhost
  return (
    <>
      <Card title={t.title} hint={t.hint} flush>
        <DataTable
          id={'user' in scope ? 'user-permissions' : 'vhost-permissions'}
          label={t.title}
          columns={columns(scope, clear)}
          rowKey={({ vhost, user }) => `${vhost} ${user}`}
          load={(query, signal) => listPermissions(scope, query, signal)}
          loadKey={scopeKey(scope)}
          empty={<Empty title={t.empty} hint={hint} />}
          handle={(handle) => void (table.current = handle)}
        />
      </Card>
      <FoldedCard title={t.set}>
        <PermissionForm scope={scope} onSet={refresh} />
      </FoldedCard>
    </>
  )
}

function columns(scope: PermissionScope, clear: (row: Permission) => Promise<void>): readonly Column<Permission>[] {
  const t = texts.value
  const pattern = (id: 'configure' | 'write' | 'read'): Column<Permission> => ({
    id,
    header: t[id],
    cell: (row) => <code class="nowrap">{row[id]}</code>,
  })
  return [
    otherColumn(scope),
    pattern('configure'),
    pattern('write'),
    pattern('read'),
    {
      id: 'actions',
      header: common.value.actions,
      align: 'end',
      cell: (row) => (
        <Button size="small" label={common.value.deedOn(t.clear, otherOf(scope, row))} onClick={() => clear(row)}>
          {t.clear}
        </Button>
      ),
    },
  ]
}

function PermissionForm(props: { readonly scope: PermissionScope; readonly onSet: () => Promise<void> }) {
  const t = texts.value
  const other = useOther(props.scope)
  const configure = useSignal('.*')
  const write = useSignal('.*')
  const read = useSignal('.*')
  const send = async (): Promise<void> => {
    const ends = other.ends()
    await putPermission({ ...ends, configure: configure.value, write: write.value, read: read.value })
    showDone(t.done(ends.user, ends.vhost))
    await props.onSet()
  }
  return (
    <ActionForm label={t.set} disabled={other.value.value === ''} onSend={send}>
      <FieldGrid>
        <OtherField scope={props.scope} other={other} />
        <Field label={t.configure} help={t.configureHelp}>
          <TextInput value={configure} mono />
        </Field>
        <Field label={t.write} help={t.writeHelp}>
          <TextInput value={write} mono />
        </Field>
        <Field label={t.read} help={t.readHelp}>
          <TextInput value={read} mono />
        </Field>
      </FieldGrid>
    </ActionForm>
  )
}
