import { setImmediate } from 'node:timers/promises'
import { RingDeque } from '../../util/ring-deque.ts'
import { type Content, NOT_STORED, PENDING, type QueueEntry, type StoreCounters } from '../message-store.ts'
import { FLAG_TRANSIENT, KIND_PAGING, locationOf, offsetOf, segmentOf } from './format.ts'
import type { IndexPage } from './index-page.ts'
import type { QueueIndex } from './queue-index.ts'
import { validRecord } from './record-reader.ts'
import { RecordWriter } from './record-writer.ts'
import { isLoss, placeIn, type Segment, type Segments } from './segments.ts'

/** Bytes put together for one write. */
const WRITE_BYTES = 1024 * 1024
/** Index pages written in one go. */
const PAGES_PER_WRITE = 32
/** Records nearer than this are read together. */
export const GAP_BYTES = 32 * 1024
/** Runs shorter than this are not worth a copy. */
const GATHER_MIN = 16
/** Dead pages that the list may carry, on top of twice as many as there are others. */
const SWEEP_SLACK = 256

export interface PagerHost {
  readonly segments: Segments
  readonly segmentBytes: number
  /** Bytes of index pages that may be in memory, besides those that are being filled. */
  readonly indexBytesMax: number
  readonly counters: StoreCounters
  now(): number
  /** Frees what was held for a write. */
  release(content: Content): void
  failed(error: Error): void
  /** An index page cannot be read. @returns whether its rows are there again */
  damagedPage(page: IndexPage, reason: string): Promise<boolean>
}

/** Adds something to the write that is being put together; called again in the next write while it says that there is more. */
type Fill = (writer: RecordWriter, segment: Segment) => boolean

interface Job {
  readonly fill: Fill
  readonly done: () => void
  /** It will not be written: the disk is of no use any more. */
  readonly failed: (error: Error) => void
}

/**
 * Writes what leaves memory (messages that need not survive, copies of messages that lie too far apart, pages of indexes) to
 * segments of its own, without a sync, and reads index pages back.
 */
export class Pager {
  readonly #host: PagerHost
  readonly #writer = new RecordWriter()
  readonly #jobs = new RingDeque<Job>()
  #segment: Segment | null = null
  #writing = false
  #failure: Error | null = null
  /** Pages whose rows may be given up, the one listed first first. */
  readonly #listed = new RingDeque<IndexPage>()
  #listedBytes = 0
  #listedCount = 0
  #evicting = false
  #idle: PromiseWithResolvers<void> | null = null

  constructor(host: PagerHost) {
    this.#host = host
  }

  /** Segments that were written to since they were last synced. */
  readonly unsynced = new Set<Segment>()

  get current(): Segment | null {
    return this.#segment
  }

  // ---- messages ----

