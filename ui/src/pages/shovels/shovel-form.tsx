import { useSignal, type Signal } from '@preact/signals'
import { useMemo } from 'preact/hooks'
import { type Parameter, putParameter } from '../../api/parameters.ts'
import { ActionForm } from '../../components/action-form.tsx'
import { ArgumentFields } from '../../components/arguments/argument-fields.tsx'
import { TableEditor } from '../../components/arguments/table-editor.tsx'
import { Field, FieldGrid, NumberInput, Select, TextInput } from '../../components/form.tsx'
import { NameFields } from '../../components/name-fields.tsx'
import { Card, FoldedCard } from '../../components/page.tsx'
import { UriList } from '../../components/uris/uri-list.tsx'
import { useVhostField } from '../../components/vhost-field.tsx'
import type { ShovelDefinition, Side } from './definition.ts'
import { formTexts } from './form-texts.ts'
import { endFields, tableFields } from './shovel-fields.ts'
import { isComplete, toDefinition, toSignals, type ShovelSignals } from './shovel-signals.ts'
import { texts } from './texts.ts'

export interface ShovelFormProps {
  /** One that there is; null for a new one. */
  readonly shovel: Parameter | null
  readonly onSaved: (vhost: string, name: string) => void | Promise<void>
}

/** A dynamic shovel while it is written. */
export function ShovelForm({ shovel, onSaved }: ShovelFormProps) {
  const t = formTexts.value
  const newVhost = useVhostField()
  const vhost = useSignal(shovel?.vhost ?? newVhost.peek())
  const name = useSignal(shovel?.name ?? '')
  const form = useMemo(() => toSignals((shovel?.value ?? {}) as ShovelDefinition), [])
  const send = async (): Promise<void> => {
    const id = { component: 'shovel', vhost: vhost.value, name: name.value }
    await putParameter({ ...id, value: toDefinition(form) })
    await onSaved(id.vhost, id.name)
  }
  const cancel = shovel === null ? { cancel: '#/shovels' } : {}
  return (
    <ActionForm label={t.save} disabled={name.value === '' || !isComplete(form)} onSend={send} {...cancel}>
      {shovel === null && (
        <Card>
          <FieldGrid>
            <NameFields vhost={vhost} name={name} help={t.nameHelp} />
          </FieldGrid>
        </Card>
      )}
      <EndCard side="src" form={form} />
      <EndCard side="dest" form={form} />
      <Card>
        <General form={form} />
      </Card>
      <Tables form={form} />
    </ActionForm>
  )
}

function EndCard({ side, form }: { readonly side: Side; readonly form: ShovelSignals }) {
  const t = formTexts.value
  const isSource = side === 'src'
  const { uris, kind, name, key } = form[side]
  const kinds = isSource ? (['queue', 'exchange'] as const) : (['queue', 'exchange', 'own'] as const)
  const exchangeHelp = isSource ? t.sourceExchangeHelp : t.destinationExchangeHelp
  const title = isSource ? texts.value.source : texts.value.destination
  return (
    <Card title={title} hint={isSource ? t.sourceHelp : t.destinationHelp}>
      <UriList label={title} rows={uris} severalHelp={t.several} />
      <FieldGrid>
        <Field label={t.kind}>
          <Select value={kind} choices={kinds.map((value) => ({ value, label: t.kinds[value] }))} />
        </Field>
        {kind.value === 'queue' && (
          <Field label={t.queue} help={t.queueHelp}>
            <TextInput value={name} />
          </Field>
        )}
        {kind.value === 'exchange' && (
          <Field label={t.exchange} help={exchangeHelp}>
            <TextInput value={name} />
          </Field>
        )}
        {kind.value !== 'queue' && <KeyField isSource={isSource} value={key} />}
      </FieldGrid>
      <ArgumentFields groups={[endFields(side)]} values={form.known} />
    </Card>
  )
}

function KeyField({ isSource, value }: { readonly isSource: boolean; readonly value: Signal<string> }) {
  const t = formTexts.value
  return (
    <Field label={isSource ? t.bindingKey : t.routingKey} help={isSource ? t.bindingKeyHelp : t.routingKeyHelp}>
      <TextInput value={value} mono />
    </Field>
  )
}

function General({ form }: { readonly form: ShovelSignals }) {
  const t = formTexts.value
  const choices = <T extends string>(labels: Readonly<Record<T, string>>): { value: T; label: string }[] =>
    (Object.entries(labels) as [T, string][]).map(([value, label]) => ({ value, label }))
  return (
    <FieldGrid>
      <Field label={t.ackMode} help={t.ackModeHelp}>
        <Select value={form.ackMode} choices={choices(t.ackModes)} />
      </Field>
      <Field label={t.reconnectDelay} help={t.reconnectDelayHelp}>
        <NumberInput value={form.reconnectDelay} min={0} step="any" />
      </Field>
      <Field label={t.deleteAfter} help={t.deleteAfterHelp}>
        <Select value={form.deleteAfter} choices={choices(t.deleteAfters)} />
      </Field>
      {form.deleteAfter.value === 'count' && (
        <Field label={t.count} help={t.countHelp}>
          <NumberInput value={form.deleteCount} min={0} step={1} />
        </Field>
      )}
    </FieldGrid>
  )
}

function Tables({ form }: { readonly form: ShovelSignals }) {
  const t = formTexts.value
  const fields = tableFields()
  return (
    <FoldedCard title={t.tables}>
      <div class="stack">
        {form.tables.map(({ key, values }) => {
          const { label, help } = fields.find((field) => field.key === key)!
          return <Table key={key} label={label} help={help} values={values} />
        })}
        <Table label={t.further} help={t.furtherHelp} values={form.further} />
      </div>
    </FoldedCard>
  )
}

function Table(props: {
  readonly label: string
  readonly help: string | undefined
  readonly values: ShovelSignals['further']
}) {
  const { label, help, values } = props
  return (
    <div class="field">
      <span>{label}</span>
      <TableEditor label={label} values={values} />
      {help !== undefined && <p class="muted small">{help}</p>}
    </div>
  )
}
