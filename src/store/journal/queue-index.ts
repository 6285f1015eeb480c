import {
  BEING_SPILLED,
  CANCELLED,
  type ExpiryVisitor,
  type LoadVisitor,
  NOT_STORED,
  PENDING,
  type QueueEntry,
  type QueueLog,
  type Range,
  type RecoveredLevel,
  STATE_READY,
  STATE_RETURNED,
  type StoreCounters,
  type StoredCounts,
} from '../message-store.ts'
import type { Committer } from './committer.ts'
import { offsetOf, segmentOf } from './format.ts'
import { IndexPage, Row, type RowUpdate, shareOf } from './index-page.ts'
import type { Loader } from './loader.ts'
import { PageList } from './page-list.ts'
import type { Pager } from './pager.ts'
import type { Segments } from './segments.ts'

/** `QueueEntry.row`: the row in its page, and whether the record serves several queues. */
const ROW_MASK = 0xfff
const SHARED = 0x1000

/** What queues share. */
export interface QueueParts {
  readonly segments: Segments
  readonly counters: StoreCounters
  readonly committer: Committer
  readonly pager: Pager
  readonly loader: Loader
  forget(index: QueueIndex): void
}

// Of a queue at which there is nothing of the kind, as at most: never written to.
const NOTHING_DEFERRED = new Map<QueueEntry, RowUpdate>()
const NO_LEVELS: readonly RecoveredLevel[] = []
const NO_NUMBERS: readonly number[] = []
const NOTHING_DROPS: ReadonlySet<IndexPage> = new Set<IndexPage>()

/** Filled and used up in one go. */
const scratch = new Row()

/** One queue in the store: the index of its messages on disk. */
export class QueueIndex implements QueueLog {
  readonly id: number
  /** Messages that a restart brings back. */
  readonly logged: PageList
  /** Messages that only left memory. */
  readonly transient: PageList
  lastNumber = 0
  deliveredUpTo = 0
  /** `deliveredUpTo` as it was when the store was opened after a crash. */
  deliveredBefore = 0
  /** Of the last message that came back. */
  lastOrder = 0
  deleted = false
  /** Somebody asked for it since the store was opened. */
  claimed = false
  recoveredLevels: readonly RecoveredLevel[] = NO_LEVELS
  /** Numbers of messages that were not ready when the store was opened, in the order in which to load them. */
  recoveredUnready: readonly number[] = NO_NUMBERS
  /** DROP and RELEVEL records of it that are in no batch yet: what they do to the rows depends on when it is done. */
  sweeping = 0
  /** Messages written and read back since the store was opened. */
  writes = 0
  reads = 0
  readonly #parts: QueueParts
  /** The state of entries that have no row yet. */
  #deferred = NOTHING_DEFERRED
  #dropping: Set<IndexPage> | null = null

  constructor(id: number, parts: QueueParts) {
    this.id = id
    this.#parts = parts
    this.logged = new PageList(id, false)
    this.transient = new PageList(id, true)
  }

  // ---- changes ----

  enqueue(entry: QueueEntry): number {
    return this.#parts.committer.enqueue(this, entry)
  }

