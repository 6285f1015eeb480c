import type { LoadedMessage, LoadVisitor, QueueEntry, Range } from '../../store/message-store.ts'
import type { Entry } from './entry.ts'
import type { Lane, PagedPart } from './lane.ts'
import type { Pager } from './pager.ts'

// What the pager asks the store to read, and what becomes of each message that comes.

/** What a load has come to. */
export interface LoadEnd {
  readonly lane: Lane
  readonly paged: PagedPart
  readonly range: Range
  /** What it might have brought. */
  readonly bytes: number
  /** Messages that were to be found and were not. */
  readonly missing: number
  /** Messages that belong to other levels. */
  readonly misfiled: readonly Entry[]
}

export class Load implements LoadVisitor {
  readonly #misfiled: Entry[] = []
  readonly #pager: Pager
  readonly #lane: Lane
  readonly #paged: PagedPart
  readonly #range: Range
  readonly #bytes: number
  /** What the range had when the load began. */
  readonly #expected: number
  #found = 0

  constructor(pager: Pager, lane: Lane, paged: PagedPart, range: Range, bytes: number) {
    this.#pager = pager
    this.#lane = lane
    this.#paged = paged
    this.#range = range
    this.#bytes = bytes
    this.#expected = paged.count
  }

  onLoaded(message: LoadedMessage): QueueEntry | null {
    this.#found++
    return this.#pager.loaded(this.#lane, this.#paged, message, this.#misfiled)
  }

  onLost(number: number, _level: number, bodyLength: number): void {
    this.#found++
    this.#pager.lost(this.#lane, this.#paged, 1, bodyLength)
    this.#paged.from = Math.max(this.#paged.from, number + 1)
  }

  onLoadEnd(): void {
    const missing = this.#found === 0 ? this.#expected : 0
    this.#pager.loadEnded({
      lane: this.#lane,
      paged: this.#paged,
      range: this.#range,
      bytes: this.#bytes,
      missing,
      misfiled: this.#misfiled,
    })
  }
}

/** What is done with messages that are read again. */
export interface Reread {
  /**
   * @param level of the range @param isThere whether the range is as it was
   * @returns those that belong to other levels; what becomes of the others is its own affair
   */
  onRead(entries: readonly Entry[], level: number, isThere: boolean): readonly Entry[]
  /** Resolves when the range may be read by others again. @param isGone whether all of the queue was purged meanwhile, or deleted */
  finish(isGone: () => boolean): Promise<void>
}

export class RereadLoad implements LoadVisitor {
  readonly #pager: Pager
  readonly #lane: Lane
  readonly #paged: PagedPart
  readonly #done: (entries: readonly Entry[], last: number) => void
  readonly #entries: Entry[] = []
  #last = -1

  constructor(pager: Pager, lane: Lane, paged: PagedPart, done: (entries: readonly Entry[], last: number) => void) {
    this.#pager = pager
    this.#lane = lane
    this.#paged = paged
    this.#done = done
  }

  onLoaded(message: LoadedMessage): QueueEntry | null {
    this.#last = message.number
    const entry = this.#pager.readAgain(message)
    this.#entries.push(entry)
    return entry
  }

  onLost(number: number, _level: number, bodyLength: number): void {
    this.#last = number
    this.#pager.lost(this.#lane, this.#paged, 1, bodyLength)
  }

  onLoadEnd(): void {
    this.#done(this.#entries, this.#last)
  }
}
