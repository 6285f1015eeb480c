import { setImmediate } from 'node:timers/promises'
import { CheckpointWriter } from './checkpoint.ts'
import type { Committer } from './committer.ts'
import type { StoreFiles } from '../files.ts'
import { CHECKPOINT, FOLDER, KIND_JOURNAL, locationOf, segmentOf } from './format.ts'
import type { IndexPage } from './index-page.ts'
import type { Pager } from './pager.ts'
import type { QueueIndex } from './queue-index.ts'
import type { Segment, Segments } from './segments.ts'
import { monotonicClock } from '../../util/real-time.ts'

/** Time that one turn may be kept busy, in ms. */
const SLICE_MS = 3

/** What the queue has recorded has to be in the journal before it can be written down. */
const JOURNAL_FIRST = Symbol('journal first')

export interface CheckpointerHost {
  readonly files: StoreFiles
  readonly segments: Segments
  readonly committer: Committer
  readonly pager: Pager
  indexes(): Iterable<QueueIndex>
  highestQueueId(): number
  now(): number
}

/**
 * Writes checkpoints. The work is cut into parts: each queue is written down at one moment, all of them within some turns, and the
 * checkpoint says for each up to where in the journal it is true.
 */
export class Checkpointer {
  readonly #host: CheckpointerHost
  /** `Committer.bytesWritten` at the last checkpoint. */
  bytesAtLast = 0
  /** Locations of the PAGE records that the checkpoint on disk names. */
  pages: ReadonlySet<number> = new Set()

  constructor(host: CheckpointerHost) {
    this.#host = host
  }

  /**
   * @param orderly nothing is unsettled, and nothing more will come
   * @returns segments that nothing needs any more, now that it is on disk
   */
  async write(orderly: boolean): Promise<Segment[]> {
    const { segments, committer, pager } = this.#host
    const replayFrom = locationOf(committer.segment.id, committer.segment.size)
    const dead = [...segments.byId.values()].filter((segment) => this.#isDead(segment, replayFrom))
    const { bytesWritten, batchNumber } = committer
    await this.#flushPages()
    const writer = new CheckpointWriter()
    writer.segments(
      [...segments.byId.values()].map(({ id, kind, file, size }) => ({ id, kind, compacted: file.compacted, size })),
    )
    await this.#writeQueues(writer, orderly)
    // what the indexes show may be in no batch yet: a checkpoint must not know more than the journal
    await committer.whenCommitted(committer.lastPosition)
    await pager.sync()
    const bytes = writer.finish({
      madeAt: this.#host.now(),
      replayFrom,
      nextSegmentId: segments.nextId,
      highestQueueId: this.#host.highestQueueId(),
      batchNumber,
      orderly,
    })
    await this.#replace(bytes)
    this.pages = writer.pages
    this.bytesAtLast = bytesWritten
    return dead.filter((segment) => segment.live === 0)
  }

  /** Decided before the first queue is written down: what is dead now is in none of them. */
  #isDead(segment: Segment, replayFrom: number): boolean {
    if (segment.live > 0 || !segment.sealed) return false
    return segment.kind !== KIND_JOURNAL || segment.id < segmentOf(replayFrom)
  }

  /** Most of the pages that differ from what is on disk, ahead of the moment when their queue is written down. */
  async #flushPages(): Promise<void> {
    for (const index of [...this.#host.indexes()]) {
      const pages = index.logged.pages.filter((page) => page.dirty && page.live > 0 && (page.full || !page.resident))
      if (pages.length === 0) continue
      for (const page of pages) await this.#host.pager.rowsOf(page)
      await this.#host.pager.flush(pages)
    }
  }

  async #writeQueues(writer: CheckpointWriter, orderly: boolean): Promise<void> {
    const { committer, pager } = this.#host
    const waiting = [...this.#host.indexes()]
    const isDirty = (page: IndexPage): boolean => page.dirty && page.live > 0
    /** @returns a page that has to be read first, or JOURNAL_FIRST, or null */
    const work = (
      writePage: ((page: IndexPage) => void) | null,
      isFull: () => boolean,
    ): IndexPage | typeof JOURNAL_FIRST | null => {
      const until = monotonicClock() + SLICE_MS
      while (waiting.length > 0 && monotonicClock() < until && !isFull()) {
        const index = waiting.at(-1)!
        // done again, to rows that have it behind them and changed since, it would do something else
        if (index.sweeping > 0 && !index.deleted) return JOURNAL_FIRST
        const dirty = index.deleted ? [] : index.logged.pages.filter(isDirty)
        // what is to be dropped is in the journal already: it would come back if the rows said otherwise
        const [dropping] = index.dropping
        const missing = index.deleted ? undefined : (dropping ?? dirty.find((page) => !page.resident))
        if (missing !== undefined) return missing
        if (dirty.length > 0 && writePage === null) return null
        for (const page of dirty) writePage!(page)
        const isKnown = !index.logged.isEmpty || index.lastNumber > 0 || index.deliveredUpTo > 0
        if (!index.deleted && isKnown)
          writer.queue(index, locationOf(committer.segment.id, committer.segment.size), orderly)
        waiting.pop()
      }
      return null
    }
    while (waiting.length > 0) {
      // queues with nothing to write need no segment to write it to
      work(null, () => false)
      await setImmediate()
      if (waiting.length === 0) return
      const first = await pager.together(work)
      if (first === JOURNAL_FIRST) await committer.whenCommitted(committer.lastPosition)
      else if (first !== null && !(await pager.rowsOf(first))) first.dirty = false
    }
  }

  async #replace(bytes: Buffer): Promise<void> {
    const { files } = this.#host
    const fresh = `${CHECKPOINT}.new`
    await files.remove(fresh)
    const file = await files.open(fresh, 'create', false)
    try {
      await file.write([bytes], 0)
      await file.sync()
    } finally {
      await file.close()
    }
    await files.rename(fresh, CHECKPOINT)
    await files.syncFolder(FOLDER)
  }
}