  settle(entry: QueueEntry): void {
    if (this.deleted) return
    if (entry.location === PENDING) {
      entry.location = CANCELLED
      this.#deferred.delete(entry)
      this.#parts.committer.cancelled()
      return
    }
    const page = entry.page as IndexPage
    if (!page.transient) this.#parts.committer.settled(this.id, entry.number)
    this.#kill(
      page,
      entry.row & ROW_MASK,
      entry.location,
      entry.recordBytes,
      entry.message.bodyLength,
      entry.row >= SHARED,
    )
    entry.location = CANCELLED
  }

  #kill(page: IndexPage, row: number, location: number, share: number, bodyBytes: number, isShared: boolean): void {
    page.kill(row, location, share, bodyBytes, isShared)
    this.#parts.segments.use(segmentOf(location), -1, -share)
    if (page.live === 0) this.#removeDead(page)
  }

  #removeDead(page: IndexPage): void {
    if ((page.transient ? this.transient : this.logged).removeDead(page)) this.#parts.pager.forget(page)
  }

  /** Kills a row that is in memory, as `settle` does for an entry. */
  killRow(page: IndexPage, row: number): void {
    const { location, recordBytes, bodyBytes, sharers } = page.read(row, scratch)
    this.#kill(page, row, location, shareOf(recordBytes, sharers), bodyBytes, sharers > 1)
  }

  /** Settles a message that could not be read. */
  settleRow(page: IndexPage, at: number, { number, location, recordBytes, bodyBytes, sharers }: Row): void {
    if (!page.transient) this.#parts.committer.settled(this.id, number)
    this.#kill(page, at, location, shareOf(recordBytes, sharers), bodyBytes, sharers > 1)
  }

  /** The row follows at once, as it does when a message is settled: who reads it back, or drops it, must not find an earlier state. */
  update(entry: QueueEntry, state: number, dueAt: number, mark: number): void {
    if (this.deleted || (entry.location !== PENDING && entry.location <= 0)) return
    const { number, deliveryCount, acquiredCount, redelivered, level } = entry
    const update = { queueId: this.id, number, dueAt, deliveryCount, acquiredCount, state, mark, redelivered, level }
    const change = { ...update, order: state === STATE_RETURNED ? ++this.lastOrder : 0 }
    if (entry.location === PENDING) this.#defer(entry, change)
    else (entry.page as IndexPage).update(entry.row & ROW_MASK, change)
    if (entry.page !== this.transient && !(entry.page instanceof IndexPage && entry.page.transient))
      this.#parts.committer.updated(this, entry, update)
  }

  #defer(entry: QueueEntry, change: RowUpdate): void {
    if (this.#deferred === NOTHING_DEFERRED) this.#deferred = new Map()
    this.#deferred.set(entry, change)
  }

  /** An UPDATE record is read after a restart. */
  changeRow(page: IndexPage, row: number, update: Omit<RowUpdate, 'order'>): void {
    const order = update.state === STATE_RETURNED ? ++this.lastOrder : 0
    page.update(row, { ...update, order })
  }

  markDelivered(number: number): number {
    if (number > this.deliveredUpTo) this.deliveredUpTo = number
    return this.#parts.committer.delivered(this, this.deliveredUpTo)
  }

  relevel(levels: readonly number[]): number {
    for (const list of [this.logged, this.transient]) for (const page of list.pages) page.relevel(levels)
    for (const [entry, change] of this.#deferred) this.#deferred.set(entry, { ...change, level: entry.level })
    this.recoveredLevels = mergeLevels(this.recoveredLevels, levels)
    return this.#parts.committer.relevelled(this, levels)
  }

  /** A RELEVEL record is read after a restart. */
  changeLevels(levels: readonly number[]): void {
    for (const page of this.logged.pages) page.relevel(levels)
  }

  promote(entry: QueueEntry): number {
    const { location } = entry
    const page: unknown = entry.page
    if (this.deleted || location === CANCELLED) return 0
    if (location === PENDING) return page === this.transient ? BEING_SPILLED : 0
    if (location !== NOT_STORED) {
      if (!(page as IndexPage).transient) return 0
      this.settle(entry)
    }
    return this.enqueue(entry)
  }

  isRecorded({ location, page }: QueueEntry): boolean {
    if (location === PENDING) return (page as unknown) !== this.transient
    return location > 0 && !(page as IndexPage).transient
  }

  /** The entry's record has been put together. */
  addRow(entry: QueueEntry, location: number, recordBytes: number, sharers: number): void {
    const row = scratch
    row.number = entry.number
    row.location = location
    row.expiresAt = entry.expiresAt
    row.recordBytes = recordBytes
    row.bodyBytes = entry.message.bodyLength
    row.sharers = sharers
    row.level = entry.level
    this.writes++
    this.#parts.counters.messagesWritten++
    const list = (entry.page as unknown) === this ? this.logged : this.transient
    this.appendRow(list, row, entry)
  }

  /** What the entry went through before the store knew it is in no record: its row has it from now on. */
  keepCounts(entry: QueueEntry): void {
    const { redelivered, deliveryCount, acquiredCount } = entry
    if (!redelivered && acquiredCount === 0) return
    const { level } = entry
    const change = { state: STATE_READY, dueAt: 0, mark: 0, order: 0, redelivered, deliveryCount, acquiredCount, level }
    const page = entry.page as IndexPage
    page.update(entry.row & ROW_MASK, change)
  }

  appendRow(list: PageList, row: Row, entry: QueueEntry | null): void {
    const page = list.pageFor(row.number)
    const at = page.append(row)
    const share = shareOf(row.recordBytes, row.sharers)
    this.#parts.segments.use(segmentOf(row.location), 1, share)
    if (page.full) this.#parts.pager.list(page)
    if (row.number > this.lastNumber) this.lastNumber = row.number
    if (entry === null) return
    entry.location = row.location
    entry.recordBytes = share
    entry.page = page
    entry.row = row.sharers > 1 ? at | SHARED : at
    const change = this.#deferred.get(entry)
    if (change === undefined) return
    this.#deferred.delete(entry)
    page.update(at, change)
  }

  /** Gives a loaded entry its place. */
  place(entry: QueueEntry, page: IndexPage, at: number, row: Row): void {
    entry.location = row.location
    entry.recordBytes = shareOf(row.recordBytes, row.sharers)
    entry.page = page
    entry.row = row.sharers > 1 ? at | SHARED : at
  }

  // ---- leaving memory ----

  isStored(entry: QueueEntry): boolean {
    if (entry.location <= 0) return false
    const segment = this.#parts.segments.find(segmentOf(entry.location))
    return segment.sealed || offsetOf(entry.location) < segment.written
  }

  spill(entries: readonly QueueEntry[], done: () => void): void {
    this.#parts.pager.spill(this, entries, done)
  }

  gather(entries: readonly QueueEntry[], done: () => void): boolean {
    return this.#parts.pager.gather(this, entries, done)
  }

  /** The entry's record has a copy, which is the one to use from now on. */
  relocate(entry: QueueEntry, to: number, recordBytes: number): void {
    const page = entry.page as IndexPage
    page.relocate(entry.row & ROW_MASK, entry.location, to, entry.recordBytes, recordBytes, recordBytes)
    this.#parts.segments.use(segmentOf(entry.location), -1, -entry.recordBytes)
    this.#parts.segments.use(segmentOf(to), 1, recordBytes)
    entry.location = to
    entry.recordBytes = recordBytes
  }

  // ---- reading back ----

  load(range: Range, messagesMax: number, bytesMax: number, visitor: LoadVisitor): void {
    this.#parts.loader.load(this, range, { messagesMax, bytesMax, expiredAt: -1, last: false }, visitor)
  }

  loadLast(range: Range, messagesMax: number, bytesMax: number, visitor: LoadVisitor): void {
    this.#parts.loader.load(this, range, { messagesMax, bytesMax, expiredAt: -1, last: true }, visitor)
  }

  loadExpired(range: Range, now: number, messagesMax: number, visitor: LoadVisitor): void {
    const limits = { messagesMax, bytesMax: 1024 * 1024, expiredAt: now, last: false }
    this.#parts.loader.load(this, range, limits, visitor)
  }

  earliestExpiry({ from, to }: Range): number {
    let earliest = -1
    for (const list of [this.logged, this.transient]) {
      for (const { earliestExpiry, live } of list.overlapping(from, to)) {
        if (live > 0 && earliestExpiry >= 0 && (earliest < 0 || earliestExpiry < earliest)) earliest = earliestExpiry
      }
    }
    return earliest
  }

  collectExpiring(after: number, until: number, visitor: ExpiryVisitor): void {
    this.#parts.loader.collectExpiring(this, after, until, visitor)
  }

  loadNumbers(numbers: readonly number[], bytesMax: number, visitor: LoadVisitor): void {
    this.#parts.loader.loadNumbers(this, numbers, bytesMax, visitor)
  }

  findPresent(numbers: readonly number[], done: (present: ReadonlySet<number>) => void): void {
    this.#parts.loader.findPresent(this, numbers, done)
  }

  settleNumbers(numbers: readonly number[]): void {
    if (this.deleted) return
    const onDisk = new Map<IndexPage, number[]>()
    for (const number of numbers) {
      for (const list of [this.logged, this.transient]) {
        for (const page of [...list.covering(number)]) {
          if (page.resident) {
            this.#settleNumber(page, number)
          } else {
            if (!page.transient) this.#parts.committer.settled(this.id, number)
            const others = onDisk.get(page)
            if (others === undefined) onDisk.set(page, [number])
            else others.push(number)
          }
        }
      }
    }
    for (const [page, those] of onDisk) this.#settleLater(page, those)
  }

  #settleNumber(page: IndexPage, number: number): void {
    const at = page.rowOf(number)
    if (at < 0 || !page.isLive(at)) return
    if (!page.transient) this.#parts.committer.settled(this.id, number)
    this.killRow(page, at)
  }

  /** The page's rows are on disk: they are read first. That the messages are gone is recorded already. */
  #settleLater(page: IndexPage, numbers: readonly number[]): void {
    ;(this.#dropping ??= new Set()).add(page)
    const settle = (isThere: boolean): void => {
      this.#dropping?.delete(page)
      if (!isThere || this.deleted) return
      for (const number of numbers) {
        // with the last of its messages the page goes, and its rows; the other numbers are those of another page
        if (page.live === 0) return
        const at = page.rowOf(number)
        if (at >= 0 && page.isLive(at)) this.killRow(page, at)
      }
    }
    this.#parts.pager.rowsOf(page).then(settle, () => settle(false))
  }

  drop({ from, to, level }: Range): void {
    if (this.deleted) return
    this.#parts.committer.dropped(this, { queueId: this.id, from, to, level })
    for (const list of [this.logged, this.transient]) this.dropFrom(list, from, to, level)
  }

  /** Pages whose rows are on disk are read first: their part of it is done later. */
  dropFrom(list: PageList, from: number, to: number, level: number): void {
    for (const page of [...list.overlapping(from, to)]) {
      if (page.first >= from && page.last <= to && page.level === level && page.unready === 0)
        this.#dropPage(list, page)
      else if (page.resident) this.dropRows(page, from, to, level)
      else {
        ;(this.#dropping ??= new Set()).add(page)
        // others stay, even if they are ready or of this level by the time that the rows are there
        const asked = page.askRows(from, to, level)
        const drop = (isThere: boolean): void => {
          this.#dropping?.delete(page)
          if (!isThere || this.deleted) return
          for (const row of asked.found) {
            if (page.isLive(row) && page.stateAt(row) === STATE_READY) this.killRow(page, row)
          }
        }
        this.#parts.pager.rowsOf(page).then(drop, () => drop(false))
      }
    }
  }

  #dropPage(list: PageList, page: IndexPage): void {
    for (const { segmentId, count, bytes } of page.uses) {
      if (count > 0) this.#parts.segments.use(segmentId, -count, -bytes)
    }
    page.killAll()
    list.remove(page)
    this.#parts.pager.forget(page)
  }

  /** The page's rows are lost, and its messages with them. */
  lose(page: IndexPage): void {
    this.#dropPage(page.transient ? this.transient : this.logged, page)
  }

  dropRows(page: IndexPage, from: number, to: number, level: number): void {
    for (let row = 0; row < page.rows; row++) {
      if (!page.isLive(row) || page.levelAt(row) !== level || page.stateAt(row) !== STATE_READY) continue
      const number = page.numberAt(row)
      if (number >= from && number <= to) this.killRow(page, row)
    }
  }

  // ---- after a restart ----

  recovered(): readonly RecoveredLevel[] {
    return this.recoveredLevels
  }

  loadRecovered(visitor: LoadVisitor): void {
    const numbers = this.recoveredUnready
    this.recoveredUnready = NO_NUMBERS
    this.#parts.loader.loadNumbers(this, numbers, Infinity, visitor)
  }

  // ---- the whole ----

  counts(): StoredCounts {
    let messages = 0
    let bodyBytes = 0
    let pagedOut = 0
    let pagedOutShared = 0
    let diskBytes = 0
    let indexBytes = 0
    for (const list of [this.logged, this.transient]) {
      for (const page of list.pages) {
        messages += page.live
        bodyBytes += page.bodyBytes
        diskBytes += page.recordBytes
        indexBytes += page.residentBytes
        for (const { bytes } of page.uses) diskBytes += bytes
        if (page.resident) continue
        pagedOut += page.live
        pagedOutShared += page.shared
      }
    }
    const { writes, reads } = this
    return { messages, bodyBytes, pagedOut, pagedOutShared, diskBytes, indexBytes, writes, reads }
  }

  /** A message of it has been read back. */
  countRead(): void {
    this.reads++
    this.#parts.counters.messagesRead++
  }

  /** Pages whose rows are read for a drop. */
  get dropping(): ReadonlySet<IndexPage> {
    return this.#dropping ?? NOTHING_DROPS
  }

  /** Bytes of its index pages in memory. */
  get residentBytes(): number {
    let bytes = 0
    for (const list of [this.logged, this.transient]) for (const page of list.pages) bytes += page.residentBytes
    return bytes
  }

  delete(): void {
    if (this.deleted) return
    this.deleted = true
    this.#deferred.clear()
    for (const list of [this.logged, this.transient]) {
      for (const page of [...list.pages]) this.#dropPage(list, page)
    }
    this.#parts.forget(this)
  }
}

/** What levels that become one have together. */
function mergeLevels(recovered: readonly RecoveredLevel[], levels: readonly number[]): RecoveredLevel[] {
  const merged = new Map<number, RecoveredLevel>()
  for (const one of recovered) {
    const level = levels[one.level] ?? one.level
    const other = merged.get(level)
    merged.set(level, {
      level,
      count: one.count + (other?.count ?? 0),
      bytes: one.bytes + (other?.bytes ?? 0),
      from: Math.min(one.from, other?.from ?? one.from),
      to: Math.max(one.to, other?.to ?? one.to),
    })
  }
  return [...merged.values()]
}
