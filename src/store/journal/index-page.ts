/**
 * One page of a queue's index: up to 512 messages of one queue, by number. What is always in memory is which of them are live and a
 * few sums; the rows themselves can be left on disk alone.
 *
 * A row has 48 bytes, seen as six float64 (f0 to f5) and twelve uint32 (u0 to u11) over the same bytes:
 *
 *     f0       location of the MESSAGE record
 *     f1       expires at, ms since the epoch, or -1
 *     f2       due at, ms since the epoch, or 0
 *     u6       number - number of the first row
 *     u7       bytes of the record
 *     u8       bytes of the body
 *     u9       delivery count (low 16 bits) and acquired count (high 16 bits), 65535 for all beyond
 *     u10      order of return, with STATE_RETURNED
 *     u11      bit 0 redelivered | bits 2-3 state | bits 4-15 queues that share the record, 4095 for all beyond | bits 16-23 level
 *              | bits 24-31 mark
 */
import {
  PAGE_FIXED_BYTES,
  RECORD_HEADER_BYTES,
  RECORD_PAGE,
  readU16,
  readU48,
  segmentOf,
  writeU16,
  writeU48,
} from './format.ts'

export const PAGE_ROWS = 512
const ROW_BYTES = 48
const F = ROW_BYTES / 8
const U = ROW_BYTES / 4
const FIRST_ROWS = 8
const COUNT_MAX = 0xffff
const SHARERS_MAX = 0xfff
const REDELIVERED = 1

/** `IndexPage.level` of a page that has several. */
export const MIXED_LEVELS = -1

/** What a page has in one segment. */
export interface SegmentUse {
  readonly segmentId: number
  /** Live rows. */
  count: number
  /** Their shares of the bytes of their records. */
  bytes: number
}

/** What a row says, for those who read or write many: one object is used again and again. */
export class Row {
  number = 0
  location = 0
  expiresAt = -1
  dueAt = 0
  recordBytes = 0
  bodyBytes = 0
  deliveryCount = 0
  acquiredCount = 0
  order = 0
  redelivered = false
  state = 0
  sharers = 1
  level = 0
  mark = 0
}

export const shareOf = (recordBytes: number, sharers: number): number => Math.ceil(recordBytes / sharers)

/** Which ready rows of a page had a level and numbers in a range when that was asked. */
export interface AskedRows {
  readonly from: number
  readonly to: number
  readonly level: number
  /** Of all rows then, or MIXED_LEVELS. */
  readonly pageLevel: number
  /** Rows that were not ready then. */
  readonly unready: ReadonlySet<number>
  /** Levels that rows had then and their page on disk does not say. */
  readonly levels: ReadonlyMap<number, number>
  /** The answer, as soon as the rows are there. */
  readonly found: number[]
}

export class IndexPage {
  readonly queueId: number
  /** Whether its messages are gone after a restart. */
  readonly transient: boolean
  /** Number of the first row. */
  first = 0
  /** Number of the last row. */
  last = 0
  rows = 0
  live = 0
  /** Body bytes of live rows. */
  bodyBytes = 0
  /** Live rows whose record several queues share. */
  shared = 0
  /** Live rows that are not in STATE_READY. */
  unready = 0
  /** No live row that may be in core's range expires earlier; -1 when none does. */
  earliestExpiry = -1
  /** The same of those that were given to core as expired: if what became of them is not safe, they are in the range again after a restart. */
  #takenExpiry = -1
  /** Of all rows, or MIXED_LEVELS. */
  level = 0
  uses: SegmentUse[] = []
  /** Where its PAGE record is, or 0; and its length. */
  location = 0
  recordBytes = 0
  /** Rows differ from what is on disk. */
  dirty = false
  /** Being read; all who want the rows wait for the same. */
  loading: Promise<boolean> | null = null
  /** Being written with this version of its rows. */
  version = 0
  /** The bytes with which it is in the list of pages whose rows may be given up; 0 while it is not. */
  listedBytes = 0
  #bits = new Uint32Array(1)
  /** Changes of rows that are on disk only, to be made when they are read. None of these rows was unready on disk. */
  #waiting: Map<number, RowUpdate> | null = null
  /** Changes of all levels while the rows are on disk only, and questions about levels between them, for when the rows are read. */
  #deferred: (readonly number[] | AskedRows)[] = []
  #f: Float64Array | null
  #u: Uint32Array | null

