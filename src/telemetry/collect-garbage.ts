import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

interface CollectOptions {
  readonly type: 'major'
  readonly execution: 'sync'
  readonly flavor: 'regular' | 'last-resort'
}

let gc: ((options: CollectOptions) => void) | null = null

/**
 * Collects garbage now, which takes about a millisecond for each megabyte that is alive.
 * @param flavor `last-resort` takes several times as long, and gives back to the system what V8 would keep for what may come: pages that are
 * empty, and the room that the young generation has grown to
 */
export function collectGarbage(flavor: CollectOptions['flavor'] = 'regular'): void {
  if (gc === null) {
    setFlagsFromString('--expose-gc')
    gc = runInNewContext('gc') as (options: CollectOptions) => void
  }
  gc({ type: 'major', execution: 'sync', flavor })
}
