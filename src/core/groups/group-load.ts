import type { LoadedMessage, LoadVisitor, QueueEntry } from '../../store/message-store.ts'
import { ENTRY_BYTES } from '../message-memory.ts'
import type { Entry } from '../queues/entry.ts'
import type { Queue } from '../queues/queue.ts'
import type { GroupPager } from './group-pager.ts'
import type { MessageGroup } from './message-group.ts'

interface Awaited {
  readonly group: MessageGroup
  readonly bodyBytes: number
}

/** Parked messages that are being read, of several groups. */
export class GroupLoad implements LoadVisitor {
  readonly groups = new Set<MessageGroup>()
  /** Those that were read because they have expired; null where they are read because it is their turn. */
  readonly expired: Entry[] | null
  /** Body bytes of what has not been read yet. */
  bodyBytes = 0
  /** What it may take of memory: set when it begins. */
  memoryBytes = 0
  readonly #pager: GroupPager
  readonly #waiting = new Map<number, Awaited>()

  constructor(pager: GroupPager, expired: Entry[] | null) {
    this.#pager = pager
    this.expired = expired
  }

  /** Messages that have not been read yet. */
  get size(): number {
    return this.#waiting.size
  }

  /** Adds the first message of a group that is in the store only, and more of them up to `messagesMax` and as long as there is room. */
  take(group: MessageGroup, messagesMax: number, bytesMax: number): void {
    const stored = group.stored!
    group.loadingFrom = stored.first
    for (let i = 0; i < messagesMax && stored.count > 0 && (i === 0 || this.bodyBytes < bytesMax); i++) {
      const { number, bodyBytes } = stored.peek()
      stored.shift()
      group.loading++
      this.#add(number, group, bodyBytes)
    }
  }

  /** Adds the messages of a group that have expired, which are parked no more. @returns whether to look at the group */
  takeExpired(group: MessageGroup, now: number, max: number): boolean {
    const { stored } = group
    if (stored === null || stored.earliestExpiry < 0 || stored.earliestExpiry > now) return false
    stored.takeExpired(now, max, ({ number, bodyBytes }) => {
      group.size--
      this.#add(number, group, bodyBytes)
    })
    return true
  }

  #add(number: number, group: MessageGroup, bodyBytes: number): void {
    this.#waiting.set(number, { group, bodyBytes })
    this.groups.add(group)
    this.bodyBytes += bodyBytes
    this.memoryBytes += bodyBytes + ENTRY_BYTES
  }

  /** What has not been read yet, in order. */
  numbers(): number[] {
    return [...this.#waiting.keys()].sort((a, b) => a - b)
  }

  /** A message is there, or lost. @returns undefined when it is not awaited (any more) */
  received(number: number): Awaited | undefined {
    const awaited = this.#waiting.get(number)
    if (awaited === undefined) return undefined
    this.#waiting.delete(number)
    this.bodyBytes -= awaited.bodyBytes
    return awaited
  }

  /** Nobody waits for it any longer. */
  cancel(): void {
    this.#waiting.clear()
    this.groups.clear()
    this.bodyBytes = 0
  }

  onLoaded(message: LoadedMessage): QueueEntry | null {
    return this.#pager.loaded(this, message)
  }

  onLost(number: number): void {
    this.#pager.lost(this, number)
  }

  onLoadEnd(): void {
    this.#pager.loadEnded(this)
  }
}

/** Reads parked messages, wherever they belong by the time they are there. */
export class EntryLoad implements LoadVisitor {
  readonly #queue: Queue
  readonly #entries: Entry[]
  readonly #done: () => void

  /** @param entries gets what is read */
  constructor(queue: Queue, entries: Entry[], done: () => void) {
    this.#queue = queue
    this.#entries = entries
    this.#done = done
  }

  onLoaded(message: LoadedMessage): QueueEntry | null {
    if (this.#queue.deleted) return null
    const entry = this.#queue.entryOf(message)
    this.#entries.push(entry)
    return entry
  }

  /** It is counted as lost when it is its turn. */
  onLost(): void {}

  onLoadEnd(): void {
    this.#done()
  }
}
