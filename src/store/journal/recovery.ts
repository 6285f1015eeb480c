import type { Log } from '../../telemetry/log.ts'
import { STATE_READY, STATE_RETURNED } from '../message-store.ts'
import { type Checkpoint, decodeCheckpoint } from './checkpoint.ts'
import type { StoreFile, StoreFiles } from '../files.ts'
import {
  CHECKPOINT,
  decodeSegmentHeader,
  FLAG_TRANSIENT,
  FOLDER,
  KIND_JOURNAL,
  KIND_PAGING,
  locationOf,
  offsetOf,
  QUARANTINE,
  RECORD_DELIVERED,
  RECORD_DROP,
  RECORD_HEADER_BYTES,
  RECORD_MESSAGE,
  RECORD_RELEVEL,
  RECORD_SETTLE,
  RECORD_UPDATE,
  SEGMENT_HEADER_BYTES,
  segmentOf,
  readU32,
} from './format.ts'
import { type IndexPage, MIXED_LEVELS, Row } from './index-page.ts'
import { readMoves } from './move-table.ts'
import type { Pager } from './pager.ts'
import type { QueueIndex } from './queue-index.ts'
import {
  deliveredAt,
  dropAt,
  eachRecord,
  listCount,
  queuesOf,
  relevelAt,
  settleAt,
  targetAt,
  targetCount,
  updateAt,
} from './record-reader.ts'
import { type Damage, type Scan, scanSegment, skipRecord, walkSegment, WHOLLY_SYNCED } from './segment-scan.ts'
import { Segment, type Segments } from './segments.ts'

/** Something that cannot be read. */
export interface DamageReport {
  readonly file: string
  readonly offset: number
  readonly bytes: number
  /** Ids of the queues that are touched, as far as can be told. */
  readonly queueIds: readonly number[]
  readonly reason: string
}

export interface RecoveryHost {
  readonly files: StoreFiles
  readonly segments: Segments
  readonly pager: Pager
  readonly log: Log
  indexOf(queueId: number): QueueIndex
  indexes(): Iterable<QueueIndex>
  reportDamage(report: DamageReport): void
  /** Keep everything as it is: damage is reported, and stays. */
  readonly readOnly: boolean
}

/** What a data directory had. */
export interface Recovered {
  readonly checkpoint: Checkpoint | null
  readonly highestQueueId: number
  readonly batchNumber: number
  readonly replayedRecords: number
}

/** The names and headers of all segments, looked at before anything is changed. @throws NewerFormatError */
export async function findSegments(files: StoreFiles): Promise<{ segments: Segment[]; unreadable: string[] }> {
  const segments: Segment[] = []
  const unreadable: string[] = []
  for (const name of (await files.list(FOLDER)).toSorted()) {
    const match = /^(\d{8,})\.(journal|paging)$/.exec(name)
    if (match === null) continue
    const path = `${FOLDER}/${name}`
    const file = await files.open(path, 'read', false)
    try {
      const size = await file.size()
      const header = Buffer.alloc(SEGMENT_HEADER_BYTES)
      await file.read(header, 0, SEGMENT_HEADER_BYTES, 0)
      const decoded = size < SEGMENT_HEADER_BYTES ? null : decodeSegmentHeader(header, path)
      const compacted = decoded === null ? await hasTable(file) : decoded.compacted
      // with no more than a header, or a part of one, it is what was being made when the broker ended
      if (decoded === null && size > SEGMENT_HEADER_BYTES) unreadable.push(path)
      const kind = match[2] === 'journal' ? KIND_JOURNAL : KIND_PAGING
      segments.push(asFound(new Segment(Number(match[1]), kind, compacted), size))
    } finally {
      await file.close()
    }
  }
  return { segments: segments.toSorted((a, b) => a.id - b.id), unreadable }
}

/** What the header would say. */
async function hasTable(file: StoreFile): Promise<boolean> {
  const { first, second } = await readMoves(file)
  return first !== null || second !== null
}

function asFound(segment: Segment, size: number): Segment {
  segment.size = size
  segment.written = size
  segment.synced = size
  segment.fileBytes = size
  segment.sealed = true
  return segment
}

/** @returns null where there is none @throws NewerFormatError */
export async function readCheckpoint(files: StoreFiles): Promise<{ checkpoint: Checkpoint | null; damaged: boolean }> {
  let file: StoreFile
  try {
    file = await files.open(CHECKPOINT, 'read', false)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { checkpoint: null, damaged: false }
    throw error
  }
  try {
    const bytes = Buffer.allocUnsafeSlow(await file.size())
    await file.read(bytes, 0, bytes.length, 0)
    const checkpoint = decodeCheckpoint(bytes, CHECKPOINT)
    return { checkpoint, damaged: checkpoint === null }
  } finally {
    await file.close()
  }
}