  constructor(queueId: number, transient: boolean, resident = true) {
    this.queueId = queueId
    this.transient = transient
    const bytes = resident ? new ArrayBuffer(FIRST_ROWS * ROW_BYTES) : null
    this.#f = bytes === null ? null : new Float64Array(bytes)
    this.#u = bytes === null ? null : new Uint32Array(bytes)
  }

  /** Whether its rows are in memory. */
  get resident(): boolean {
    return this.#f !== null
  }

  get residentBytes(): number {
    return this.#f === null ? 0 : this.#f.byteLength
  }

  get full(): boolean {
    return this.rows === PAGE_ROWS
  }

  /** Whether row i is number first + i. */
  get contiguous(): boolean {
    return this.last - this.first === this.rows - 1
  }

  /** No live row has a lower number; the lowest one's itself where numbers are contiguous. */
  get lowest(): number {
    if (!this.contiguous) return this.first
    let row = 0
    while (row < this.rows && !this.isLive(row)) row++
    return this.first + row
  }

  isLive(row: number): boolean {
    return (this.#bits[row >>> 5]! & (1 << (row & 31))) !== 0
  }

  /** @returns the new row's index */
  append(given: Row): number {
    const row = this.rows++
    if (row === 0) {
      this.first = given.number
      this.level = given.level
    } else if (given.level !== this.level) this.level = MIXED_LEVELS
    this.last = given.number
    this.#grow(row)
    this.#put(row, given)
    this.#bits[row >>> 5]! |= 1 << (row & 31)
    this.live++
    this.#count(given)
    this.expectExpiry(given.expiresAt)
    this.#changed()
    return row
  }

  #put(row: number, given: Row): void {
    const f = row * F
    const u = row * U
    this.#f![f] = given.location
    this.#f![f + 1] = given.expiresAt
    this.#f![f + 2] = 0
    this.#u![u + 6] = given.number - this.first
    this.#u![u + 7] = given.recordBytes
    this.#u![u + 8] = given.bodyBytes
    this.#u![u + 9] = 0
    this.#u![u + 10] = 0
    this.#u![u + 11] = (Math.min(given.sharers, SHARERS_MAX) << 4) | (given.level << 16)
  }

