import { useSignal } from '@preact/signals'
import { deleteQueue, type QueueDetails } from '../../api/queues.ts'
import { Button } from '../../components/button.tsx'
import { confirm } from '../../components/dialog.tsx'
import { ErrorPanel } from '../../components/error-panel.tsx'
import { Checkbox, FieldGrid } from '../../components/form.tsx'
import { Card } from '../../components/page.tsx'
import { showDone } from '../../components/toasts.tsx'
import { navigate } from '../../router.ts'
import type { PageComponentProps } from '../../routes.ts'
import { actionTexts } from './action-texts.ts'
import { declareTexts } from './declare-texts.ts'
import { MoveCard } from './move-card.tsx'
import { QueueFrame } from './queue-frame.tsx'

/** What changes a queue as a whole: its content, its being there. */
export function ManageQueuePage({ params }: PageComponentProps) {
  return (
    <QueueFrame vhost={params['vhost']!} name={params['name']!}>
      {(queue) => (
        <>
          <MoveCard queue={queue} />
          <DeleteCard queue={queue} />
        </>
      )}
    </QueueFrame>
  )
}

function DeleteCard({ queue }: { readonly queue: QueueDetails }) {
  const t = declareTexts.value
  const ifEmpty = useSignal(true)
  const ifUnused = useSignal(true)
  const failure = useSignal<unknown>(null)
  const remove = async (): Promise<void> => {
    failure.value = null
    const question = { title: t.sure(queue.name), text: t.sureText, confirm: t.delete, danger: true }
    if (!(await confirm({ ...question, typeName: queue.name }))) return
    try {
      await deleteQueue(queue.vhost, queue.name, { ifEmpty: ifEmpty.value, ifUnused: ifUnused.value })
      showDone(actionTexts.value.deleted(queue.name))
      navigate('#/queues')
    } catch (error) {
      failure.value = error
    }
  }
  return (
    <Card title={t.deleteTitle} hint={t.deleteHint}>
      <FieldGrid>
        <Checkbox value={ifEmpty} label={t.ifEmpty} />
        <Checkbox value={ifUnused} label={t.ifUnused} />
      </FieldGrid>
      {failure.value !== null && <ErrorPanel error={failure.value} />}
      <div>
        <Button kind="danger" onClick={remove}>
          {t.delete}
        </Button>
      </div>
    </Card>
  )
}
