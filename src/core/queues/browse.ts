import type { LoadedMessage, LoadVisitor } from '../../store/message-store.ts'
import type { Clock } from '../../util/clock.ts'
import { copyOfMessage } from '../message.ts'
import { type Entry, READY } from './entry.ts'
import type { Pager } from './pager.ts'
import type { Queue } from './queue.ts'
import type { ReadyMessages } from './ready-messages.ts'

/** What is ready, in the order of delivery, with copies of what is in the store only. */
export async function* browse(ready: ReadyMessages, pager: Pager | null, clock: Clock): AsyncGenerator<Entry> {
  const now = clock.now()
  const isThere = (entry: Entry): boolean => entry.state === READY && (entry.expiresAt < 0 || entry.expiresAt > now)
  for (const entry of [...ready.browseReturned()]) if (isThere(entry)) yield entry
  if (ready.groups !== null) for await (const entry of ready.groups.pager.browse()) if (isThere(entry)) yield entry
  for (const lane of ready.lanes.toReversed()) {
    if (lane === undefined) continue
    const { paged } = lane
    const head = [...ready.browseHead(lane)]
    const tail = paged === null ? [] : [...paged.tail.values()]
    const last = paged === null ? -1 : paged.to
    let from = paged === null || paged.count === 0 ? Infinity : paged.from
    for (const entry of head) if (isThere(entry)) yield entry
    while (pager !== null && from <= last) {
      const part = await pager.copies({ from, to: last, level: lane.level })
      for (const entry of part) if (isThere(entry)) yield entry
      from = part.length === 0 ? Infinity : part.at(-1)!.number + 1
    }
    for (const entry of tail) if (isThere(entry)) yield entry
  }
}

/** Copies what is loaded, and leaves it where it is. */
export class CopyLoad implements LoadVisitor {
  readonly #queue: Queue
  readonly #done: (copies: Entry[]) => void
  readonly #copies: Entry[] = []

  constructor(queue: Queue, done: (copies: Entry[]) => void) {
    this.#queue = queue
    this.#done = done
  }

  onLoaded(loaded: LoadedMessage): null {
    this.#copies.push(this.#queue.copyOf(loaded, copyOfMessage))
    return null
  }

  onLost(): void {}

  onLoadEnd(): void {
    this.#done(this.#copies)
  }
}