  #count(given: Row): void {
    this.bodyBytes += given.bodyBytes
    if (given.sharers > 1) this.shared++
    this.#use(segmentOf(given.location), 1, shareOf(given.recordBytes, given.sharers))
  }

  /** @param at when a live row expires (ms since the epoch), or -1 */
  expectExpiry(at: number): void {
    if (at >= 0 && (this.earliestExpiry < 0 || at < this.earliestExpiry)) this.earliestExpiry = at
  }

  /** A live row that expires then is given to core, which ends the message. */
  tookExpiring(at: number): void {
    if (this.#takenExpiry < 0 || at < this.#takenExpiry) this.#takenExpiry = at
  }

  /** What `earliestExpiry` is to be after a restart. */
  get earliestExpiryAnew(): number {
    const taken = this.#takenExpiry
    if (taken < 0) return this.earliestExpiry
    return this.earliestExpiry < 0 ? taken : Math.min(taken, this.earliestExpiry)
  }

  #grow(row: number): void {
    if (row >= this.#bits.length * 32) {
      const bits = new Uint32Array(Math.min(this.#bits.length * 2, PAGE_ROWS / 32))
      bits.set(this.#bits)
      this.#bits = bits
    }
    if (row * F < this.#f!.length) return
    const bytes = new ArrayBuffer(Math.min(row * 2, PAGE_ROWS) * ROW_BYTES)
    const f = new Float64Array(bytes)
    f.set(this.#f!)
    this.#f = f
    this.#u = new Uint32Array(bytes)
  }

  #changed(): void {
    this.dirty = true
    this.version++
  }

  #use(segmentId: number, count: number, bytes: number): void {
    for (const use of this.uses) {
      if (use.segmentId !== segmentId) continue
      use.count += count
      use.bytes += bytes
      return
    }
    this.uses.push({ segmentId, count, bytes })
  }

  /** The message is gone. Works without the rows: the caller knows what they say. */
  kill(row: number, location: number, share: number, bodyBytes: number, isShared: boolean): void {
    this.#bits[row >>> 5]! &= ~(1 << (row & 31))
    this.live--
    this.bodyBytes -= bodyBytes
    if (isShared) this.shared--
    this.#use(segmentOf(location), -1, -share)
    if (this.unready > 0 && this.#stateOf(row) !== 0) this.unready--
  }

  /** Everything is gone. */
  killAll(): void {
    this.#bits.fill(0)
    this.live = 0
    this.bodyBytes = 0
    this.shared = 0
    this.unready = 0
    this.uses = []
  }

  // ---- rows; only while they are resident ----

  numberAt(row: number): number {
    return this.first + this.#u![row * U + 6]!
  }

  levelAt(row: number): number {
    return (this.#u![row * U + 11]! >>> 16) & 0xff
  }

  expiryAt(row: number): number {
    return this.#f![row * F + 1]!
  }

  #stateOf(row: number): number {
    return this.#u === null ? (this.#waiting?.get(row)?.state ?? 0) : (this.#u[row * U + 11]! >>> 2) & 3
  }

  stateAt(row: number): number {
    return this.#stateOf(row)
  }

  /** Of a page whose rows are on disk: the ready ones of a level and of numbers in a range as it is now, answered when they are read. */
  askRows(from: number, to: number, level: number): AskedRows {
    // rows that changed since they were given up: the others are ready
    const changed = [...(this.#waiting ?? [])]
    const asked: AskedRows = {
      from,
      to,
      level,
      pageLevel: this.level,
      unready: new Set(changed.filter(([, { state }]) => state !== 0).map(([row]) => row)),
      levels: new Map(changed.filter((one) => one[1].level >= 0).map(([row, change]) => [row, change.level])),
      found: [],
    }
    this.#deferred.push(asked)
    return asked
  }

  #answer({ from, to, level, pageLevel, unready, levels, found }: AskedRows): void {
    for (let row = 0; row < this.rows; row++) {
      if (!this.isLive(row) || unready.has(row)) continue
      const levelThen = pageLevel === MIXED_LEVELS ? (levels.get(row) ?? this.levelAt(row)) : pageLevel
      const number = this.numberAt(row)
      if (levelThen === level && number >= from && number <= to) found.push(row)
    }
  }

  /** @returns whether levels have changed */
  #doDeferred(relevels: boolean): boolean {
    const deferred = this.#deferred
    this.#deferred = []
    let changes = false
    for (const one of deferred) {
      if ('found' in one) this.#answer(one)
      else if (relevels) {
        this.#relevelRows(one)
        changes = true
      }
    }
    return changes
  }

  /** @returns the row of a number, or -1. Needs no rows where numbers are contiguous. */
  rowOf(number: number): number {
    if (this.rows === 0 || number < this.first || number > this.last) return -1
    if (this.contiguous) return number - this.first
    const delta = number - this.first
    for (let low = 0, high = this.rows - 1; low <= high;) {
      const middle = (low + high) >>> 1
      const found = this.#u![middle * U + 6]!
      if (found === delta) return middle
      if (found < delta) low = middle + 1
      else high = middle - 1
    }
    return -1
  }

  read(row: number, into: Row): Row {
    const f = row * F
    const u = row * U
    const counts = this.#u![u + 9]!
    const bits = this.#u![u + 11]!
    into.location = this.#f![f]!
    into.expiresAt = this.#f![f + 1]!
    into.dueAt = this.#f![f + 2]!
    into.number = this.first + this.#u![u + 6]!
    into.recordBytes = this.#u![u + 7]!
    into.bodyBytes = this.#u![u + 8]!
    into.deliveryCount = counts & COUNT_MAX
    into.acquiredCount = counts >>> 16
    into.order = this.#u![u + 10]!
    into.redelivered = (bits & REDELIVERED) !== 0
    into.state = (bits >>> 2) & 3
    into.sharers = (bits >>> 4) & SHARERS_MAX
    into.level = (bits >>> 16) & 0xff
    into.mark = bits >>> 24
    return into
  }

  /** Works without the rows, too: the change is then made when they are read. */
  update(row: number, change: RowUpdate): void {
    if (this.#stateOf(row) !== 0) this.unready--
    if (change.state !== 0) this.unready++
    if (change.level >= 0 && this.rows > 1 && change.level !== this.level) this.level = MIXED_LEVELS
    else if (change.level >= 0 && this.rows === 1) this.level = change.level
    if (this.#u === null) (this.#waiting ??= new Map()).set(row, change)
    else this.#write(row, change)
    this.#changed()
  }

  #write(row: number, change: RowUpdate): void {
    const u = row * U
    this.#f![row * F + 2] = change.dueAt
    this.#u![u + 9] =
      (Math.min(change.deliveryCount, COUNT_MAX) | (Math.min(change.acquiredCount, COUNT_MAX) << 16)) >>> 0
    this.#u![u + 10] = change.order
    if (change.level >= 0) this.#setLevel(this.#u!, row, change.level)
    this.#u![u + 11] =
      ((this.#u![u + 11]! & 0x00ff_fff0) |
        (change.redelivered ? REDELIVERED : 0) |
        (change.state << 2) |
        (change.mark << 24)) >>>
      0
  }

  /** All rows change their level: to the one that `levels` has for theirs. Works without the rows, too. */
  relevel(levels: readonly number[]): void {
    for (const [row, change] of this.#waiting ?? []) {
      if (change.level >= 0) this.#waiting!.set(row, { ...change, level: levels[change.level] ?? change.level })
    }
    if (this.level !== MIXED_LEVELS) this.level = levels[this.level] ?? this.level
    if (this.#u === null) this.#deferred.push(levels)
    else {
      this.#relevelRows(levels)
      this.#findLevel()
    }
    this.#changed()
  }

  #relevelRows(levels: readonly number[]): void {
    const u = this.#u!
    for (let row = 0; row < this.rows; row++) {
      const level = this.levelAt(row)
      this.#setLevel(u, row, levels[level] ?? level)
    }
  }

  #setLevel(u: Uint32Array, row: number, level: number): void {
    u[row * U + 11] = ((u[row * U + 11]! & 0xff00_ffff) | (level << 16)) >>> 0
  }

  /** Levels may have become one. */
  #findLevel(): void {
    if (this.level !== MIXED_LEVELS || this.rows === 0) return
    const first = this.levelAt(0)
    for (let row = 1; row < this.rows; row++) if (this.levelAt(row) !== first) return
    this.level = first
  }

  /** The record has a copy elsewhere, which is the one that counts from now on. */
  relocate(row: number, from: number, to: number, share: number, recordBytes: number, newShare: number): void {
    this.#f![row * F] = to
    this.#u![row * U + 7] = recordBytes
    this.#use(segmentOf(from), -1, -share)
    this.#use(segmentOf(to), 1, newShare)
    this.#changed()
  }

  // ---- to disk and back ----

  /** Bytes of its PAGE record. */
  get encodedBytes(): number {
    return PAGE_FIXED_BYTES + this.rows * ROW_BYTES
  }

  /** Writes the record but for length and checksum. */
  encode(out: Buffer, at: number): void {
    out.fill(0, at + RECORD_HEADER_BYTES, at + PAGE_FIXED_BYTES)
    out[at + 8] = RECORD_PAGE
    writeU16(out, at + 10, this.rows)
    writeU48(out, at + 12, this.queueId)
    writeU48(out, at + 18, this.first)
    const rows = this.#f!
    Buffer.from(rows.buffer, 0, this.rows * ROW_BYTES).copy(out, at + PAGE_FIXED_BYTES)
  }

  /** Takes the rows of a PAGE record that has been verified. @returns whether it is the record of this page */
  adoptRows(record: Buffer, at: number): boolean {
    if (record[at + 8] !== RECORD_PAGE || readU16(record, at + 10) !== this.rows) return false
    if (readU48(record, at + 12) !== this.queueId || readU48(record, at + 18) !== this.first) return false
    const bytes = new ArrayBuffer(this.rows * ROW_BYTES)
    record.copy(Buffer.from(bytes), 0, at + PAGE_FIXED_BYTES, at + PAGE_FIXED_BYTES + this.rows * ROW_BYTES)
    this.#f = new Float64Array(bytes)
    this.#u = new Uint32Array(bytes)
    const isRelevelled = this.#doDeferred(true)
    for (const [row, change] of this.#waiting ?? []) this.#write(row, change)
    this.#waiting = null
    if (isRelevelled) this.#findLevel()
    return true
  }

  /**
   * Takes rows that were found elsewhere in place of those that are lost, each at its own place; null where there is none. What was live
   * and has no row is gone. @returns how many those are
   */
  rebuild(rows: readonly (Row | null)[]): number {
    const bytes = new ArrayBuffer(rows.length * ROW_BYTES)
    this.#f = new Float64Array(bytes)
    this.#u = new Uint32Array(bytes)
    this.uses = []
    this.bodyBytes = 0
    this.shared = 0
    let lost = 0
    for (const [at, row] of rows.entries()) {
      // the message's record has the level that it had first
      if (row !== null && this.level !== MIXED_LEVELS) row.level = this.level
      if (row !== null) this.#put(at, row)
      if (!this.isLive(at)) continue
      if (row === null) {
        this.#bits[at >>> 5]! &= ~(1 << (at & 31))
        lost++
      } else this.#count(row)
    }
    this.live -= lost
    this.#doDeferred(this.level === MIXED_LEVELS)
    for (const [row, change] of this.#waiting ?? []) this.#write(row, change)
    this.#waiting = null
    this.unready = rows.reduce((sum, _, at) => (this.isLive(at) && this.#stateOf(at) !== 0 ? sum + 1 : sum), 0)
    this.#changed()
    return lost
  }

  /** Whether the rows may be left to the disk. Those that are not ready are kept: their state must be known when it changes. */
  get canGiveUpRows(): boolean {
    return this.resident && !this.dirty && this.location > 0 && this.unready === 0
  }

  /** Leaves the rows to the disk. */
  giveUpRows(): void {
    this.#f = null
    this.#u = null
  }

  /** Which rows are live, for a checkpoint. */
  get bits(): Uint32Array {
    return this.#bits
  }

  /** Takes what a checkpoint says. */
  restoreBits(bits: Uint32Array | null): void {
    const words = Math.ceil(this.rows / 32)
    this.#bits = new Uint32Array(Math.max(1, words))
    if (bits !== null) this.#bits.set(bits.subarray(0, words))
    else for (let row = 0; row < this.rows; row++) this.#bits[row >>> 5]! |= 1 << (row & 31)
  }
}

/** What an UPDATE record changes. */
export interface RowUpdate {
  readonly state: number
  readonly dueAt: number
  readonly mark: number
  readonly redelivered: boolean
  readonly deliveryCount: number
  readonly acquiredCount: number
  readonly order: number
  /** -1 where it stays. */
  readonly level: number
}
