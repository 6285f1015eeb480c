import { useSignal } from '@preact/signals'
import { useRef } from 'preact/hooks'
import { declareExchange, exchangeInPath, exchangeNames } from '../../api/exchanges.ts'
import { getOverview } from '../../api/overview.ts'
import type { Arguments } from '../../api/types.ts'
import { ArgumentFields } from '../../components/arguments/argument-fields.tsx'
import { exchangeArguments } from '../../components/arguments/exchange-arguments.ts'
import { TableEditor } from '../../components/arguments/table-editor.tsx'
import { Button, ButtonLink } from '../../components/button.tsx'
import { ErrorPanel } from '../../components/error-panel.tsx'
import { Checkbox, Field, FieldGrid, Select } from '../../components/form.tsx'
import { NameFields } from '../../components/name-fields.tsx'
import { Card, Page } from '../../components/page.tsx'
import { showDone } from '../../components/toasts.tsx'
import { useVhostField } from '../../components/vhost-field.tsx'
import { common } from '../../i18n/common.ts'
import { navigate, to } from '../../router.ts'
import { usePoll } from '../../state/poll.ts'
import { texts } from './texts.ts'
import { useDraft } from '../../state/drafts.ts'

/** Types that every broker has, for as long as it has not said which it has. */
const STANDARD_TYPES = ['direct', 'fanout', 'topic', 'headers']

export function DeclareExchangePage() {
  const t = texts.value
  const vhost = useVhostField()
  const name = useSignal('')
  const type = useSignal('direct')
  const durable = useSignal(true)
  const autoDelete = useSignal(false)
  const internal = useSignal(false)
  const known = useSignal<Arguments>({})
  const further = useSignal<Arguments>({})
  const draft = useDraft()
  const failure = useSignal<unknown>(null)
  // What was tried, not what has been typed since.
  const tried = useRef('')
  const types = useExchangeTypes()
  const names = usePoll(vhost.value, (signal) => exchangeNames(vhost.value, signal), { once: true })
  const groups = exchangeArguments(type.value, names.data.value ?? [], types)
  const send = async (): Promise<void> => {
    failure.value = null
    tried.current = to`/exchanges/${vhost.value}/${exchangeInPath(name.value)}`
    try {
      const offered = new Set(groups.flatMap(({ fields }) => fields.map(({ key }) => key)))
      // What was filled in for another type before stays in the form, and is not sent.
      const fitting = Object.entries(known.value).filter(([key]) => offered.has(key))
      await declareExchange(vhost.value, name.value, {
        type: type.value,
        durable: durable.value,
        auto_delete: autoDelete.value,
        internal: internal.value,
        arguments: { ...Object.fromEntries(fitting), ...further.value },
      })
      showDone(t.declared(name.value))
      navigate(tried.current)
    } catch (error) {
      failure.value = error
    }
  }
  return (
    <Page title={t.declare} crumbs={[{ label: t.title, href: '#/exchanges' }]}>
      <Card>
        <form class="stack" onSubmit={(event) => event.preventDefault()} onInput={draft.onInput}>
          <FieldGrid>
            <NameFields vhost={vhost} name={name} help={t.nameHelp} />
            <Field label={common.value.type} help={typeHelp(type.value)}>
              <Select value={type} choices={types.map((value) => ({ value, label: value }))} />
            </Field>
          </FieldGrid>
          <FieldGrid>
            <Checkbox value={durable} label={t.durable} help={t.durableHelp} />
            <Checkbox value={autoDelete} label={t.autoDelete} help={t.autoDeleteHelp} />
            <Checkbox value={internal} label={t.internal} help={t.internalHelp} />
          </FieldGrid>
          <ArgumentFields key={type.value} groups={groups} values={known} />
          <div class="field">
            <span>{t.more}</span>
            <TableEditor label={t.more} values={further} />
            <p class="muted small">{t.moreHelp}</p>
          </div>
          {failure.value !== null && <ErrorPanel error={failure.value} existing={tried.current} />}
          <div class="row">
            <Button kind="primary" submit disabled={name.value === ''} onClick={send}>
              {t.declare}
            </Button>
            <ButtonLink href="#/exchanges">{common.value.cancel}</ButtonLink>
          </div>
        </form>
      </Card>
    </Page>
  )
}

function typeHelp(type: string): string {
  return (texts.value.typeHelp as Readonly<Record<string, string>>)[type] ?? ''
}

/** What the broker can make, without what is for its own use. */
function useExchangeTypes(): readonly string[] {
  const overview = usePoll('exchange types', (signal) => getOverview(null, signal), { once: true })
  return (
    overview.data.value?.exchange_types
      .filter(({ internal_purpose: purpose }) => purpose === undefined)
      .map(({ name }) => name) ?? STANDARD_TYPES
  )
}
