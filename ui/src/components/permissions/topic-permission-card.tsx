import { useSignal } from '@preact/signals'
import { useRef } from 'preact/hooks'
import { exchangeInPath, exchangeNames } from '../../api/exchanges.ts'
import {
  deleteTopicPermission,
  listTopicPermissions,
  putTopicPermission,
  type PermissionScope,
  type TopicPermission,
} from '../../api/permissions.ts'
import { common } from '../../i18n/common.ts'
import { ActionForm } from '../action-form.tsx'
import { Button } from '../button.tsx'
import { DataTable, type Column, type TableHandle } from '../data-table.tsx'
import { confirm } from '../dialog.tsx'
import { Field, FieldGrid, TextInput } from '../form.tsx'
import { ExchangeLink, exchangeLabel } from '../links.tsx'
import { Card, Empty, FoldedCard } from '../page.tsx'
import { SuggestInput } from '../suggest-input.tsx'
import { showDone } from '../toasts.tsx'
import { OtherField, otherColumn, otherOf, scopeKey, useOther } from './scope.tsx'
import { texts } from './texts.ts'

/** Which routing keys may be used on which exchange. */
export function TopicPermissionCard({ scope }: { readonly scope: PermissionScope }) {
  const t = texts.value
  const table = useRef<TableHandle>(null)
  const refresh = async (): Promise<void> => table.current?.refresh()
  const clear = async (row: TopicPermission): Promise<void> => {
    const title = t.topicClearTitle(row.user, row.exchange)
    if (!(await confirm({ title, text: t.topicClearText, confirm: t.clear, danger: true }))) return
    await deleteTopicPermission({ ...row, exchange: exchangeInPath(row.exchange) })
    showDone(t.cleared)
    await refresh()
  }
  return (
    <>
      <Card title={t.topicTitle} hint={t.topicHint} flush>
        <DataTable
          id={'user' in scope ? 'user-topic-permissions' : 'vhost-topic-permissions'}
          label={t.topicTitle}
          columns={columns(scope, clear)}
          rowKey={({ vhost, user, exchange }) => JSON.stringify([vhost, user, exchange])}
          load={(query, signal) => listTopicPermissions(scope, query, signal)}
          loadKey={scopeKey(scope)}
          empty={<Empty title={t.topicEmpty} />}
          handle={(handle) => void (table.current = handle)}
        />
      </Card>
      <FoldedCard title={t.topicSet}>
        <TopicForm scope={scope} onSet={refresh} />
      </FoldedCard>
    </>
  )
}

function columns(
  scope: PermissionScope,
  clear: (row: TopicPermission) => Promise<void>,
): readonly Column<TopicPermission>[] {
  const t = texts.value
  return [
    otherColumn(scope),
    {
      id: 'exchange',
      header: t.exchange,
      sort: 'exchange',
      cell: ({ vhost, exchange }) => <ExchangeLink vhost={vhost} name={exchange} />,
    },
    { id: 'write', header: t.keysWrite, cell: ({ write }) => <code>{write}</code> },
    { id: 'read', header: t.keysRead, cell: ({ read }) => <code>{read}</code> },
    {
      id: 'actions',
      header: common.value.actions,
      align: 'end',
      cell: (row) => (
        <Button
          size="small"
          label={common.value.deedOn(t.clear, `${otherOf(scope, row)}, ${exchangeLabel(row.exchange)}`)}
          onClick={() => clear(row)}
        >
          {t.clear}
        </Button>
      ),
    },
  ]
}

function TopicForm(props: { readonly scope: PermissionScope; readonly onSet: () => Promise<void> }) {
  const t = texts.value
  const other = useOther(props.scope)
  const exchange = useSignal('amq.topic')
  const write = useSignal('.*')
  const read = useSignal('.*')
  const { vhost } = other.ends()
  const send = async (): Promise<void> => {
    const ends = other.ends()
    await putTopicPermission({ ...ends, exchange: exchange.value, write: write.value, read: read.value })
    showDone(t.done(ends.user, ends.vhost))
    await props.onSet()
  }
  return (
    <ActionForm label={t.topicSet} disabled={other.value.value === '' || exchange.value === ''} onSend={send}>
      <FieldGrid>
        <OtherField scope={props.scope} other={other} />
        <Field label={t.exchange}>
          <SuggestInput value={exchange} suggest={(_, signal) => exchangeNames(vhost, signal)} suggestKey={vhost} />
        </Field>
        <Field label={t.keysWrite} help={t.keysHelp}>
          <TextInput value={write} mono />
        </Field>
        <Field label={t.keysRead} help={t.keysHelp}>
          <TextInput value={read} mono />
        </Field>
      </FieldGrid>
    </ActionForm>
  )
}