  spill(index: QueueIndex, entries: readonly QueueEntry[], done: () => void): void {
    for (const entry of entries) {
      entry.location = PENDING
      // who it belongs to, until it has a page; `transient` tells the list that it goes to
      entry.page = index.transient
    }
    let next = 0
    this.#run((writer, segment) => {
      while (next < entries.length && writer.bytes < WRITE_BYTES) {
        const entry = entries[next++]!
        if (entry.location !== PENDING || index.deleted) continue
        const location = locationOf(segment.id, writer.offset)
        entry.page = index
        const bytes = writer.message([entry], entry.message, FLAG_TRANSIENT)
        entry.page = index.transient
        index.addRow(entry, location, bytes, 1)
        index.keepCounts(entry)
      }
      return next < entries.length
    }, done)
  }

  gather(index: QueueIndex, entries: readonly QueueEntry[], done: () => void): boolean {
    if (!areScattered(entries)) return false
    let next = 0
    this.#run((writer, segment) => {
      while (next < entries.length && writer.bytes < WRITE_BYTES) {
        const entry = entries[next++]!
        if (entry.location <= NOT_STORED || index.deleted || !(entry.page as IndexPage).resident) continue
        const location = locationOf(segment.id, writer.offset)
        const { page } = entry
        entry.page = index
        const bytes = writer.message([entry], entry.message, (page as IndexPage).transient ? FLAG_TRANSIENT : 0)
        entry.page = page
        index.relocate(entry, location, bytes)
      }
      return next < entries.length
    }, done)
    return true
  }

  // ---- index pages ----

  /** The page is full, or was read: its rows may be given up when others need the room. */
  list(page: IndexPage): void {
    if (page.listedBytes > 0) return
    page.listedBytes = page.residentBytes
    this.#listed.push(page)
    this.#listedCount++
    this.#listedBytes += page.listedBytes
    // where it fails, the store has failed and said so
    if (this.#listedBytes > this.#host.indexBytesMax) this.#evict().catch(() => {})
  }

  /** Nothing in the page is live. */
  forget(page: IndexPage): void {
    if (page.location > 0) this.#host.segments.use(segmentOf(page.location), -1, -page.recordBytes)
    page.location = 0
    page.recordBytes = 0
    page.dirty = false
    page.giveUpRows()
    if (page.listedBytes === 0) return
    this.#unlist(page)
    if (this.#listed.size > 2 * this.#listedCount + SWEEP_SLACK) this.#listed.filter((other) => other.listedBytes > 0)
  }

  /** In turns of its own: whoever was told that a page's rows are there has used them by then. */
  async #evict(): Promise<void> {
    if (this.#evicting) return
    this.#evicting = true
    await setImmediate()
    const wanted = this.#host.indexBytesMax * 0.9
    while (this.#listedBytes > wanted && this.#failure === null) {
      const pages: IndexPage[] = []
      while (this.#listedBytes > wanted && pages.length < PAGES_PER_WRITE) {
        const page = this.#listed.shift()
        if (page === undefined) break
        if (page.listedBytes === 0) continue
        this.#unlist(page)
        if (page.canGiveUpRows) page.giveUpRows()
        else if (page.unready === 0) pages.push(page)
      }
      if (pages.length === 0 && this.#listed.size === 0) break
      await this.flush(pages)
      await setImmediate()
      for (const page of pages) {
        if (page.canGiveUpRows) page.giveUpRows()
        else if (page.live > 0) this.list(page)
      }
    }
    this.#evicting = false
  }

  #unlist(page: IndexPage): void {
    this.#listedBytes -= page.listedBytes
    this.#listedCount--
    page.listedBytes = 0
  }

  /** Writes the rows of pages that differ from what is on disk. */
  flush(pages: readonly IndexPage[]): Promise<void> {
    if (pages.length === 0) return Promise.resolve()
    let next = 0
    const written: { page: IndexPage; version: number }[] = []
    return new Promise((resolve, reject) => {
      this.#run(
        (writer, segment) => {
          while (next < pages.length && writer.bytes < WRITE_BYTES) {
            const page = pages[next++]!
            if (!page.dirty || !page.resident || page.live === 0) continue
            written.push({ page, version: page.version })
            this.#writePage(page, writer, segment)
          }
          return next < pages.length
        },
        () => {
          markClean(written)
          resolve()
        },
        reject,
      )
    })
  }

  /**
   * Lets `fill` put pages into one write and do something at that same moment. It is called until it returns something or
   * `isFull` stopped it. @returns what it returned, when all is written
   */
  together<T>(fill: (writePage: (page: IndexPage) => void, isFull: () => boolean) => T): Promise<T> {
    const written: { page: IndexPage; version: number }[] = []
    let result: T
    return new Promise((resolve, reject) => {
      this.#run(
        (writer, segment) => {
          result = fill(
            (page) => {
              written.push({ page, version: page.version })
              this.#writePage(page, writer, segment)
            },
            () => writer.bytes >= WRITE_BYTES,
          )
          return false
        },
        () => {
          markClean(written)
          resolve(result)
        },
        reject,
      )
    })
  }

  #writePage(page: IndexPage, writer: RecordWriter, segment: Segment): void {
    if (page.location > 0) this.#host.segments.use(segmentOf(page.location), -1, -page.recordBytes)
    page.location = locationOf(segment.id, writer.offset)
    page.recordBytes = page.encodedBytes
    this.#host.segments.use(segment.id, 1, page.recordBytes)
    writer.page(page)
    this.#host.counters.indexWrites++
  }

  /**
   * Sees to it that a page's rows are in memory. Where it rejects, the store has failed and said so.
   * @returns false when they are lost, or no longer wanted
   */
  rowsOf(page: IndexPage): Promise<boolean> {
    if (page.resident) return Promise.resolve(true)
    page.loading ??= this.#read(page).finally(() => (page.loading = null))
    return page.loading
  }

  async #read(page: IndexPage): Promise<boolean> {
    try {
      // once more, since what it takes to do without the record costs the states of messages that had come back
      const reason = await this.#readRecord(page).catch(() => this.#readRecord(page).catch(reasonOf))
      if (page.location === 0) return false
      return reason === null ? true : await this.#host.damagedPage(page, reason)
    } catch (error) {
      this.#host.failed(error as Error)
      throw error
    }
  }

  /** @returns why the record is none, or null when the rows are there or no longer wanted */
  async #readRecord(page: IndexPage): Promise<string | null> {
    const { segments } = this.#host
    const { location, recordBytes } = page
    if (location === 0) return null
    const segment = segments.find(segmentOf(location))
    const record = Buffer.allocUnsafeSlow(recordBytes)
    const file = await segments.hold(segment)
    try {
      const place = placeIn(file, offsetOf(location))
      const got = place < 0 ? 0 : await segments.read(file, record, recordBytes, place)
      if (page.location === 0) return null
      const isWhole = got === recordBytes && validRecord(record, 0, got, segment.id) === recordBytes
      if (!isWhole || !page.adoptRows(record, 0)) return 'its checksum is wrong'
      this.list(page)
      this.#host.counters.indexReads++
      return null
    } finally {
      segments.letGo(file)
    }
  }

  // ---- writing ----

  #run(fill: Fill, done: () => void, failed: (error: Error) => void = () => {}): void {
    if (this.#failure !== null) {
      failed(this.#failure)
      return
    }
    this.#jobs.push({ fill, done, failed })
    if (!this.#writing) void this.#work()
  }

  /** What was asked for will not happen. */
  #fail(error: Error): void {
    this.#failure = error
    for (const { failed } of this.#jobs.values()) failed(error)
    this.#jobs.clear()
    this.#host.failed(error)
  }

  async #work(): Promise<void> {
    this.#writing = true
    try {
      // so that `done` never comes from within the call that asked for it
      await Promise.resolve()
      while (this.#jobs.size > 0 && this.#failure === null) await this.#write()
    } catch (error) {
      this.#fail(error as Error)
    }
    this.#writing = false
    this.#idle?.resolve()
    this.#idle = null
  }

  async #write(): Promise<void> {
    const finished: Job[] = []
    try {
      await this.#writeSome(await this.#open(), finished)
    } catch (error) {
      for (const job of finished) job.failed(error as Error)
      throw error
    }
    for (const job of finished) job.done()
  }

  async #writeSome(segment: Segment, finished: Job[]): Promise<void> {
    const writer = this.#writer
    const from = segment.size
    writer.reset(segment.id, from)
    while (this.#jobs.size > 0 && writer.bytes < WRITE_BYTES) {
      const job = this.#jobs.peek()!
      if (job.fill(writer, segment)) break
      this.#jobs.shift()
      finished.push(job)
    }
    const parts = writer.finish()
    segment.size += writer.bytes
    if (parts.length > 0) {
      this.unsynced.add(segment)
      await segment.writer!.write(parts, from)
    }
    segment.written = segment.size
    segment.fileBytes = segment.size
    for (const content of writer.held) this.#host.release(content)
  }

  async #open(): Promise<Segment> {
    const { segments, segmentBytes } = this.#host
    const current = this.#segment
    if (current !== null && current.size < segmentBytes) return current
    if (current !== null) {
      await segments.sync(current)
      this.unsynced.delete(current)
      await segments.seal(current)
    }
    this.#segment = await segments.create(KIND_PAGING, this.#host.now())
    return this.#segment
  }

  /** The current segment is closed; what comes later goes to a new one. */
  async startSegment(): Promise<void> {
    await this.drained()
    const current = this.#segment
    if (current === null || this.#writing || this.#failure !== null) return
    this.#segment = null
    await this.sync()
    await this.#host.segments.seal(current)
  }

  /** What was written so far is on disk. */
  async sync(): Promise<void> {
    for (const segment of [...this.unsynced]) {
      if (segment.writer === null) continue
      const { written } = segment
      await this.#host.segments.sync(segment)
      if (segment.written === written) this.unsynced.delete(segment)
    }
  }

  /** Nothing is written any more. */
  async close(): Promise<void> {
    this.#failure ??= new Error('the store is closed')
    await this.drained()
  }

  async drained(): Promise<void> {
    while (this.#writing) {
      this.#idle ??= Promise.withResolvers<void>()
      await this.#idle.promise
    }
  }
}

/** What damage is told with. @throws what says nothing of the bytes */
function reasonOf(error: Error): string {
  if (!isLoss(error)) throw error
  return error.message
}

function markClean(written: readonly { page: IndexPage; version: number }[]): void {
  for (const { page, version } of written) if (page.version === version) page.dirty = false
}

/** Whether reading these takes many more reads than their bytes would if they lay together. */
function areScattered(entries: readonly QueueEntry[]): boolean {
  if (entries.length < GATHER_MIN) return false
  let runs = 0
  let end = -1
  for (const { location, recordBytes } of entries) {
    if (location <= 0) continue
    if (end < 0 || location - end > GAP_BYTES || location < end) runs++
    end = location + recordBytes
  }
  return runs * 8 > entries.length
}