/** Rebuilds the indexes of all queues from the last checkpoint and the journal after it. */
export class Recovery {
  readonly #host: RecoveryHost
  readonly #row = new Row()
  #highestQueueId = 0
  #records = 0
  #batchNumber = 0
  /** By queue id: what comes before this location is in the checkpoint. */
  readonly #trueUpTo = new Map<number, number>()

  constructor(host: RecoveryHost) {
    this.#host = host
  }

  async run(found: readonly Segment[], checkpoint: Checkpoint | null): Promise<Recovered> {
    const { segments } = this.#host
    for (const segment of found) segments.adopt(segment)
    if (checkpoint !== null) this.#restore(checkpoint)
    else for (const segment of found) if (segment.kind === KIND_PAGING) await this.#addCopies(segment)
    const replayFrom = checkpoint?.replayFrom ?? 0
    const journal = found.filter(({ id, kind }) => kind === KIND_JOURNAL && id >= segmentOf(replayFrom))
    for (const segment of journal) {
      const from = segment.id === segmentOf(replayFrom) ? offsetOf(replayFrom) : SEGMENT_HEADER_BYTES
      await this.#replay(segment, Math.max(from, SEGMENT_HEADER_BYTES), segment === journal.at(-1))
    }
    for (const index of this.#host.indexes()) await this.#summarise(index)
    return {
      checkpoint,
      highestQueueId: this.#highestQueueId,
      batchNumber: this.#batchNumber,
      replayedRecords: this.#records,
    }
  }

  // ---- the checkpoint ----

  #restore(checkpoint: Checkpoint): void {
    const { segments } = this.#host
    segments.nextId = Math.max(segments.nextId, checkpoint.nextSegmentId)
    this.#highestQueueId = checkpoint.highestQueueId
    this.#batchNumber = checkpoint.batchNumber
    for (const { id, size } of checkpoint.segments) {
      const segment = segments.byId.get(id)
      if (segment?.file.compacted) segment.size = Math.max(segment.size, size)
    }
    for (const { id, lastNumber, deliveredUpTo, lastOrder, trueUpTo, pages } of checkpoint.queues) {
      const index = this.#indexOf(id)
      index.lastNumber = lastNumber
      index.deliveredUpTo = deliveredUpTo
      index.lastOrder = lastOrder
      this.#trueUpTo.set(id, trueUpTo)
      index.logged.restore(pages)
      for (const page of pages) this.#use(page, checkpoint)
    }
  }

