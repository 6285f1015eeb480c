import type { Clock } from '../../util/clock.ts'

/** How an attempt ended: with what it was for, or for a reason to try again. */
export type Outcome = { readonly done: true } | { readonly done: false; readonly error: Error }

export interface AttemptOptions {
  readonly clock: Clock
  /** Between two attempts; null: there is only one. */
  readonly delayMs: number | null
  /**
   * Runs for as long as all is well. When `signal` is aborted it has to clean up and end, however.
   * What it throws is a reason to try again.
   */
  run(signal: AbortSignal): Promise<Outcome>
  /** An attempt has ended, and `stop` was not called. Another one comes after the delay. */
  readonly onFailed: (error: Error) => void
  readonly onDone: () => void
}

/** Something that is to run all the time: tried again, after a delay, until it is done or stopped. */
export class Attempts {
  readonly #options: AttemptOptions
  #current: { readonly end: AbortController; readonly ended: Promise<void> } | null = null
  #stopped = false
  /** What was asked for last: one thing after another. */
  #last: Promise<void> = Promise.resolve()

  constructor(options: AttemptOptions) {
    this.#options = options
  }

  start(): void {
    const end = new AbortController()
    this.#current = { end, ended: this.#loop(end.signal) }
  }

  /** Ends the attempt under way, if any, and begins another one at once. */
  restart(): Promise<void> {
    return this.#next(async () => {
      await this.#end()
      if (!this.#stopped) this.start()
    })
  }

  /** Resolves when nothing of it runs any more. */
  stop(): Promise<void> {
    this.#stopped = true
    return this.#next(() => this.#end())
  }

  #next(action: () => Promise<void>): Promise<void> {
    this.#last = this.#last.then(action)
    return this.#last
  }

  async #end(): Promise<void> {
    const current = this.#current
    this.#current = null
    current?.end.abort(new Error('the link was stopped'))
    await current?.ended
  }

  async #loop(signal: AbortSignal): Promise<void> {
    const { clock, delayMs, onFailed, onDone } = this.#options
    while (!signal.aborted) {
      const outcome = await this.#attempt(signal)
      if (signal.aborted) return
      if (outcome.done) {
        onDone()
        return
      }
      onFailed(outcome.error)
      if (delayMs === null) return
      await sleep(clock, delayMs, signal)
    }
  }

  async #attempt(signal: AbortSignal): Promise<Outcome> {
    try {
      return await this.#options.run(signal)
    } catch (error) {
      return { done: false, error: error instanceof Error ? error : new Error(String(error)) }
    }
  }
}

function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const wake = (): void => {
      timer.cancel()
      signal.removeEventListener('abort', wake)
      resolve()
    }
    const timer = clock.schedule(ms, { onTimer: wake })
    signal.addEventListener('abort', wake)
  })
}
