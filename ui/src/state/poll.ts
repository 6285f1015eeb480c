import { effect, signal, useSignal, type ReadonlySignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { ApiError, isUnreachable } from '../api/http.ts'
import { AGAIN_MS } from './page-load.ts'
import { preferences } from './preferences.ts'

/** Counted up to make everything on the page look at the broker now. */
const refreshes = signal(0)
export const refreshAll = (): void => void refreshes.value++

const visible = signal(!document.hidden)
document.addEventListener('visibilitychange', () => (visible.value = !document.hidden))

/** Something that is asked for again and again. */
export interface Polled<T> {
  /** The last answer; undefined before the first, and after the key changed. Stays while `error` says that it is stale. */
  readonly data: ReadonlySignal<T | undefined>
  /** Why the last attempt failed, or null. */
  readonly error: ReadonlySignal<unknown>
  /** Asks now, as after a change the user made. Resolves when the answer is here. */
  readonly refresh: () => Promise<void>
}

export interface PollOptions {
  /** Asked for once, and again only by `refresh`, or for as long as nobody answers. */
  readonly once?: boolean
  /** Seconds between attempts, instead of the user's choice. */
  readonly everySec?: number
  /** Shows the old answer until the new key's is here, as a table does when its page is turned. */
  readonly keep?: boolean
}

/**
 * Asks `load` now, then at the interval that the user chose, while the page can be seen. `key` says what is asked for:
 * when it changes, what runs is aborted and the new thing is asked for at once. An attempt begins when the one before has
 * ended, so that a slow broker is not asked more than it answers.
 */
export function usePoll<T>(
  key: string,
  load: (signal: AbortSignal) => Promise<T>,
  options: PollOptions = {},
): Polled<T> {
  const data = useSignal<T | undefined>(undefined)
  const error = useSignal<unknown>(null)
  const loadNow = useRef(load)
  loadNow.current = load
  const run = useRef<() => Promise<void>>(async () => {})
  const { once = false, everySec, keep = false } = options

  useEffect(() => {
    let abort = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    let ended = false
    if (!keep) data.value = undefined
    error.value = null

    const attempt = async (): Promise<void> => {
      clearTimeout(timer)
      abort.abort()
      const mine = (abort = new AbortController())
      try {
        const answer = await loadNow.current(mine.signal)
        if (mine.signal.aborted) return
        data.value = answer
        error.value = null
      } catch (failure) {
        if (mine.signal.aborted) return
        error.value = failure
        // What is gone is not to be shown with what could be done to it.
        if (failure instanceof ApiError && failure.status === 404) data.value = undefined
      }
      schedule()
    }
    const schedule = (): void => {
      const chosenSec = once ? 0 : (everySec ?? preferences.refreshSec.peek())
      const waitMs = chosenSec === 0 && isUnreachable(error.peek()) ? AGAIN_MS : chosenSec * 1000
      if (!ended && waitMs > 0 && visible.peek()) timer = setTimeout(() => void attempt(), waitMs)
    }
    run.current = attempt

    // Runs at once, then whenever one of the signals changes.
    const stop = effect(() => {
      void [refreshes.value, preferences.refreshSec.value]
      if (visible.value) void attempt()
    })
    return () => {
      ended = true
      stop()
      clearTimeout(timer)
      abort.abort()
    }
  }, [key, once, everySec, keep])

  return { data, error, refresh: () => run.current() }
}
