import { setImmediate } from 'node:timers/promises'
import { STATE_READY } from '../../store/message-store.ts'
import type { Entry } from './entry.ts'
import type { Reread } from './pager.ts'
import type { Queue } from './queue.ts'

// Reading what is in the store only, after its queue has changed or before it does, and leaving it there.

async function rereadAll(queue: Queue, reread: Reread): Promise<void> {
  // later ones come as they are to be; who publishes fast would not let it end
  const last = queue.nextNumber - 1
  const levels = queue
    .parts()
    .ready.lanes.filter((lane) => lane !== undefined)
    .map(({ level }) => level)
  for (const level of levels.toReversed()) {
    for (let from = 0; from < Infinity && !queue.deleted;) {
      from = (await queue.parts().pager?.reread({ level, from, to: last }, reread)) ?? Infinity
      // consumers have their turn
      await setImmediate()
    }
  }
}

/** Gives messages in the store only the levels that they have by now. */
export function findLevels(queue: Queue): Promise<void> {
  return rereadAll(queue, {
    onRead: (entries, level, isThere) => {
      const { host } = queue.parts()
      if (host.memory.short) host.memory.look()
      const misfiled: Entry[] = []
      for (const entry of entries) {
        if (isThere && entry.level !== level) misfiled.push(entry)
        else queue.staysInStore(entry)
      }
      return misfiled
    },
    finish: () => Promise.resolve(),
  })
}

/** Has the log keep messages in the store only that are to survive a restart from now on. */
export async function promoteStored(queue: Queue): Promise<void> {
  await queue.parts().held.promoteStored()
  let waiting: Entry[] = []
  let position = 0
  await rereadAll(queue, {
    onRead: (entries, level, isThere) => {
      const { log, entries: known } = queue.parts()
      waiting = []
      for (const entry of entries) {
        // it stays in its range, whatever level it may have
        entry.level = level
        const recorded = isThere && queue.logs(entry.message) ? log.promote(entry) : 0
        position = Math.max(position, recorded)
        if (recorded <= 0) queue.staysInStore(entry)
        else {
          waiting.push(entry)
          if (entry.redelivered || entry.retries !== null) known.record(entry, STATE_READY, 0, 0)
        }
      }
      return []
    },
    finish: async (isGone) => {
      const { host, log } = queue.parts()
      while (host.store.committed < position && !queue.deleted) await setImmediate()
      for (const entry of waiting) queue.staysInStore(entry)
      // purged meanwhile, when the log did not have them
      if (isGone() && !queue.deleted) log.settleNumbers(waiting.map(({ number }) => number))
    },
  })
}
