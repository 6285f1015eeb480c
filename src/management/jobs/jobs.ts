import { setImmediate } from 'node:timers/promises'
import { BrokerError } from '../../core/errors.ts'
import type { Identity } from '../../core/identity.ts'
import type { Log } from '../../telemetry/log.ts'
import type { Clock } from '../../util/clock.ts'
import { ApiError } from '../api-error.ts'

/** Jobs that may run at the same time. */
const RUNNING_MAX = 20
/** How long a job is remembered when it is over, and how many are at most. */
const REMEMBERED_MS = 3_600_000
const REMEMBERED_MAX = 1000

export type JobState = 'running' | 'done' | 'failed' | 'cancelled'

/** What a job is about. */
export interface JobFacts {
  /** `move`, `purge`, `import` ... */
  readonly kind: string
  /** `queue 'q' in vhost '/'` and the like. */
  readonly target: string
  readonly user: Identity
  /** Null where it is not known beforehand. */
  readonly total: number | null
}

/** It was not finished, for a reason to be told: some of it may be done. */
export class JobFailure extends Error {
  override readonly name = 'JobFailure'
}

class Cancelled extends Error {}

/** Long work that somebody has asked for, while it runs and for some time afterwards. */
export class Job {
  readonly id: string
  readonly kind: string
  readonly target: string
  readonly user: string
  total: number | null
  /** How much of `total` is done. */
  done = 0
  state: JobState = 'running'
  error: string | null = null
  readonly startedAt: number
  finishedAt: number | null = null
  /** Somebody wants it to end. */
  cancelled = false
  #onCancel: (() => void)[] = []

  constructor(id: string, { kind, target, user, total }: JobFacts, startedAt: number) {
    this.id = id
    this.kind = kind
    this.target = target
    this.user = user.name
    this.total = total
    this.startedAt = startedAt
  }

  cancel(): void {
    this.cancelled = true
    for (const tell of this.#onCancel.splice(0)) tell()
  }

  /** Lets the others have their turn. @throws what ends the work, where it has been cancelled */
  async breathe(): Promise<void> {
    await setImmediate()
    this.goOn()
  }

  /** @throws what ends the work, where it has been cancelled */
  goOn(): void {
    if (this.cancelled) throw new Cancelled()
  }

  /** Waits until it is told to go on. @throws what ends the work, where it is cancelled meanwhile */
  async wait(until: Promise<void>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#onCancel.push(resolve)
    await Promise.race([until, promise])
    this.#onCancel = this.#onCancel.filter((other) => other !== resolve)
    this.goOn()
  }
}

/** The jobs of the node: each runs by itself, a part in each turn, and can be looked at and cancelled. */
export class Jobs {
  readonly #clock: Clock
  readonly #log: Log
  readonly #jobs = new Map<string, Job>()
  readonly #running = new Map<Job, Promise<void>>()
  #lastId = 0

  constructor(clock: Clock, log: Log) {
    this.#clock = clock
    this.#log = log
  }

  /**
   * @param work may call the job's methods, whose exceptions it lets pass
   * @throws ApiError 429 when too many run
   */
  start(facts: JobFacts, work: (job: Job) => Promise<void>): Job {
    if (this.#running.size >= RUNNING_MAX) {
      throw new ApiError(
        429,
        'too_many_requests',
        `${RUNNING_MAX} jobs are running: wait for one to end, or cancel one`,
      )
    }
    this.#forgetOld()
    const job = new Job(String(++this.#lastId), facts, this.#clock.now())
    this.#jobs.set(job.id, job)
    this.#running.set(job, this.#run(job, work))
    return job
  }

  async #run(job: Job, work: (job: Job) => Promise<void>): Promise<void> {
    try {
      // whoever has asked is answered first
      await job.breathe()
      await work(job)
      job.state = 'done'
    } catch (error) {
      job.state = error instanceof Cancelled ? 'cancelled' : 'failed'
      if (job.state === 'failed') job.error = this.#textOf(job, error)
    }
    job.finishedAt = this.#clock.now()
    this.#running.delete(job)
  }

  #textOf(job: Job, error: unknown): string {
    const isExpected = error instanceof JobFailure || error instanceof BrokerError || error instanceof ApiError
    if (isExpected) return error.message
    this.#log.error('a job failed', { err: error, kind: job.kind, target: job.target })
    return 'an internal error, see the log of the broker'
  }

  #forgetOld(): void {
    const before = this.#clock.now() - REMEMBERED_MS
    let finished = this.#jobs.size - this.#running.size
    for (const [id, { finishedAt }] of this.#jobs) {
      if (finishedAt === null || (finishedAt > before && finished < REMEMBERED_MAX)) continue
      this.#jobs.delete(id)
      finished--
    }
  }

  get(id: string): Job | undefined {
    this.#forgetOld()
    return this.#jobs.get(id)
  }

  /** The newest last. */
  list(): Job[] {
    this.#forgetOld()
    return [...this.#jobs.values()]
  }

  /** Ends all that run. */
  async close(): Promise<void> {
    for (const job of this.#running.keys()) job.cancel()
    await Promise.all(this.#running.values())
  }
}
