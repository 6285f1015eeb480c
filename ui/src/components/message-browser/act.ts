import { useSignal, type Signal } from '@preact/signals'
import type { Job } from '../../api/jobs.ts'
import { actOnMessages, type MessageAction } from '../../api/queue-messages.ts'
import { count } from '../../format.ts'
import { trackJob } from '../jobs.tsx'
import { showDone, showError } from '../toasts.tsx'
import type { BrowserActionsProps } from './message-browser.tsx'
import { texts } from './texts.ts'

export interface Acting {
  /** Whether all that fit the search are meant, not those that are picked. */
  readonly all: Signal<boolean>
  /** Whether nothing is meant. */
  readonly isIdle: boolean
  /** Does it as a job, and resolves when that is over. */
  readonly act: (action: MessageAction) => Promise<void>
  /** The same, but resolves as soon as it has begun: a dialog that waited would lie on the job, which could not be stopped. */
  readonly begin: (action: MessageAction) => Promise<void>
}

/** What is done with messages is done with those that are picked, or with all that were searched for. */
export function useActing({ place, picked, found, onDone }: BrowserActionsProps): Acting {
  const all = useSignal(false)
  const start = (action: MessageAction): Promise<Job> =>
    actOnMessages(place, all.peek() ? found() : { ids: [...picked.peek()] }, action)
  const follow = async (started: Job): Promise<void> => {
    const job = await trackJob(started)
    if (job.state === 'done') showDone(texts.value.done(count(job.done)))
    all.value = false
    await onDone()
  }
  const act = async (action: MessageAction): Promise<void> => follow(await start(action))
  const begin = async (action: MessageAction): Promise<void> => void follow(await start(action)).catch(showError)
  return { all, isIdle: !all.value && picked.value.size === 0, act, begin }
}