  #use(page: IndexPage, checkpoint: Checkpoint): void {
    const { segments } = this.#host
    const ids = [segmentOf(page.location), ...page.uses.map(({ segmentId }) => segmentId)]
    for (const id of ids) if (!segments.byId.has(id)) this.#reportMissing(id, page.queueId, checkpoint)
    segments.use(ids[0]!, 1, page.recordBytes)
    for (const { segmentId, count, bytes } of page.uses) segments.use(segmentId, count, bytes)
  }

  /** What is in it will be reported message by message as it is asked for. */
  #reportMissing(id: number, queueId: number, checkpoint: Checkpoint): void {
    const kind = checkpoint.segments.find((segment) => segment.id === id)?.kind ?? KIND_JOURNAL
    const segment = asFound(new Segment(id, kind), 0)
    this.#host.segments.adopt(segment)
    const report = { file: segment.name, offset: 0, bytes: 0, queueIds: [queueId], reason: 'the file is missing' }
    this.#host.reportDamage(report)
  }

  #indexOf(queueId: number): QueueIndex {
    this.#highestQueueId = Math.max(this.#highestQueueId, queueId)
    return this.#host.indexOf(queueId)
  }

  // ---- the journal ----

  async #replay(segment: Segment, from: number, isLast: boolean): Promise<void> {
    const syncedTo = isLast ? from : WHOLLY_SYNCED
    const scan = await scanSegment(this.#host.segments, segment, from, syncedTo, (bytes, at, offset) =>
      this.#apply(bytes, at, locationOf(segment.id, offset)),
    )
    this.#batchNumber = Math.max(this.#batchNumber, scan.batchNumber)
    for (const damage of scan.damages) await this.#onDamage(segment, damage, scan)
    if (isLast && !this.#host.readOnly) await this.#cut(segment, scan)
  }

  /** What `at` has begins at `location`; the records of a transaction lie behind it. */
  #apply(bytes: Buffer, at: number, location: number): Promise<void> | undefined {
    this.#records++
    const slow: number[] = []
    eachRecord(bytes, at, (inner) => {
      if (bytes[inner + 8] === RECORD_MESSAGE) this.#addMessage(bytes, inner, location + inner - at)
      else slow.push(inner)
    })
    return slow.length === 0 ? undefined : this.#applySlowly(bytes, slow, location)
  }

  /**
   * Messages that were written once more to lie together. Their originals may be gone, which only the checkpoint would say. What the
   * journal says of them comes later, whatever the order of the segments; where it has the original, that is their beginning. What is
   * damaged here was never synced, perhaps.
   */
  async #addCopies(segment: Segment): Promise<void> {
    const { segments, files, readOnly } = this.#host
    const file = await segments.hold(segment)
    let counts = false
    try {
      await walkSegment(segments, file, segment.id, (bytes, at, _place, offset) => {
        const isCopy = bytes[at + 8] === RECORD_MESSAGE && (bytes[at + 9]! & FLAG_TRANSIENT) === 0
        if (isCopy) this.#addMessage(bytes, at, locationOf(segment.id, offset))
        counts ||= isCopy
        return undefined
      })
    } finally {
      segments.letGo(file)
    }
    if (counts && !readOnly) await syncFile(files, segment)
  }

  #isNews(queueId: number, location: number): boolean {
    return location >= (this.#trueUpTo.get(queueId) ?? 0)
  }

  #addMessage(bytes: Buffer, at: number, location: number): void {
    const sharers = targetCount(bytes, at)
    for (let i = 0; i < sharers; i++) {
      const { queueId, number, expiresAt, level } = targetAt(bytes, at, i)
      if (!this.#isNews(queueId, location)) continue
      const index = this.#indexOf(queueId)
      const row = this.#row
      row.number = number
      row.location = location
      row.expiresAt = expiresAt
      row.recordBytes = RECORD_HEADER_BYTES + readU32(bytes, at)
      row.bodyBytes = readU32(bytes, at + 20)
      row.sharers = sharers
      row.level = level
      if (!hasNumber(index, number)) index.appendRow(index.logged, row, null)
      else this.#beginAnew(index, row)
    }
  }

  /**
   * A copy came first, with the level that the message had when it was copied. All that follows in the journal is done to it once more,
   * and so it begins with the level that the message began with.
   */
  #beginAnew(index: QueueIndex, row: Row): void {
    for (const page of index.logged.covering(row.number)) {
      const at = page.rowOf(row.number)
      if (at >= 0 && page.isLive(at)) index.changeRow(page, at, row)
    }
  }

  async #applySlowly(bytes: Buffer, records: readonly number[], location: number): Promise<void> {
    for (const at of records) {
      for (let i = 0; i < listCount(bytes, at); i++) {
        switch (bytes[at + 8]) {
          case RECORD_SETTLE:
            await this.#settle(settleAt(bytes, at, i), location)
            break
          case RECORD_UPDATE:
            await this.#update(updateAt(bytes, at, i), location)
            break
          case RECORD_DELIVERED:
            this.#deliver(deliveredAt(bytes, at, i), location)
            break
          case RECORD_DROP:
            await this.#drop(dropAt(bytes, at, i), location)
            break
          case RECORD_RELEVEL:
            this.#relevel(relevelAt(bytes, at, i), location)
            break
          default:
            return // SKIP
        }
      }
    }
  }

  async #settle({ queueId, first, count }: ReturnType<typeof settleAt>, location: number): Promise<void> {
    if (!this.#isNews(queueId, location)) return
    const index = this.#indexOf(queueId)
    for (let number = first; number < first + count; number++) {
      for (const page of [...index.logged.covering(number)]) {
        if (!page.resident && !(await this.#host.pager.rowsOf(page))) continue
        const row = page.rowOf(number)
        if (row >= 0 && page.isLive(row)) index.killRow(page, row)
      }
    }
  }

  async #update(update: ReturnType<typeof updateAt>, location: number): Promise<void> {
    if (!this.#isNews(update.queueId, location)) return
    const index = this.#indexOf(update.queueId)
    for (const page of [...index.logged.covering(update.number)]) {
      if (!page.resident && !(await this.#host.pager.rowsOf(page))) continue
      const row = page.rowOf(update.number)
      if (row >= 0 && page.isLive(row)) index.changeRow(page, row, update)
    }
  }

  #deliver({ queueId, upTo }: ReturnType<typeof deliveredAt>, location: number): void {
    if (!this.#isNews(queueId, location)) return
    const index = this.#indexOf(queueId)
    index.deliveredUpTo = Math.max(index.deliveredUpTo, upTo)
  }

  #relevel({ queueId, levels }: ReturnType<typeof relevelAt>, location: number): void {
    if (this.#isNews(queueId, location)) this.#indexOf(queueId).changeLevels(levels)
  }

  async #drop({ queueId, from, to, level }: ReturnType<typeof dropAt>, location: number): Promise<void> {
    if (!this.#isNews(queueId, location)) return
    const index = this.#indexOf(queueId)
    for (const page of [...index.logged.overlapping(from, to)]) {
      // one by one: the rows of one page may go while those of the next are read
      if (!page.resident) await this.#host.pager.rowsOf(page)
      index.dropFrom(index.logged, Math.max(from, page.first), Math.min(to, page.last), level)
    }
  }

  // ---- damage ----

  async #onDamage(segment: Segment, damage: Damage, { end }: Scan): Promise<void> {
    const { log, readOnly } = this.#host
    const { offset, length, isTail } = damage
    const facts = { file: segment.name, offset, bytes: length }
    if (isTail) log.info('cut what was being written when the broker ended', facts)
    else this.#host.reportDamage({ ...facts, queueIds: namedIn(damage), reason: 'no valid record' })
    if (readOnly) return
    if (!isTail) await this.#quarantine(segment, damage)
    if (offset < end && length > RECORD_HEADER_BYTES) {
      await this.#overwrite(segment, offset, skipRecord(damage.bytes, segment.id))
    }
  }

  async #quarantine(segment: Segment, { offset, bytes }: Damage): Promise<void> {
    await quarantine(this.#host.files, segment, offset, bytes)
  }

  async #overwrite(segment: Segment, offset: number, bytes: Buffer): Promise<void> {
    const file = await this.#host.files.open(segment.name, 'write', true)
    try {
      await file.write([bytes], offset)
    } finally {
      await file.close()
    }
  }

  async #cut(segment: Segment, { end, bytes }: Scan): Promise<void> {
    await syncFile(this.#host.files, segment, end < bytes.length ? end : Infinity)
    asFound(segment, end)
  }

  // ---- what core is told ----

  /** Only pages of several levels, and such with messages that are not ready, have to be read for it. */
  async #summarise(index: QueueIndex): Promise<void> {
    const levels = new Map<number, { count: number; bytes: number; from: number; to: number }>()
    const unready: { number: number; order: number }[] = []
    const add = (level: number, count: number, bytes: number, from: number, to: number): void => {
      const sum = levels.get(level)
      if (sum === undefined) levels.set(level, { count, bytes, from, to })
      else {
        sum.count += count
        sum.bytes += bytes
        sum.from = Math.min(sum.from, from)
        sum.to = Math.max(sum.to, to)
      }
    }
    for (const page of [...index.logged.pages]) {
      if (page.live === 0) continue
      if (page.level !== MIXED_LEVELS && page.unready === 0) {
        add(page.level, page.live, page.bodyBytes, page.lowest, page.last)
        continue
      }
      if (!(await this.#host.pager.rowsOf(page))) continue
      for (let at = 0; at < page.rows; at++) {
        if (!page.isLive(at)) continue
        const { number, level, bodyBytes, state, order } = page.read(at, this.#row)
        if (state === STATE_READY) add(level, 1, bodyBytes, number, number)
        else unready.push({ number, order: state === STATE_RETURNED ? order : 0 })
      }
    }
    index.recoveredLevels = [...levels].map(([level, sum]) => ({ level, ...sum }))
    index.recoveredUnready = unready
      .toSorted((a, b) => a.order - b.order || a.number - b.number)
      .map(({ number }) => number)
    index.deliveredBefore = index.deliveredUpTo
    index.lastNumber = Math.max(index.lastNumber, index.deliveredUpTo)
  }
}

function hasNumber(index: QueueIndex, number: number): boolean {
  return index.logged.covering(number).some((page) => (page.resident || page.contiguous) && page.rowOf(number) >= 0)
}

/**
 * What counts of a segment is on disk from now on: a process that was killed may have left it to the system, which may lose it yet.
 * @param end where it is cut off, if that is not Infinity
 */
async function syncFile(files: StoreFiles, segment: Segment, end = Infinity): Promise<void> {
  const file = await files.open(segment.name, 'write', false)
  try {
    if (end < Infinity) await file.truncate(end)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Keeps bytes that could not be read, for whoever wants to look. */
export async function quarantine(files: StoreFiles, segment: Segment, offset: number, bytes: Buffer): Promise<void> {
  await files.makeFolder(QUARANTINE)
  const name = `${QUARANTINE}/${segment.name.slice(FOLDER.length + 1)}-${offset}`
  await files.remove(name)
  const file = await files.open(name, 'create', false)
  try {
    await file.write([bytes], 0)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Best effort: what is damaged may say nonsense. */
function namedIn({ bytes }: Damage): number[] {
  try {
    return [...queuesOf(bytes, 0)].filter((id) => id > 0 && id < 0x1_0000_0000).slice(0, 100)
  } catch {
    return []
  }
}
