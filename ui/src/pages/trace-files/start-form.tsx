import { useSignal } from '@preact/signals'
import { startFileTrace, type TraceFormat } from '../../api/trace-files.ts'
import { ActionForm } from '../../components/action-form.tsx'
import { Field, FieldGrid, Select, TextInput } from '../../components/form.tsx'
import { BytesInput } from '../../components/quantity-input.tsx'
import { showDone } from '../../components/toasts.tsx'
import { useVhostField, VhostField } from '../../components/vhost-field.tsx'
import { common } from '../../i18n/common.ts'
import { texts } from './texts.ts'

const FORMATS: readonly TraceFormat[] = ['text', 'json']
const EVERYTHING = '#'

/** Starts a trace that is written to a file. */
export function StartForm({ onStarted }: { readonly onStarted: () => Promise<void> }) {
  const t = texts.value
  const vhost = useVhostField()
  const name = useSignal('')
  const pattern = useSignal(EVERYTHING)
  const format = useSignal<TraceFormat>('text')
  const payloadMax = useSignal<number | null>(null)
  const send = async (): Promise<void> => {
    await startFileTrace(vhost.value, name.value, {
      format: format.value,
      pattern: pattern.value,
      ...(payloadMax.value !== null && { max_payload_bytes: payloadMax.value }),
    })
    showDone(t.started(name.value))
    name.value = ''
    await onStarted()
  }
  return (
    <ActionForm label={t.start} onSend={send} disabled={name.value === ''}>
      <FieldGrid>
        <VhostField value={vhost} />
        <Field label={common.value.name} help={t.nameHelp}>
          <TextInput value={name} required />
        </Field>
        <Field label={t.pattern} help={t.patternHelp}>
          <TextInput value={pattern} mono required />
        </Field>
        <Field label={t.format}>
          <Select value={format} choices={FORMATS.map((value) => ({ value, label: t.formats[value] }))} />
        </Field>
        <Field label={t.payload} help={t.payloadHelp} optional>
          <BytesInput value={payloadMax.value} onChange={(value) => (payloadMax.value = value)} />
        </Field>
      </FieldGrid>
    </ActionForm>
  )
}
