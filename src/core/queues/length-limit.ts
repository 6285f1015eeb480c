import { PHASE_FLUSH, type Turn, type TurnTask } from '../../util/turn.ts'
import type { Queue } from './queue.ts'

/** Messages dropped in one go: more of them wait for the next turn, so that no policy stalls the node. */
const DROPS_MAX = 1000

/** What of its queue it uses. */
interface Oldest {
  /** Lets go of the oldest message. @returns whether it was at hand */
  drop(): boolean
  /** Has it read. */
  load(): void
}

/** Keeps a queue to the length that its settings allow. */
export class LengthLimit implements TurnTask {
  scheduled = false
  /** It is not kept yet: what has to be dropped has to be read first. */
  waits = false
  /** Nothing is dropped for it yet. */
  suspended = false
  readonly #queue: Queue
  readonly #turn: Turn
  readonly #oldest: Oldest

  constructor(queue: Queue, turn: Turn, oldest: Oldest) {
    this.#queue = queue
    this.#turn = turn
    this.#oldest = oldest
  }

  /** Whether so many more messages and bytes stay within it. Only ready messages and held ones count. */
  hasRoomFor(count: number, bytes: number): boolean {
    const { settings, readyCount, heldCount, readyBytes, heldBytes } = this.#queue
    const { maxLength, maxLengthBytes } = settings
    if (maxLength >= 0 && readyCount + heldCount + count > maxLength) return false
    return maxLengthBytes < 0 || readyBytes + heldBytes + bytes <= maxLengthBytes
  }

  /** Drops what is too much, unless the queue rejects instead. */
  keep(): void {
    this.waits = false
    if (this.#queue.rejectsWhenFull || this.suspended) return
    for (let drops = 0; !this.hasRoomFor(0, 0); drops++) {
      if (drops === DROPS_MAX) {
        this.#turn.schedule(PHASE_FLUSH, this)
        return
      }
      if (this.#oldest.drop()) continue
      // what is in the store is dropped when it has been loaded
      this.waits = this.#queue.readyCount > 0
      if (this.waits) this.#oldest.load()
      return
    }
  }

  runAtTurnEnd(): void {
    this.keep()
  }
}
