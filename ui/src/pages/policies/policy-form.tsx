import { useSignal, type Signal } from '@preact/signals'
import { exchangeNames } from '../../api/exchanges.ts'
import { APPLY_TO, putPolicy, type ApplyTo, type Policy, type PolicyKey, type PolicyKind } from '../../api/policies.ts'
import type { Arguments } from '../../api/types.ts'
import { nameFault } from '../../components/advice.ts'
import { ActionForm } from '../../components/action-form.tsx'
import { ArgumentFields } from '../../components/arguments/argument-fields.tsx'
import { TableEditor } from '../../components/arguments/table-editor.tsx'
import { Field, FieldGrid, NumberInput, Select, TextInput } from '../../components/form.tsx'
import { Card } from '../../components/page.tsx'
import { useVhostField, VhostField } from '../../components/vhost-field.tsx'
import { common } from '../../i18n/common.ts'
import { usePoll } from '../../state/poll.ts'
import { policyKeys } from './policy-keys.ts'
import { PreviewCard } from './preview-card.tsx'
import { addressOf } from './scope.ts'
import { texts } from './texts.ts'

export interface PolicyFormProps {
  readonly kind: PolicyKind
  /** One that there is; null for a new one. */
  readonly policy: Policy | null
  /** What the broker takes; null where it does not tell. */
  readonly keys: readonly PolicyKey[] | null
  readonly onSaved: (policy: Policy) => void | Promise<void>
}

/** A policy while it is written, and what it would catch. */
export function PolicyForm({ kind, policy, keys, onSaved }: PolicyFormProps) {
  const t = texts.value
  const form = usePolicyForm(kind, policy, keys)
  const draft = form.draft()
  const isReady = draft.name !== '' && draft.pattern !== '' && Object.keys(draft.definition).length > 0
  const send = async (): Promise<void> => {
    await putPolicy(kind, draft)
    await onSaved(draft)
  }
  const cancel = policy === null ? { cancel: addressOf(kind) } : {}
  return (
    <>
      <Card>
        <ActionForm label={t.save} disabled={!isReady} onSend={send} {...cancel}>
          <FieldGrid>
            {policy === null && <VhostField value={form.vhost} />}
            {policy === null && (
              <Field label={common.value.name} help={t.nameHelp} error={nameFault(form.name.value)}>
                <TextInput value={form.name} autofocus />
              </Field>
            )}
            <Field label={t.pattern} help={t.patternHelp}>
              <TextInput value={form.pattern} mono />
            </Field>
            <Field label={t.applyTo}>
              <Select
                value={form.applyTo}
                choices={choicesFor(form.applyTo.value).map((value) => ({ value, label: t.applyToNames[value] }))}
              />
            </Field>
            <Field label={t.priority} help={t.priorityHelp}>
              <NumberInput value={form.priority} step={1} />
            </Field>
          </FieldGrid>
          <Definition kind={kind} form={form} keys={keys} />
        </ActionForm>
      </Card>
      <PreviewCard kind={kind} draft={draft} />
    </>
  )
}

const choicesFor = (current: ApplyTo): readonly ApplyTo[] => (current === 'streams' ? [...APPLY_TO, current] : APPLY_TO)

interface PolicySignals {
  readonly vhost: Signal<string>
  readonly name: Signal<string>
  readonly pattern: Signal<string>
  readonly applyTo: Signal<ApplyTo>
  readonly priority: Signal<string>
  /** Of the keys that have fields. */
  readonly known: Signal<Arguments>
  readonly further: Signal<Arguments>
  readonly draft: () => Policy
}

function usePolicyForm(kind: PolicyKind, policy: Policy | null, keys: readonly PolicyKey[] | null): PolicySignals {
  const newVhost = useVhostField()
  const vhost = useSignal(policy?.vhost ?? newVhost.peek())
  const name = useSignal(policy?.name ?? '')
  const pattern = useSignal(policy?.pattern ?? '')
  const applyTo = useSignal<ApplyTo>(policy?.['apply-to'] ?? (kind === 'policies' ? 'all' : 'queues'))
  const priority = useSignal(String(policy?.priority ?? 0))
  const offered = (): ReadonlySet<string> =>
    new Set(policyKeys(kind, applyTo.value, keys, []).flatMap(({ fields }) => fields.map(({ key }) => key)))
  const initial = Object.entries(policy?.definition ?? {})
  const isOffered = offered()
  const known = useSignal<Arguments>(Object.fromEntries(initial.filter(([key]) => isOffered.has(key))))
  const further = useSignal<Arguments>(Object.fromEntries(initial.filter(([key]) => !isOffered.has(key))))
  const draft = (): Policy => {
    // What was filled in for another choice before stays in the form, and is not sent.
    const keys = offered()
    const fitting = Object.entries(known.value).filter(([key]) => keys.has(key))
    return {
      vhost: vhost.value,
      name: name.value,
      pattern: pattern.value,
      'apply-to': applyTo.value,
      priority: Number(priority.value),
      definition: { ...Object.fromEntries(fitting), ...further.value },
    }
  }
  return { vhost, name, pattern, applyTo, priority, known, further, draft }
}

interface DefinitionProps extends Pick<PolicyFormProps, 'kind' | 'keys'> {
  readonly form: PolicySignals
}

function Definition({ kind, form, keys }: DefinitionProps) {
  const t = texts.value
  const vhost = form.vhost.value
  const names = usePoll(vhost, (signal) => exchangeNames(vhost, signal), { once: true })
  const applyTo = form.applyTo.value
  const type = { classic_queues: 'classic', quorum_queues: 'quorum' }[applyTo as string]
  return (
    <fieldset class="stack" aria-label={t.definition}>
      <ArgumentFields
        key={applyTo}
        groups={policyKeys(kind, applyTo, keys, names.data.value ?? [])}
        values={form.known}
        {...(type !== undefined && { type })}
      />
      <div class="field">
        <span>{t.more}</span>
        <TableEditor label={t.more} values={form.further} />
        <p class="muted small">{t.moreHelp}</p>
      </div>
    </fieldset>
  )
}
