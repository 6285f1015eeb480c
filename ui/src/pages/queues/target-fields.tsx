import { useSignal, type Signal } from '@preact/signals'
import { exchangeNames } from '../../api/exchanges.ts'
import { suggestQueues, type Target } from '../../api/queues.ts'
import { Field, Select, TextInput } from '../../components/form.tsx'
import { SuggestInput } from '../../components/suggest-input.tsx'
import { declareTexts } from './declare-texts.ts'

/** Where messages are to go, while it is being chosen. */
export interface TargetForm {
  readonly kind: Signal<'queue' | 'exchange'>
  readonly name: Signal<string>
  readonly key: Signal<string>
  readonly chosen: () => Target
}

export function useTargetForm(): TargetForm {
  const kind = useSignal<'queue' | 'exchange'>('queue')
  const name = useSignal('')
  const key = useSignal('')
  const chosen = (): Target =>
    kind.value === 'queue'
      ? { queue: name.value }
      : { exchange: name.value, routing_key: key.value === '' ? null : key.value }
  return { kind, name, key, chosen }
}

/** Stands in a FieldGrid. */
export function TargetFields({ vhost, form }: { readonly vhost: string; readonly form: TargetForm }) {
  const t = declareTexts.value
  const isQueue = form.kind.value === 'queue'
  return (
    <>
      <Field label={t.to}>
        <Select
          value={form.kind}
          choices={[
            { value: 'queue', label: t.kinds.queue },
            { value: 'exchange', label: t.kinds.exchange },
          ]}
        />
      </Field>
      <Field label={t.destination}>
        <SuggestInput
          value={form.name}
          suggest={(text, signal) => (isQueue ? suggestQueues(vhost, text, signal) : exchangeNames(vhost, signal))}
          suggestKey={`${vhost} ${form.kind.value}`}
        />
      </Field>
      {!isQueue && (
        <Field label={t.key} help={t.keyHelp}>
          <TextInput value={form.key} mono />
        </Field>
      )}
    </>
  )
}
