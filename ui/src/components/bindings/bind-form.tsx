import { useSignal, type Signal } from '@preact/signals'
import { bind, type Binding } from '../../api/bindings.ts'
import { exchangeNames } from '../../api/exchanges.ts'
import { suggestQueues } from '../../api/queues.ts'
import type { Arguments } from '../../api/types.ts'
import { useDraft } from '../../state/drafts.ts'
import { TableEditor } from '../arguments/table-editor.tsx'
import { Button } from '../button.tsx'
import { ErrorPanel } from '../error-panel.tsx'
import { Field, FieldGrid, Select, TextInput } from '../form.tsx'
import { SuggestInput } from '../suggest-input.tsx'
import { showDone } from '../toasts.tsx'
import { texts } from './texts.ts'

export interface BindFormProps {
  readonly vhost: string
  /** The end that is the page's own. The other one is asked for. */
  readonly own: { readonly source: string } | { readonly queue: string } | { readonly exchange: string }
  readonly onBound: () => void
}

/** Makes a binding from or to what the page is about. */
export function BindForm({ vhost, own, onBound }: BindFormProps) {
  const t = texts.value
  const kind = useSignal<Binding['destination_type']>('queue')
  const other = useSignal('')
  const key = useSignal('')
  const args = useSignal<Arguments>({})
  const draft = useDraft()
  const failure = useSignal<unknown>(null)
  const isSource = 'source' in own
  const send = async (): Promise<void> => {
    failure.value = null
    try {
      await bind(endsOf(vhost, own, kind.value, other.value), key.value, args.value)
      draft.settle()
      showDone(t.bound)
      other.value = ''
      key.value = ''
      onBound()
    } catch (error) {
      failure.value = error
    }
  }
  return (
    <form class="stack" onSubmit={(event) => event.preventDefault()} onInput={draft.onInput}>
      <FieldGrid>
        {isSource && (
          <Field label={t.kind}>
            <Select
              value={kind}
              choices={[
                { value: 'queue', label: t.toQueue },
                { value: 'exchange', label: t.toExchange },
              ]}
            />
          </Field>
        )}
        <Field label={isSource ? t.destination : t.source}>
          <OtherEnd vhost={vhost} value={other} isQueue={isSource && kind.value === 'queue'} />
        </Field>
        <Field label={t.key} help={t.keyHelp}>
          <TextInput value={key} mono />
        </Field>
      </FieldGrid>
      <div class="field">
        <span>{t.arguments}</span>
        <TableEditor label={t.arguments} values={args} />
        <p class="muted small">{t.argumentsHelp}</p>
      </div>
      {failure.value !== null && <ErrorPanel error={failure.value} />}
      <div>
        <Button kind="primary" submit disabled={other.value === ''} onClick={send}>
          {t.bind}
        </Button>
      </div>
    </form>
  )
}

function OtherEnd(props: { readonly vhost: string; readonly value: Signal<string>; readonly isQueue: boolean }) {
  const { vhost, value, isQueue } = props
  return (
    <SuggestInput
      value={value}
      suggest={(text, signal) => (isQueue ? suggestQueues(vhost, text, signal) : exchangeNames(vhost, signal))}
      suggestKey={`${vhost} ${isQueue}`}
    />
  )
}

function endsOf(
  vhost: string,
  own: BindFormProps['own'],
  kind: Binding['destination_type'],
  other: string,
): Pick<Binding, 'vhost' | 'source' | 'destination' | 'destination_type'> {
  if ('source' in own) return { vhost, source: own.source, destination: other, destination_type: kind }
  if ('queue' in own) return { vhost, source: other, destination: own.queue, destination_type: 'queue' }
  return { vhost, source: other, destination: own.exchange, destination_type: 'exchange' }
}
