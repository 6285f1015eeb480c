import { clearTimeout, setTimeout } from '../../util/real-time.ts'

/** What of a plugin has not stopped by then is left as it is. */
const STOP_MS = 5_000

/** @throws Error when the time is over */
export async function withinStopTime(stopped: void | Promise<void>): Promise<void> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`not stopped after ${STOP_MS / 1000} s`)), STOP_MS)
  try {
    await Promise.race([stopped, late])
  } finally {
    clearTimeout(timer)
  }
}
