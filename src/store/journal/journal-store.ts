import type { Log } from '../../telemetry/log.ts'
import type { Turn } from '../../util/turn.ts'
import { MemoryMessageStore } from '../memory/memory-message-store.ts'
import {
  type Content,
  type MessageStore,
  type MessageStoreStats,
  type QueueLog,
  StoreCounters,
  type StoreDiskStats,
} from '../message-store.ts'
import { Checkpointer } from './checkpointer.ts'
import { Committer } from './committer.ts'
import { Compactor } from './compaction.ts'
import type { StoreFiles } from '../files.ts'
import {
  CHECKPOINT,
  FOLDER,
  KIND_JOURNAL,
  QUARANTINE,
  offsetOf,
  SEGMENT_HEADER_BYTES,
  segmentName,
  segmentOf,
} from './format.ts'
import type { IndexPage, Row } from './index-page.ts'
import { Loader } from './loader.ts'
import { measuredFiles } from './measured-files.ts'
import { Pager } from './pager.ts'
import { QueueIndex, type QueueParts } from './queue-index.ts'
import { findRows } from './page-rebuild.ts'
import { type DamageReport, findSegments, quarantine, readCheckpoint, Recovery } from './recovery.ts'
import { placeIn, type Segment, Segments } from './segments.ts'
import { clearInterval, setInterval, wallClock } from '../../util/real-time.ts'

export interface JournalOptions {
  readonly files: StoreFiles
  readonly turn: Turn
  readonly log: Log
  /** A segment is closed when it has so many bytes. */
  readonly segmentBytes: number
  /** Bytes of index pages that may be in memory, besides those that are being filled. */
  readonly indexBytesMax: number
  /** A checkpoint is written after so many bytes of journal. */
  readonly checkpointBytes: number
  /** How often to look whether there is something to tidy up, in ms; 0 for never. */
  readonly housekeepingMs: number
  /** Nothing can be written any more: what is on disk is unknown. Called once. */
  readonly onFailure: (error: Error) => void
  /** Ms since the epoch. */
  readonly now?: () => number
}

/** A segment is written anew when less than this share of it is live, and it is not small already. */
const COMPACT_SHARE = 0.25
const COMPACT_BYTES_MIN = 256 * 1024
/** One that has less than this share of what was live at the last look is left alone until the next one. */
const FADING_SHARE = 0.75
/** Dead bytes that are worth a checkpoint, so that they can go. */
const GARBAGE_BYTES = 8 * 1024 * 1024
/** A checkpoint follows when nothing was written for so many looks, if anything can go. */
const QUIET_LOOKS = 4
/** A segment that is being written to is closed early when it has this much, and hardly anything in it is live. */
const EARLY_SEAL_BYTES = 1024 * 1024

/** The message store with everything durable in one journal. See docs/storage-format.md. */
export class JournalStore implements MessageStore {
  readonly durable = true
  readonly spills = true
  highestQueueId = 0
  /** Resolves before anything written may count as safe; null for at once. */
  barrier: () => Promise<void> | null = () => null
  readonly counters: StoreCounters
  readonly #options: JournalOptions
  readonly #memory = new MemoryMessageStore()
  readonly #segments: Segments
  readonly #indexes = new Map<number, QueueIndex>()
  readonly #pager: Pager
  readonly #loader: Loader
  readonly #compactor: Compactor
  #committer!: Committer
  #checkpointer!: Checkpointer
  #parts: QueueParts
  #onCommitted = (): void => {}
  #onRelief = (): void => {}
  #onDamage: ((report: DamageReport) => void) | null = null
  readonly #unheardDamages: DamageReport[] = []
  #isOpen = false
  #failed: Error | null = null
  #closing: Promise<void> | null = null
  #housekeeping: Promise<void> | null = null
  /** Ends when all damaged bytes that were found are in the quarantine. */
  #keeping: Promise<void> = Promise.resolve()
  #timer: NodeJS.Timeout | null = null
  #quiet = 0
  #bytesAtLook = 0

  /** @throws NewerFormatError, or Node's errors about files */
  static async open(options: JournalOptions): Promise<JournalStore> {
    const store = new JournalStore(options)
    await store.#recover()
    store.#isOpen = true
    return store
  }

