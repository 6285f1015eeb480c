import { type LoadedMessage, type LoadVisitor, type QueueEntry, STATE_HELD } from '../../store/message-store.ts'
import { type Entry, GONE, READY } from './entry.ts'
import type { PagedPart } from './lane.ts'
import type { Pager } from './pager.ts'
import type { Queue } from './queue.ts'

// Taking messages out of a queue, wherever in it they are.

/**
 * Says whether a message that is ready is to go. What it does besides, such as giving it to another queue, is one transaction of the
 * store with that.
 */
export type Agree = (entry: Entry) => boolean

/** Takes a ready message that is in memory. @returns whether it went */
export function takeReady(queue: Queue, entry: Entry, agree: Agree): boolean {
  const { ready, host, forget } = queue.parts()
  if (entry.state !== READY || ready.purged || queue.deleted) return false
  host.store.begin()
  try {
    // it may have gone meanwhile, as when it was given to its own queue and that was full
    if (!agree(entry) || !isReady(entry)) return false
    ready.remove(entry)
    entry.state = GONE
    forget(entry)
    ready.sweep()
    return true
  } finally {
    host.store.end()
  }
}

const isReady = ({ state }: Entry): boolean => state === READY

/** Takes ready messages by number, those in the store included. @returns how many went */
export async function takeNumbers(queue: Queue, numbers: readonly number[], agree: Agree): Promise<number> {
  const wanted = new Set(numbers)
  const takeFound = (): number => {
    let count = 0
    for (const entry of queue.parts().ready.findAll(wanted)) {
      wanted.delete(entry.number)
      if (takeReady(queue, entry, agree)) count++
    }
    return count
  }
  let count = takeFound()
  const asked = (entry: Entry): boolean => {
    wanted.delete(entry.number)
    return agree(entry)
  }
  const { pager, ready } = queue.parts()
  if (pager !== null && wanted.size > 0) count += await pager.take([...wanted], asked)
  if (ready.groups !== null && wanted.size > 0) count += await ready.groups.pager.take(wanted, asked)
  // what consumers wanted has been read meanwhile
  return wanted.size > 0 ? count + takeFound() : count
}

/**
 * Takes messages out that wait for their next attempt or for a dead-letter target, for good.
 * @returns how many
 */
export function dropHeld(queue: Queue, numbers: ReadonlySet<number>): Promise<number> {
  const { held, forget } = queue.parts()
  return held.endWait(numbers, true, (entry) => {
    // what rested in the store only is still the current one of its group
    if (entry.group === null) queue.heldLost(entry.number)
    entry.state = GONE
    forget(entry)
  })
}

/**
 * Has messages that wait for their next attempt wait until another time (ms since the epoch), or no longer where that is past; those that
 * wait for a dead-letter target are offered to it again now.
 * @returns how many
 */
export function hastenHeld(queue: Queue, numbers: ReadonlySet<number>, dueAt: number): Promise<number> {
  const { held, host, putBack } = queue.parts()
  return held.endWait(numbers, false, (entry) => {
    if (dueAt > host.clock.now()) restUntil(queue, entry, dueAt)
    else putBack(entry)
  })
}

/** Has a message whose wait was ended wait for its next attempt again (ms since the epoch). */
export function restUntil(queue: Queue, entry: Entry, dueAt: number): void {
  const { held, host, entries, ready } = queue.parts()
  if (entry.group === null) ready.groups?.resumes(entry)
  entries.record(entry, STATE_HELD, dueAt, 0)
  held.rest(entry, Math.max(0, dueAt - host.clock.now()))
}

/** A message of a range that was read. */
export interface FoundInRange {
  readonly entry: Entry
  readonly paged: PagedPart
  /** Level of the range. */
  readonly level: number
}

/** Reads messages of ranges by number. What does not fit into one read is given back. */
export class TakeLoad implements LoadVisitor {
  readonly #queue: Queue
  readonly #pager: Pager
  readonly #numbers: readonly number[]
  readonly #done: (found: readonly FoundInRange[], unread: number[]) => void
  readonly #found: FoundInRange[] = []
  #last = -1

  constructor(
    queue: Queue,
    pager: Pager,
    numbers: readonly number[],
    done: (found: readonly FoundInRange[], unread: number[]) => void,
  ) {
    this.#queue = queue
    this.#pager = pager
    this.#numbers = numbers
    this.#done = done
  }

  onLoaded(loaded: LoadedMessage): QueueEntry | null {
    this.#last = this.#numbers.indexOf(loaded.number, this.#last + 1)
    const paged = this.#pager.rangeOf(loaded)
    if (paged === null) return null
    const entry = this.#queue.entryOf(loaded)
    this.#found.push({ entry, paged, level: loaded.level })
    return entry
  }

  onLost(number: number, level: number, bodyLength: number): void {
    this.#last = this.#numbers.indexOf(number, this.#last + 1)
    this.#pager.lostByNumber(number, level, bodyLength)
  }

  onLoadEnd(): void {
    this.#done(this.#found, this.#last < 0 ? [] : this.#numbers.slice(this.#last + 1))
  }
}
