import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

interface CollectOptions {
  readonly type: 'major'
  readonly execution: 'sync'
  readonly flavor: 'regular' | 'last-resort'
}

type Collect = (options: CollectOptions) => void

let gc: Collect | null = null

/**
 * Collects garbage now, which takes about a millisecond for each megabyte that is alive.
 * @param flavor `last-resort` takes several times as long, and gives back to the system what V8 would keep for what may come: pages that are
 * empty, and the room that the young generation has grown to
 */
export function collectGarbage(flavor: CollectOptions['flavor'] = 'regular'): void {
  gc ??= (globalThis.gc as Collect | undefined) ?? exposeInOneContext()
  gc({ type: 'major', execution: 'sync', flavor })
}

/** Contexts and threads that are made later, by whoever embeds the broker, have the globals that they would have without it. */
function exposeInOneContext(): Collect {
  setFlagsFromString('--expose-gc')
  const exposed = runInNewContext('gc') as Collect
  setFlagsFromString('--no-expose-gc')
  return exposed
}
