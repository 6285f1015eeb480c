import { useSignal } from '@preact/signals'
import { getLimits, putLimit, type Limits, type LimitScope } from '../api/limits.ts'
import { usePoll } from '../state/poll.ts'
import { ActionForm } from './action-form.tsx'
import { Field, FieldGrid, NumberInput } from './form.tsx'
import { limitFault, LIMIT_NAMES, limitTexts as texts, type LimitName } from './limit-names.ts'
import { Card } from './page.tsx'
import { Shown } from './polled.tsx'
import { showDone } from './toasts.tsx'

/** How much a user, or a virtual host, may have. */
export function LimitsCard({ scope }: { readonly scope: LimitScope }) {
  const limits = usePoll(JSON.stringify(scope), (signal) => getLimits(scope, signal), { once: true })
  return (
    <Card title={texts.value.title}>
      <Shown of={limits}>{(data) => <LimitsForm scope={scope} limits={data} onSaved={limits.refresh} />}</Shown>
    </Card>
  )
}

interface LimitsFormProps {
  readonly scope: LimitScope
  readonly limits: Limits
  readonly onSaved: () => Promise<void>
}

function LimitsForm({ scope, limits, onSaved }: LimitsFormProps) {
  const t = texts.value
  const [first, second] = 'user' in scope ? LIMIT_NAMES.user : LIMIT_NAMES.vhost
  const typed = [useTyped(first, limits), useTyped(second, limits)]
  const send = async (): Promise<void> => {
    for (const { name, value } of typed) {
      const wanted = value.value.trim() === '' ? null : Number(value.value)
      if (wanted !== (limits[name] ?? null)) await putLimit(scope, name, wanted)
    }
    showDone(t.saved)
    await onSaved()
  }
  return (
    <ActionForm label={t.save} onSend={send}>
      <FieldGrid>
        {typed.map(({ name, value }) => (
          <Field key={name} label={t.names[name]} help={t.help} error={limitFault(value.value)}>
            <NumberInput value={value} min={-1} step={1} />
          </Field>
        ))}
      </FieldGrid>
    </ActionForm>
  )
}

function useTyped(name: LimitName, limits: Limits) {
  return { name, value: useSignal(limits[name] === undefined ? '' : String(limits[name])) }
}
