import { collectGarbage } from './collect-garbage.ts'
import { readMemory } from './memory-reading.ts'

/** Not at once, so that clients that wait for the broker to be there are not kept waiting by it. */
const DELAY_MS = 1_000
/** A heap of this size takes some 50 ms. A larger one holds queues that were read back, and takes longer than it gives. */
const HEAP_BYTES_MAX = 32 * 1024 * 1024

/**
 * Gives back, once, what loading a program has left: some 9 MB, which V8 would keep for as long as nobody allocates. The young generation grows again with the first
 * load.
 * @param isIdle asked then: whoever is connected already is not to wait
 */
export function giveBackAfterStart(
  isIdle: () => boolean,
  collect: () => void = () => collectGarbage('last-resort'),
): void {
  const timer = setTimeout(() => {
    if (!isIdle() || readMemory().heapUsed > HEAP_BYTES_MAX) return
    collect()
  }, DELAY_MS)
  timer.unref()
}
