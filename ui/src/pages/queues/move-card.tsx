import { useSignal } from '@preact/signals'
import { exchangeNames } from '../../api/exchanges.ts'
import { suggestQueues, transferAll, type QueueDetails } from '../../api/queues.ts'
import { Button } from '../../components/button.tsx'
import { ErrorPanel } from '../../components/error-panel.tsx'
import { Field, FieldGrid, Select, TextInput } from '../../components/form.tsx'
import { trackJob } from '../../components/jobs.tsx'
import { Card } from '../../components/page.tsx'
import { SuggestInput } from '../../components/suggest-input.tsx'
import { showDone } from '../../components/toasts.tsx'
import { count } from '../../format.ts'
import { declareTexts } from './declare-texts.ts'

/** Moves or copies everything that is ready, as a job. */
export function MoveCard({ queue }: { readonly queue: QueueDetails }) {
  const t = declareTexts.value
  const action = useSignal<'move' | 'copy'>('move')
  const kind = useSignal<'queue' | 'exchange'>('queue')
  const name = useSignal('')
  const key = useSignal('')
  const failure = useSignal<unknown>(null)
  const { vhost } = queue
  const isQueue = kind.value === 'queue'
  const send = async (): Promise<void> => {
    failure.value = null
    const target = isQueue
      ? { queue: name.value }
      : { exchange: name.value, routing_key: key.value === '' ? null : key.value }
    try {
      const job = await trackJob(await transferAll(vhost, queue.name, action.value, target))
      if (job.state === 'done') showDone(t.moved(count(job.done)))
    } catch (error) {
      failure.value = error
    }
  }
  return (
    <Card title={t.move} hint={t.moveHint}>
      <form class="stack" onSubmit={(event) => event.preventDefault()}>
        <FieldGrid>
          <Field label={t.action}>
            <Select
              value={action}
              choices={[
                { value: 'move', label: t.actions.move },
                { value: 'copy', label: t.actions.copy },
              ]}
            />
          </Field>
          <Field label={t.to}>
            <Select
              value={kind}
              choices={[
                { value: 'queue', label: t.kinds.queue },
                { value: 'exchange', label: t.kinds.exchange },
              ]}
            />
          </Field>
          <Field label={t.destination}>
            <SuggestInput
              value={name}
              suggest={(text, signal) => (isQueue ? suggestQueues(vhost, text, signal) : exchangeNames(vhost, signal))}
              suggestKey={`${vhost} ${kind.value}`}
            />
          </Field>
          {!isQueue && (
            <Field label={t.key} help={t.keyHelp}>
              <TextInput value={key} mono />
            </Field>
          )}
        </FieldGrid>
        {failure.value !== null && <ErrorPanel error={failure.value} />}
        <div>
          <Button kind="primary" disabled={name.value === ''} onClick={send}>
            {t.actions[action.value]}
          </Button>
        </div>
      </form>
    </Card>
  )
}
