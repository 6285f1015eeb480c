import { deleteQueue, pauseQueue, purgeQueue, resumeQueue, type Queue } from '../../api/queues.ts'
import { Button } from '../../components/button.tsx'
import { confirm } from '../../components/dialog.tsx'
import { trackJob } from '../../components/jobs.tsx'
import { showDone } from '../../components/toasts.tsx'
import { count } from '../../format.ts'
import { actionTexts } from './action-texts.ts'
import { texts } from './texts.ts'

export interface BulkActionsProps {
  readonly queues: readonly Queue[]
  readonly onDone: () => Promise<void>
}

/** What can be done to several queues at once. One after the other: a failure says which one it was, and ends it. */
export function BulkActions({ queues, onDone }: BulkActionsProps) {
  const t = actionTexts.value
  const amount = count(queues.length)
  const forAll = async (act: (queue: Queue) => Promise<unknown>): Promise<void> => {
    try {
      for (const queue of queues) await act(queue)
      showDone(t.manyDone(amount, queues.length === 1))
    } finally {
      await onDone()
    }
  }
  // One alone is called by its name.
  const one = queues.length === 1 ? queues[0]!.name : null
  const pause = async (): Promise<void> => {
    const title = one === null ? t.pauseManyTitle(amount) : t.pauseTitle(one)
    if (!(await confirm({ title, text: t.pauseText, confirm: t.pause }))) return
    await forAll(({ vhost, name }) => pauseQueue(vhost, name))
  }
  const purge = async (): Promise<void> => {
    const title = one === null ? t.purgeManyTitle(amount) : t.purgeTitle(one)
    const question = { title, text: t.purgeText, confirm: t.purge, danger: true }
    if (!(await confirm({ ...question, typeName: one ?? t.confirmPurge(amount) }))) return
    await forAll(async ({ vhost, name }) => {
      const job = await purgeQueue(vhost, name)
      if (job !== undefined) await trackJob(job)
    })
  }
  const remove = async (): Promise<void> => {
    const title = one === null ? t.deleteManyTitle(amount) : t.deleteTitle(one)
    const question = { title, text: t.deleteText, confirm: t.delete, danger: true }
    if (!(await confirm({ ...question, typeName: one ?? t.confirmWord(amount) }))) return
    await forAll(({ vhost, name }) => deleteQueue(vhost, name, { ifEmpty: false, ifUnused: false }))
  }
  return (
    <>
      <span class="grow">{texts.value.picked(amount)}</span>
      <Button size="small" onClick={pause}>
        {t.pause}
      </Button>
      <Button size="small" onClick={() => forAll(({ vhost, name }) => resumeQueue(vhost, name))}>
        {t.resume}
      </Button>
      <Button size="small" kind="danger" onClick={purge}>
        {t.purge}
      </Button>
      <Button size="small" kind="danger" onClick={remove}>
        {t.delete}
      </Button>
    </>
  )
}
