import { monotonicClock, setImmediate, setTimeout } from '../util/real-time.ts'

/** How long to wait, in real time. */
export interface WaitOptions {
  /** 5000 unless given. */
  readonly timeoutMs?: number
}

/** What to say when the wait was in vain. */
export interface Failure {
  readonly text: string
  readonly actual?: unknown
  readonly expected?: unknown
  /** Whether to show how `actual` differs from `expected`. */
  readonly diff?: boolean
}

const TIMEOUT_MS = 5_000
const LOOK_EVERY_MS = 5
/** What is on its way within this process takes a few turns of the event loop: those are waited for without a timer. */
const QUICK_LOOKS = 20

/**
 * Waits until `look` finds something else than null.
 * @throws AssertionError
 */
export async function eventually<T>(
  look: () => T | null | Promise<T | null>,
  options: WaitOptions,
  failure: () => Failure | Promise<Failure>,
): Promise<T> {
  const { timeoutMs = TIMEOUT_MS } = options
  const deadline = monotonicClock() + timeoutMs
  for (let looks = 1; ; looks++) {
    const found = await look()
    if (found !== null) return found
    if (monotonicClock() >= deadline) throw await assertionError(await failure(), timeoutMs)
    await new Promise<void>((resolve) => {
      if (looks < QUICK_LOOKS) setImmediate(resolve)
      else setTimeout(resolve, LOOK_EVERY_MS)
    })
  }
}

/** Test runners know this error, and some show `actual` and `expected` themselves. */
async function assertionError({ text, actual, expected, diff = false }: Failure, timeoutMs: number): Promise<Error> {
  const { AssertionError } = await import('node:assert')
  const shown = diff ? `\n${new AssertionError({ actual, expected, operator: 'deepStrictEqual' }).message}` : ''
  return new AssertionError({ message: `after ${timeoutMs} ms: ${text}${shown}`, actual, expected })
}
