import { signal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { ApiError } from '../api/http.ts'
import { cancelJob, getJob, listJobs, type Job } from '../api/jobs.ts'
import { count } from '../format.ts'
import { common } from '../i18n/common.ts'
import { defineTexts } from '../i18n/language.ts'
import { user } from '../state/session.ts'
import { Button } from './button.tsx'
import { Icon } from './icon.tsx'
import './jobs.css'

const texts = defineTexts(
  {
    jobs: 'Running work',
    states: { running: 'running', done: 'done', failed: 'failed', cancelled: 'cancelled' },
    progress: (done: string, total: string) => `${done} of ${total}`,
    stop: 'Stop',
    kinds: {
      move: 'Moving messages',
      copy: 'Copying messages',
      delete: 'Deleting messages',
      redrive: 'Sending messages back',
      cancel: 'Cancelling messages',
      hasten: 'Changing due times',
      purge: 'Purging',
      import: 'Importing definitions',
    },
  },
  {
    jobs: '进行中的任务',
    states: { running: '进行中', done: '已完成', failed: '失败', cancelled: '已取消' },
    progress: (done, total) => `${done} / ${total}`,
    stop: '停止',
    kinds: {
      move: '移动消息',
      copy: '复制消息',
      delete: '删除消息',
      redrive: '送回消息',
      cancel: '取消消息',
      hasten: '修改到期时间',
      purge: '清空队列',
      import: '导入定义',
    },
  },
)

const POLL_MS = 500

const tracked = signal<readonly Job[]>([])

const put = (job: Job): void => {
  const others = tracked.peek().filter(({ id }) => id !== job.id)
  tracked.value = [...others, job].toSorted((a, b) => a.started_at - b.started_at)
}
const drop = (id: string): void => void (tracked.value = tracked.peek().filter((job) => job.id !== id))
const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, POLL_MS))

/**
 * Shows a job, with a way to stop it, until it has ended, wherever the user goes meanwhile.
 * @returns the job as it ended; a failed one stays on the screen until it is closed
 */
export async function trackJob(started: Job): Promise<Job> {
  let job = started
  put(job)
  while (job.state === 'running') {
    await pause()
    job = await look(job)
    put(job)
  }
  if (job.state !== 'failed') {
    await pause() // long enough to see that it is done
    drop(job.id)
  }
  return job
}

/** @throws ApiError when the broker does not know the job any more; when it cannot be reached, the job is as it was */
async function look(job: Job): Promise<Job> {
  try {
    return await getJob(job.id)
  } catch (error) {
    if (error instanceof ApiError && error.status === 0) return job
    drop(job.id)
    throw error
  }
}

/** Shows what was begun before the page was loaded anew, and still runs. */
async function resume(): Promise<void> {
  const jobs = await listJobs()
  const own = jobs.filter((job) => job.state === 'running' && job.user === user.peek()?.name)
  await Promise.all(own.map(trackJob))
}

/** Stands once in the layout. */
export function Jobs() {
  useEffect(() => {
    // A broker without jobs has none to show.
    resume().catch(() => {})
  }, [])
  if (tracked.value.length === 0) return null
  return (
    <section class="jobs" aria-label={texts.value.jobs} aria-live="polite">
      {tracked.value.map((job) => (
        <JobRow key={job.id} job={job} />
      ))}
    </section>
  )
}

function JobRow({ job }: { readonly job: Job }) {
  const t = texts.value
  const title = (t.kinds as Readonly<Record<string, string>>)[job.kind] ?? job.kind
  return (
    <div class="job">
      <div class="row">
        <strong class="grow">{title}</strong>
        {job.state === 'running' ? (
          <Button size="small" onClick={() => cancelJob(job.id)}>
            {t.stop}
          </Button>
        ) : (
          <Button size="small" kind="quiet" label={common.value.close} onClick={() => drop(job.id)}>
            <Icon name="close" size={16} />
          </Button>
        )}
      </div>
      <p class="small">{job.target}</p>
      <progress aria-label={title} value={job.total === null ? undefined : job.done} max={job.total ?? undefined} />
      <p class="small muted">
        {t.states[job.state]} · {job.total === null ? count(job.done) : t.progress(count(job.done), count(job.total))}
      </p>
      {job.error !== null && <p class="small job-error">{job.error}</p>}
    </div>
  )
}
