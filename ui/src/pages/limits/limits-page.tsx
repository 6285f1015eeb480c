import { useSignal } from '@preact/signals'
import { useRef } from 'preact/hooks'
import { listLimits, putLimit, type Limit, type LimitScope } from '../../api/limits.ts'
import { localPage } from '../../api/lists.ts'
import { suggestUsers } from '../../api/users.ts'
import { ActionForm } from '../../components/action-form.tsx'
import { Button } from '../../components/button.tsx'
import { DataTable, type Column, type TableHandle } from '../../components/data-table.tsx'
import { Field, FieldGrid, NumberInput, Select } from '../../components/form.tsx'
import { limitFault, LIMIT_NAMES, limitTexts } from '../../components/limit-names.ts'
import { Card, Empty, FoldedCard, Page } from '../../components/page.tsx'
import { SuggestInput } from '../../components/suggest-input.tsx'
import { showDone } from '../../components/toasts.tsx'
import { useVhostField, VhostField } from '../../components/vhost-field.tsx'
import { count } from '../../format.ts'
import { common } from '../../i18n/common.ts'
import { to } from '../../router.ts'
import { texts } from './texts.ts'
import { Name } from '../../components/name.tsx'

/** Who, or what, has limits. */
type Kind = 'vhost' | 'user'

const scopeOf = (kind: Kind, owner: string): LimitScope => (kind === 'user' ? { user: owner } : { vhost: owner })

export function LimitsPage() {
  const t = texts.value
  return (
    <Page title={t.title} lead={t.lead}>
      <Limits kind="vhost" />
      <Limits kind="user" />
    </Page>
  )
}

function Limits({ kind }: { readonly kind: Kind }) {
  const t = texts.value
  const table = useRef<TableHandle>(null)
  const refresh = async (): Promise<void> => table.current?.refresh()
  return (
    <>
      <Card title={t.kinds[kind]} flush>
        <DataTable
          id={`${kind}-limits`}
          label={t.kinds[kind]}
          columns={columns(kind, refresh)}
          rowKey={({ owner, name }) => `${name} ${owner}`}
          load={async (query, signal) => localPage(await listLimits(kind, signal), query, ({ owner }) => owner)}
          empty={<Empty title={t.empty} hint={t.emptyHint[kind]} />}
          handle={(handle) => void (table.current = handle)}
        />
      </Card>
      <FoldedCard title={t.set[kind]}>
        <SetForm kind={kind} onSet={refresh} />
      </FoldedCard>
    </>
  )
}

const labelOf = (name: string): string => (limitTexts.value.names as Readonly<Record<string, string>>)[name] ?? name

function columns(kind: Kind, refresh: () => Promise<void>): readonly Column<Limit>[] {
  const t = texts.value
  const clear = async ({ owner, name }: Limit): Promise<void> => {
    await putLimit(scopeOf(kind, owner), name, null)
    showDone(t.cleared(owner))
    await refresh()
  }
  return [
    {
      id: 'owner',
      header: kind === 'user' ? common.value.user : common.value.vhost,
      sort: 'owner',
      cell: ({ owner }) => (
        <a href={kind === 'user' ? to`/users/${owner}` : to`/vhosts/${owner}`}>
          <Name of={owner} />
        </a>
      ),
    },
    { id: 'limit', header: t.limit, sort: 'name', cell: ({ name }) => labelOf(name) },
    {
      id: 'value',
      header: t.value,
      sort: 'value',
      align: 'end',
      cell: ({ value }) => (value < 0 ? t.any : count(value)),
    },
    {
      id: 'actions',
      header: common.value.actions,
      cell: (limit) => (
        <Button size="small" label={t.clearOne(labelOf(limit.name), limit.owner)} onClick={() => clear(limit)}>
          {t.clear}
        </Button>
      ),
    },
  ]
}

function SetForm({ kind, onSet }: { readonly kind: Kind; readonly onSet: () => Promise<void> }) {
  const t = texts.value
  const vhost = useVhostField()
  const user = useSignal('')
  const name = useSignal<string>(LIMIT_NAMES[kind][0])
  const value = useSignal('')
  const owner = kind === 'user' ? user : vhost
  const send = async (): Promise<void> => {
    await putLimit(scopeOf(kind, owner.value), name.value, Number(value.value))
    showDone(t.done(owner.value))
    value.value = ''
    await onSet()
  }
  return (
    <ActionForm label={t.setLimit} disabled={owner.value === '' || value.value.trim() === ''} onSend={send}>
      <FieldGrid>
        {kind === 'vhost' && <VhostField value={vhost} />}
        {kind === 'user' && (
          <Field label={common.value.user}>
            <SuggestInput value={user} suggest={suggestUsers} suggestKey="users" />
          </Field>
        )}
        <Field label={t.limit}>
          <Select value={name} choices={LIMIT_NAMES[kind].map((one) => ({ value: one, label: labelOf(one) }))} />
        </Field>
        <Field label={t.value} help={t.valueHelp} error={limitFault(value.value)}>
          <NumberInput value={value} min={-1} step={1} />
        </Field>
      </FieldGrid>
    </ActionForm>
  )
}
