import { useSignal } from '@preact/signals'
import { transferAll, type QueueDetails } from '../../api/queues.ts'
import { ActionForm } from '../../components/action-form.tsx'
import { Field, FieldGrid, Select } from '../../components/form.tsx'
import { trackJob } from '../../components/jobs.tsx'
import { Card } from '../../components/page.tsx'
import { showDone } from '../../components/toasts.tsx'
import { count } from '../../format.ts'
import { declareTexts } from './declare-texts.ts'
import { TargetFields, useTargetForm } from './target-fields.tsx'

/** Moves or copies everything that is ready, as a job. */
export function MoveCard({ queue }: { readonly queue: QueueDetails }) {
  const t = declareTexts.value
  const action = useSignal<'move' | 'copy'>('move')
  const target = useTargetForm()
  const { vhost } = queue
  const send = async (): Promise<void> => {
    const job = await trackJob(await transferAll(vhost, queue.name, action.value, target.chosen()))
    if (job.state === 'done') showDone(t.moved(count(job.done)))
  }
  return (
    <Card title={t.move} hint={t.moveHint}>
      <ActionForm label={t.actions[action.value]} disabled={target.name.value === ''} onSend={send}>
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
          <TargetFields vhost={vhost} form={target} />
        </FieldGrid>
      </ActionForm>
    </Card>
  )
}