  private constructor(given: JournalOptions) {
    this.counters = new StoreCounters()
    const options = { ...given, files: measuredFiles(given.files, this.counters) }
    this.#options = options
    this.#segments = new Segments(options.files)
    const segments = this.#segments
    segments.onDamagedTable = (file, bytes) =>
      this.#report({
        file,
        offset: SEGMENT_HEADER_BYTES,
        bytes,
        queueIds: [],
        reason: 'its table is damaged, and was replaced by its copy',
      })
    const failed = (error: Error): void => this.#fail(error)
    const now = (): number => this.#now()
    this.#pager = new Pager({
      segments,
      counters: this.counters,
      segmentBytes: options.segmentBytes,
      indexBytesMax: options.indexBytesMax,
      now,
      release: (content) => this.#memory.release(content),
      failed,
      damagedPage: (page, reason) => this.#onDamagedPage(page, reason),
    })
    this.#loader = new Loader({
      segments,
      pager: this.#pager,
      damagedRecord: (index, row, reason) => this.#onDamagedRecord(index, row, reason),
      failed,
    })
    this.#compactor = new Compactor({
      files: options.files,
      segments,
      findIndex: (id) => this.#indexes.get(id),
      isInCheckpoint: (location) => this.#checkpointer.pages.has(location),
      unreadable: ({ name }, err) =>
        options.log.warn('a segment cannot be read, and is not compacted', { file: name, err }),
      whenSafe: () => this.#committer.whenCommitted(this.#committer.lastPosition),
      now,
    })
    const committer = (): Committer => this.#committer
    this.#parts = {
      segments,
      counters: this.counters,
      get committer() {
        return committer()
      },
      pager: this.#pager,
      loader: this.#loader,
      forget: (index) => this.#indexes.delete(index.id),
    }
  }

  #now(): number {
    return this.#options.now?.() ?? wallClock()
  }

  // ---- start ----

  async #recover(): Promise<void> {
    const { files, log } = this.#options
    // everything is looked at before anything is changed
    const { segments: found, unreadable } = await findSegments(files)
    const { checkpoint, damaged } = await readCheckpoint(files)
    await files.makeFolder(FOLDER)
    await files.syncFolder('')
    for (const name of await files.list(FOLDER)) if (name.endsWith('.new')) await files.remove(`${FOLDER}/${name}`)
    for (const file of unreadable) this.#report({ file, offset: 0, bytes: 64, queueIds: [], reason: 'no valid header' })
    if (damaged) await this.#setCheckpointAside()
    const recovery = new Recovery({
      files,
      segments: this.#segments,
      pager: this.#pager,
      log,
      indexOf: (id) => this.#indexOf(id),
      indexes: () => this.#indexes.values(),
      reportDamage: (report) => this.#report(report),
      readOnly: false,
    })
    const { highestQueueId, batchNumber } = await recovery.run(found, checkpoint)
    this.highestQueueId = highestQueueId
    const segment = await this.#segments.create(KIND_JOURNAL, this.#now())
    this.#committer = new Committer(
      {
        segments: this.#segments,
        turn: this.#options.turn,
        segmentBytes: this.#options.segmentBytes,
        now: () => this.#now(),
        barrier: () => this.barrier(),
        release: (content) => this.#memory.release(content),
        committed: () => this.#onCommitted(),
        relieved: () => this.#onRelief(),
        failed: (error) => this.#fail(error),
      },
      segment,
    )
    this.#committer.batchNumber = batchNumber
    this.#checkpointer = new Checkpointer({
      files,
      segments: this.#segments,
      committer: this.#committer,
      pager: this.#pager,
      indexes: () => this.#indexes.values(),
      highestQueueId: () => this.highestQueueId,
      now: () => this.#now(),
    })
    if (this.#options.housekeepingMs <= 0) return
    this.#timer = setInterval(() => this.#look(), this.#options.housekeepingMs)
    this.#timer.unref()
  }

  /** Without it the journal is read from its beginning: messages that were settled may come back, and none is lost. */
  async #setCheckpointAside(): Promise<void> {
    const { files } = this.#options
    this.#report({
      file: CHECKPOINT,
      offset: 0,
      bytes: 0,
      queueIds: [],
      reason: 'the checkpoint is damaged: messages that had been consumed may come back',
    })
    await files.makeFolder(QUARANTINE)
    await files.rename(CHECKPOINT, `${QUARANTINE}/checkpoint-${this.#now()}`)
  }

  #indexOf(id: number): QueueIndex {
    let index = this.#indexes.get(id)
    if (index === undefined) {
      index = new QueueIndex(id, this.#parts)
      this.#indexes.set(id, index)
    }
    return index
  }

  queue(id: number): QueueLog {
    const index = this.#indexOf(id)
    index.claimed = true
    if (id > this.highestQueueId) this.highestQueueId = id
    return index
  }

  // ---- for whoever looks at a data directory ----

  queueIds(): number[] {
    return [...this.#indexes.keys()]
  }

  segmentFacts(): { file: string; kind: number; bytes: number; live: number; liveBytes: number; compacted: boolean }[] {
    return [...this.#segments.byId.values()]
      .filter((segment) => segment !== this.#committer.segment)
      .map(({ name, kind, fileBytes, live, liveBytes, file }) => ({
        file: name,
        kind,
        bytes: fileBytes,
        live,
        liveBytes,
        compacted: file.compacted,
      }))
  }

  /** A location for people. */
  describeLocation(location: number): string {
    return `${segmentName(segmentOf(location), KIND_JOURNAL)}, offset ${offsetOf(location)}`
  }

  forgetUnclaimed(): number {
    let messages = 0
    for (const index of [...this.#indexes.values()]) {
      if (index.claimed) continue
      messages += index.counts().messages
      index.delete()
    }
    return messages
  }

  // ---- damage ----

  /** One listener, which is also told what was found before. */
  onDamage(listener: (report: DamageReport) => void): void {
    this.#onDamage = listener
    for (const report of this.#unheardDamages.splice(0)) listener(report)
  }

  #report(report: DamageReport): void {
    if (this.#onDamage === null) this.#unheardDamages.push(report)
    else this.#onDamage(report)
  }

  #onDamagedRecord(index: QueueIndex, { location, recordBytes, number }: Row, reason: string): void {
    this.#report({
      ...this.#placeOf(location),
      bytes: recordBytes,
      queueIds: [index.id],
      reason: `message ${number} is lost: ${reason}`,
    })
    const segment = this.#segments.byId.get(segmentOf(location))
    if (segment !== undefined)
      this.#keeping = this.#keeping.then(() => this.#keepDamaged(segment, offsetOf(location), recordBytes))
  }

  /** Where a record is, or where it was if compaction has left it out. */
  #placeOf(location: number): { readonly file: string; readonly offset: number } {
    const segment = this.#segments.byId.get(segmentOf(location))
    const offset = offsetOf(location)
    if (segment === undefined) return { file: segmentName(segmentOf(location), KIND_JOURNAL), offset }
    const place = placeIn(segment.file, offset)
    return { file: segment.name, offset: place < 0 ? offset : place }
  }

  async #keepDamaged(segment: Segment, offset: number, bytes: number): Promise<void> {
    try {
      const file = await this.#segments.hold(segment)
      try {
        const buffer = Buffer.alloc(bytes)
        const place = placeIn(file, offset)
        if (place < 0) return
        const got = await this.#segments.read(file, buffer, bytes, place)
        await quarantine(this.#options.files, segment, place, buffer.subarray(0, got))
      } finally {
        this.#segments.letGo(file)
      }
    } catch (error) {
      this.#options.log.warn('damaged bytes could not be kept', { file: segment.name, offset, err: error })
    }
  }

  /** What the page listed is looked for in the messages themselves. */
  async #onDamagedPage(page: IndexPage, reason: string): Promise<boolean> {
    const segments = this.#segments
    const facts = { ...this.#placeOf(page.location), bytes: page.recordBytes, queueIds: [page.queueId] }
    const rows = await findRows(page, segments)
    if (page.live === 0) return false
    if (rows === null) {
      this.#report({ ...facts, reason: `an index page is lost, and ${page.live} messages with it: ${reason}` })
      this.#indexes.get(page.queueId)?.lose(page)
      return false
    }
    for (const { segmentId, count, bytes } of page.uses) segments.use(segmentId, -count, -bytes)
    const lost = page.rebuild(rows)
    for (const { segmentId, count, bytes } of page.uses) segments.use(segmentId, count, bytes)
    this.#report({ ...facts, reason: `an index page was damaged, and made anew; ${lost} messages are lost: ${reason}` })
    return page.live > 0
  }

  // ---- contents ----

  allocate(bytes: number): Buffer {
    return this.#memory.allocate(bytes)
  }

  adopt(content: Content): void {
    this.#memory.adopt(content)
  }

  release(content: Content): void {
    this.#memory.release(content)
  }

  stats(): MessageStoreStats {
    return this.#memory.stats()
  }

  diskStats(): StoreDiskStats {
    let bytes = 0
    let liveBytes = 0
    let indexBytes = 0
    for (const segment of this.#segments.byId.values()) {
      bytes += segment.fileBytes
      liveBytes += segment.liveBytes
    }
    for (const index of this.#indexes.values()) indexBytes += index.residentBytes
    const { waitingBytes } = this.#committer
    return { files: this.#segments.byId.size, bytes, liveBytes, waitingBytes, indexBytes }
  }

  // ---- commits ----

  begin(): number {
    return this.#committer.begin()
  }

  end(): number {
    return this.#committer.end()
  }

  get committed(): number {
    return this.#committer.committed
  }

  get lastPosition(): number {
    return this.#committer.lastPosition
  }

  onCommitted(listener: () => void): void {
    this.#onCommitted = listener
  }

  get congested(): boolean {
    return this.#committer.congested
  }

  onRelief(listener: () => void): void {
    this.#onRelief = listener
  }

  setRoom(bytes: number): void {
    this.#committer.setRoom(bytes)
  }

  #fail(error: Error): void {
    // whoever opens it hears of it
    if (!this.#isOpen || this.#failed !== null) return
    this.#failed = error
    // nothing more is confirmed, whatever it was that failed
    this.#committer.fail(error)
    this.#options.onFailure(error)
  }

  // ---- tidying up ----

  /** Bytes of all files of the store. */
  get diskBytes(): number {
    return this.#segments.diskBytes
  }

  #look(): void {
    if (this.#housekeeping !== null || this.#failed !== null) return
    const { bytesWritten } = this.#committer
    this.#quiet = bytesWritten === this.#bytesAtLook ? this.#quiet + 1 : 0
    this.#bytesAtLook = bytesWritten
    for (const segment of this.#segments.byId.values()) {
      const { sealed, liveBytes, liveBytesAtLook } = segment
      segment.isFading = liveBytesAtLook < 0 || liveBytes < liveBytesAtLook * FADING_SHARE
      segment.liveBytesAtLook = sealed ? liveBytes : -1
    }
    const isDue = bytesWritten - this.#checkpointer.bytesAtLast >= this.#options.checkpointBytes
    const garbage = this.#garbageBytes()
    if (isDue || garbage >= GARBAGE_BYTES || (garbage > 0 && this.#quiet >= QUIET_LOOKS)) void this.tidy()
  }

  #garbageBytes(): number {
    let bytes = 0
    const current = [this.#committer.segment, this.#pager.current]
    for (const segment of this.#segments.byId.values()) {
      const isCurrent = current.includes(segment)
      if (isCurrent ? this.#shouldEndEarly(segment) : segment.live === 0 || this.#shouldCompact(segment)) {
        bytes += segment.fileBytes - segment.liveBytes
      }
    }
    return bytes
  }

  /** Writes a checkpoint, removes what is no longer needed, and compacts what hardly is. */
  tidy(): Promise<void> {
    this.#housekeeping ??= this.#tidy()
      .catch((error: unknown) => this.#fail(error as Error))
      .finally(() => (this.#housekeeping = null))
    return this.#housekeeping
  }

  async #tidy(): Promise<void> {
    if (this.#shouldEndEarly(this.#committer.segment)) await this.#committer.startSegment()
    const paging = this.#pager.current
    if (paging !== null && this.#shouldEndEarly(paging)) await this.#pager.startSegment()
    const firstKept = this.#committer.segment.id
    await this.#removeAll(await this.#checkpointer.write(false))
    for (const segment of [...this.#segments.byId.values()]) {
      const isOld = segment.sealed && (segment.kind !== KIND_JOURNAL || segment.id < firstKept)
      if (isOld && segment.live > 0 && this.#shouldCompact(segment)) await this.#compactor.compact(segment)
    }
  }

  async #removeAll(dead: readonly Segment[]): Promise<void> {
    for (const segment of dead) await this.#segments.remove(segment)
    if (dead.length > 0) await this.#options.files.syncFolder(FOLDER)
  }

  #shouldCompact({ fileBytes, liveBytes, unreadable, isFading }: Segment): boolean {
    const isSmall = fileBytes < Math.min(COMPACT_BYTES_MIN, this.#options.segmentBytes / 4)
    return !isSmall && !unreadable && !isFading && liveBytes < fileBytes * COMPACT_SHARE
  }

  #shouldEndEarly({ size, liveBytes }: Segment): boolean {
    return size >= Math.min(EARLY_SEAL_BYTES, this.#options.segmentBytes / 4) && liveBytes < size * COMPACT_SHARE
  }

  /** Everything recorded so far is on disk, or never will be. */
  drained(): Promise<void> {
    return this.#committer.drained()
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer)
    await this.#housekeeping
    await this.#loader.drained()
    try {
      if (this.#failed === null) {
        await this.#committer.drained()
        await this.#removeAll(await this.#checkpointer.write(true))
      }
    } catch (error) {
      this.#fail(error as Error)
    }
    await this.#closeFiles()
    await this.#memory.close()
  }

  /** None is closed while something is done with it: its number may be another file's by then. */
  async #closeFiles(): Promise<void> {
    this.#committer.close()
    await this.#committer.quiet()
    await this.#pager.close()
    await this.#keeping
    try {
      await this.#segments.close()
    } catch (error) {
      this.#fail(error as Error)
    }
  }
}
