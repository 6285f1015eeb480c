import { setImmediate } from 'node:timers/promises'
import { STATE_READY } from '../../store/message-store.ts'
import type { Entry } from './entry.ts'
import type { Reread } from './pager-loads.ts'
import type { Queue } from './queue.ts'
import { restUntil } from './take.ts'

// Reading what is in the store only, after its queue has changed or before it does, and leaving it there.

/** Messages that wait for their next attempt, and come into memory in one go. */
const HELD_ENTRIES = 256

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
  await promoteHeld(queue)
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
      await committed(queue, position)
      for (const entry of waiting) queue.staysInStore(entry)
      // purged meanwhile, when the log did not have them
      if (isGone() && !queue.deleted) queue.parts().log.settleNumbers(waiting.map(({ number }) => number))
    },
  })
}

/** As `promoteStored`, for what waits for its next attempt: it comes into memory for it, and may leave it again as all others. */
async function promoteHeld(queue: Queue): Promise<void> {
  const { log, held, host } = queue.parts()
  const stored = held.rows().filter(({ entry }) => entry === null)
  for (let at = 0; at < stored.length; at += HELD_ENTRIES) {
    const dueAt = new Map(stored.slice(at, at + HELD_ENTRIES).map((row) => [row.number, row.dueAt]))
    await held.endWait(new Set(dueAt.keys()), false, (entry) => {
      if (queue.logs(entry.message)) log.promote(entry)
      restUntil(queue, entry, dueAt.get(entry.number)!)
    })
    await committed(queue, host.store.lastPosition)
    host.memory.look()
  }
}

/** Resolves when everything up to this position is on disk, or the queue is gone. */
async function committed(queue: Queue, position: number): Promise<void> {
  const { store } = queue.parts().host
  while (store.committed < position && !queue.deleted) await setImmediate()
}
