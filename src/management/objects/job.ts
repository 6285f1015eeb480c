import type { Job } from '../jobs/jobs.ts'

export const jobToJson = ({ id, kind, target, user, state, done, total, error, startedAt, finishedAt }: Job) => ({
  id,
  kind,
  target,
  user,
  state,
  done,
  total,
  error,
  started_at: startedAt,
  finished_at: finishedAt,
})
