import { path, request } from './http.ts'

/** Long work that the broker does. */
export interface Job {
  readonly id: string
  readonly kind: string
  /** What it is about, in words. */
  readonly target: string
  readonly user: string
  readonly state: 'running' | 'done' | 'failed' | 'cancelled'
  readonly done: number
  /** Null when it is not known how much there is. */
  readonly total: number | null
  readonly error: string | null
  readonly started_at: number
  readonly finished_at: number | null
}

export const listJobs = (signal?: AbortSignal): Promise<readonly Job[]> => request('GET', 'jobs', { signal })
export const getJob = (id: string, signal?: AbortSignal): Promise<Job> => request('GET', path`jobs/${id}`, { signal })
export const cancelJob = (id: string): Promise<void> => request('DELETE', path`jobs/${id}`)
