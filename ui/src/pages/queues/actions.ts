import { deleteQueue, pauseQueue, purgeQueue, resumeQueue, type Queue } from '../../api/queues.ts'
import { confirm } from '../../components/dialog.tsx'
import { trackJob } from '../../components/jobs.tsx'
import { showDone } from '../../components/toasts.tsx'
import { actionTexts } from './action-texts.ts'

type Named = Pick<Queue, 'vhost' | 'name'>

/** Purges, with its progress on the screen where the broker makes a job of it. */
async function purgeNow({ vhost, name }: Named): Promise<void> {
  const job = await purgeQueue(vhost, name)
  if (job !== undefined && (await trackJob(job)).state !== 'done') return
  showDone(actionTexts.value.purged(name))
}

/** Asks, and purges. */
export async function askAndPurge(queue: Named): Promise<void> {
  const t = actionTexts.value
  const question = { title: t.purgeTitle(queue.name), text: t.purgeText, confirm: t.purge, danger: true }
  if (await confirm({ ...question, typeName: queue.name })) await purgeNow(queue)
}

/** Asks, and deletes. @returns whether it is gone */
export async function askAndDelete({ vhost, name }: Named): Promise<boolean> {
  const t = actionTexts.value
  const question = { title: t.deleteTitle(name), text: t.deleteText, confirm: t.delete, danger: true }
  if (!(await confirm({ ...question, typeName: name }))) return false
  await deleteQueue(vhost, name, { ifEmpty: false, ifUnused: false })
  showDone(t.deleted(name))
  return true
}

/** Asks, and pauses: consumers that get nothing any more may be missed before the queue is looked at again. */
export async function askAndPause({ vhost, name }: Named): Promise<void> {
  const t = actionTexts.value
  if (!(await confirm({ title: t.pauseTitle(name), text: t.pauseText, confirm: t.pause }))) return
  await pauseQueue(vhost, name)
  showDone(actionTexts.value.paused(name))
}

export async function resume({ vhost, name }: Named): Promise<void> {
  await resumeQueue(vhost, name)
  showDone(actionTexts.value.resumed(name))
}
