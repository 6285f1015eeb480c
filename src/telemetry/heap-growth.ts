import { constants, PerformanceObserver } from 'node:perf_hooks'
import { getHeapStatistics, setFlagsFromString } from 'node:v8'

/** A small heap may more than double until it is collected as a whole: 26 full collections were 10 for 20 MB more. */
const SMALL_HEAP_BYTES = 64 * 1024 * 1024
const SMALL_HEAP_PERCENT = 150
/** As on the command line of `npm start`: of a large heap, half as much again is memory that somebody misses. */
const LARGE_HEAP_PERCENT = 70

/** By how much the heap may grow until its next full collection, in percent. @param live bytes that the last one left */
export const growthOf = (live: number): number => (live < SMALL_HEAP_BYTES ? SMALL_HEAP_PERCENT : LARGE_HEAP_PERCENT)

/** For the process as a whole, and so for one that is the broker's own only. @returns what ends it */
export function adaptHeapGrowth(
  setPercent: (percent: number) => void = (percent) => setFlagsFromString(`--heap-growing-percent=${percent}`),
): () => void {
  let current = LARGE_HEAP_PERCENT
  const observer = new PerformanceObserver((list) => {
    if (!list.getEntries().some(isFullCollection)) return
    const percent = growthOf(getHeapStatistics().used_heap_size)
    if (percent === current) return
    current = percent
    setPercent(percent)
  })
  observer.observe({ entryTypes: ['gc'] })
  return () => observer.disconnect()
}

// the types of Node.js do not say that these entries have details
function isFullCollection(entry: object): boolean {
  return (entry as { detail?: { kind?: number } }).detail?.kind === constants.NODE_PERFORMANCE_GC_MAJOR
}
