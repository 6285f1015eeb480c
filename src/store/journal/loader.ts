import { setImmediate } from 'node:timers/promises'
import {
  CANCELLED,
  type ExpiryVisitor,
  type LoadedMessage,
  type LoadVisitor,
  type Range,
  STATE_READY,
} from '../message-store.ts'
import { RingDeque } from '../../util/ring-deque.ts'
import { offsetOf, readU32, RECORD_MESSAGE, segmentOf } from './format.ts'
import { IndexPage, Row } from './index-page.ts'
import { GAP_BYTES, type Pager } from './pager.ts'
import type { PageRun } from './page-list.ts'
import type { QueueIndex } from './queue-index.ts'
import { messageHeadAt, validRecord } from './record-reader.ts'
import { isLoss, placeIn, type Segment, type Segments } from './segments.ts'

/** One read takes no more than this, unless a single record is larger. */
const SPAN_BYTES = 1024 * 1024
/** Reads of one load that go on at the same time. */
const READS_MAX = 4
/** Reads below this get a buffer of their own size. */
const POOLED_BYTES = 128 * 1024
/** Loads that go on at the same time: each takes some memory. */
const LOADS_MAX = 6
/** Buffers kept for the next load. */
const SPARE_BUFFERS = 4
/** The same of what it wants: as much as two large loads. */
const SPARE_WANTED = 4096

/** Stands for none. */
const NO_PAGE = new IndexPage(0, true, false)

export interface LoadLimits {
  readonly messagesMax: number
  readonly bytesMax: number
  /** Only what has expired by then (ms since the epoch); -1 for all. */
  readonly expiredAt: number
  /** From the highest number on downwards. */
  readonly last: boolean
}

export interface LoaderHost {
  readonly segments: Segments
  readonly pager: Pager
  /** A record cannot be read: reported, and kept in the quarantine. */
  damagedRecord(index: QueueIndex, row: Row, reason: string): void
  failed(error: Error): void
}

/** A message that is to be read. */
class Wanted {
  page: IndexPage = NO_PAGE
  at = 0
  readonly row = new Row()
  /** Where its record is, once that has been read. */
  buffer: Buffer | null = null
  offset = 0
  reason = ''

  set(page: IndexPage, at: number): void {
    this.page = page
    this.at = at
    page.read(at, this.row)
  }

  clear(): void {
    this.page = NO_PAGE
    this.buffer = null
    this.reason = ''
  }
}

/** What is wanted lives as long as its load, which the collector would have to move each of them for: they are used again. */
class WantedPool {
  readonly #spare: Wanted[] = []

  take(page: IndexPage, at: number): Wanted {
    const one = this.#spare.pop() ?? new Wanted()
    one.set(page, at)
    return one
  }

  giveBack(all: readonly Wanted[]): void {
    for (const one of all) {
      if (this.#spare.length >= SPARE_WANTED) return
      one.clear()
      this.#spare.push(one)
    }
  }
}

interface Request {
  readonly index: QueueIndex
  readonly collect: () => Promise<Wanted[]>
  readonly visitor: LoadVisitor
}

/** Records of one segment that lie close together. */
interface Span {
  readonly wanted: Wanted[]
  from: number
  to: number
}

/** Reads messages back: rows first, then their records, which lie together mostly, in few large reads. */
export class Loader {
  readonly #host: LoaderHost
  readonly #spare: Buffer[] = []
  readonly #loaded = new Loaded()
  readonly #pool = new WantedPool()
  readonly #waiting = new RingDeque<Request>()
  #running = 0
  #idle: PromiseWithResolvers<void> | null = null

  constructor(host: LoaderHost) {
    this.#host = host
  }

  load(index: QueueIndex, range: Range, limits: LoadLimits, visitor: LoadVisitor): void {
    this.#start({ index, collect: () => this.#collect(index, range, limits), visitor })
  }

  /** Messages by number, in the order given, whatever their state. */
  loadNumbers(index: QueueIndex, numbers: readonly number[], bytesMax: number, visitor: LoadVisitor): void {
    this.#start({ index, collect: () => this.#collectNumbers(index, numbers, bytesMax), visitor })
  }

  /** When messages expire: only rows are read for it. */
  collectExpiring(index: QueueIndex, after: number, until: number, visitor: ExpiryVisitor): void {
    const collect = async (): Promise<Wanted[]> => {
      await this.#collectExpiring(index, after, until, visitor)
      return []
    }
    this.#start({ index, collect, visitor: new CollectEnd(() => visitor.onCollectEnd()) })
  }

  /** Which messages of a queue are there after a restart: rows are only read where their numbers have gaps. */
  findPresent(index: QueueIndex, numbers: readonly number[], done: (present: ReadonlySet<number>) => void): void {
    const present = new Set<number>()
    const collect = async (): Promise<Wanted[]> => {
      const { logged } = index
      for (const number of numbers) {
        if (!logged.mayHave(number)) continue
        for (const page of [...logged.covering(number)]) if (!page.contiguous) await this.#host.pager.rowsOf(page)
        if (logged.mayHave(number)) present.add(number)
      }
      return []
    }
    this.#start({ index, collect, visitor: new CollectEnd(() => done(present)) })
  }

  #start(request: Request): void {
    this.#waiting.push(request)
    if (this.#running < LOADS_MAX) void this.#work()
  }

  async #work(): Promise<void> {
    this.#running++
    // so that nobody is called from within the call that asked
    await Promise.resolve()
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      try {
        await this.#load(next)
      } catch (error) {
        this.#host.failed(error as Error)
      }
    }
    this.#running--
    if (this.#running === 0) this.#idle?.resolve()
  }

  /** Resolves when no load is under way. */
  async drained(): Promise<void> {
    if (this.#running === 0) return
    this.#idle ??= Promise.withResolvers<void>()
    await this.#idle.promise
    this.#idle = null
  }

  async #load({ index, collect, visitor }: Request): Promise<void> {
    const wanted = await collect()
    const buffers: Buffer[] = []
    try {
      await this.#readAll(wanted, buffers)
      for (const one of wanted) this.#visit(index, one, visitor)
    } finally {
      for (const buffer of buffers) {
        if (buffer.length === SPAN_BYTES && this.#spare.length < SPARE_BUFFERS) this.#spare.push(buffer)
      }
      this.#pool.giveBack(wanted)
    }
    visitor.onLoadEnd()
  }

  // ---- rows ----

  async #collect(index: QueueIndex, range: Range, limits: LoadLimits): Promise<Wanted[]> {
    const found: Wanted[] = []
    const runs = [...index.logged.runs, ...index.transient.runs].filter(({ pages }) => pages.length > 0)
    for (const run of runs) await this.#collectFrom(index, run, range, limits, found)
    const sign = limits.last ? -1 : 1
    if (runs.length > 1) found.sort((a, b) => sign * (a.row.number - b.row.number))
    let bytes = 0
    for (let i = 0; i < found.length; i++) {
      bytes += found[i]!.row.recordBytes
      if (i === 0 || (i < limits.messagesMax && bytes <= limits.bytesMax)) continue
      // the estimates of their pages were made as if they were loaded
      if (limits.expiredAt >= 0) for (const { page, row } of found.slice(i)) page.expectExpiry(row.expiresAt)
      return found.slice(0, i)
    }
    return found
  }

  async #collectFrom(
    index: QueueIndex,
    run: PageRun,
    range: Range,
    limits: LoadLimits,
    found: Wanted[],
  ): Promise<void> {
    const { from, to } = range
    let count = 0
    let bytes = 0
    let next = limits.last ? to : from
    while (next >= from && next <= to && count < limits.messagesMax && bytes < limits.bytesMax) {
      const page = limits.last ? run.upTo(next) : run.pages[run.indexFrom(next)]
      if (page === undefined || page.first > to || page.last < from) return
      next = limits.last ? page.first - 1 : page.last + 1
      const { expiredAt } = limits
      const hasExpired = expiredAt < 0 || (page.earliestExpiry >= 0 && page.earliestExpiry <= expiredAt)
      if (page.live === 0 || !hasExpired) continue
      if (!hasRows(index, page) && !(await this.#rowsOf(index, page))) continue
      const before = found.length
      if (expiredAt < 0) takeReady(page, range, limits, this.#pool, found)
      else takeExpired(page, range, limits, this.#pool, found)
      for (let i = before; i < found.length; i++) bytes += found[i]!.row.recordBytes
      count += found.length - before
    }
  }

  /**
   * Waits for a page's rows, and until those are gone that were to be dropped as soon as the rows are there: they may have come to the
   * range's level meanwhile, and would take the place of others. @returns false when the rows are lost, or no longer wanted
   */
  async #rowsOf(index: QueueIndex, page: IndexPage): Promise<boolean> {
    do {
      if (!page.resident && !(await this.#host.pager.rowsOf(page))) return false
      await Promise.resolve()
    } while (!hasRows(index, page))
    return true
  }

  async #collectNumbers(index: QueueIndex, numbers: readonly number[], bytesMax: number): Promise<Wanted[]> {
    const found: Wanted[] = []
    let bytes = 0
    for (const number of numbers) {
      if (bytes >= bytesMax) break
      for (const page of [...index.logged.covering(number), ...index.transient.covering(number)]) {
        if (!hasRows(index, page) && !(await this.#rowsOf(index, page))) continue
        // the last of it may have gone as soon as the rows were there
        if (page.live === 0) continue
        const at = page.rowOf(number)
        if (at < 0 || !page.isLive(at)) continue
        const one = this.#pool.take(page, at)
        bytes += one.row.recordBytes
        found.push(one)
      }
    }
    // one more than there is room for, unless it is the only one
    if (bytes > bytesMax && found.length > 1) found.pop()
    return found
  }

  async #collectExpiring(index: QueueIndex, after: number, until: number, visitor: ExpiryVisitor): Promise<void> {
    for (const list of [index.logged, index.transient]) {
      for (const page of list.pages.slice()) {
        const { earliestExpiry, live } = page
        if (live === 0 || earliestExpiry < 0 || earliestExpiry > until) continue
        // a turn for each page: there may be thousands
        if (page.resident) await setImmediate()
        if (!page.resident && !(await this.#host.pager.rowsOf(page))) continue
        if (index.deleted) return
        tellExpiring(page, after, until, visitor)
      }
    }
  }

  // ---- records ----

  async #readAll(wanted: readonly Wanted[], buffers: Buffer[]): Promise<void> {
    const bySegment = new Map<number, Wanted[]>()
    for (const one of wanted) {
      const id = segmentOf(one.row.location)
      const others = bySegment.get(id)
      if (others === undefined) bySegment.set(id, [one])
      else others.push(one)
    }
    for (const [id, ones] of bySegment) await this.#readFrom(id, ones, buffers)
  }

  async #readFrom(id: number, wanted: readonly Wanted[], buffers: Buffer[]): Promise<void> {
    // a segment may go while the rows are collected, when its last message does
    const segment = this.#host.segments.byId.get(id)
    if (segment === undefined) return
    try {
      await this.#readSpans(segment, wanted, buffers)
    } catch {
      // one by one, since only what cannot be read even so is lost, and not what lies beside it
      for (const one of wanted) if (one.buffer === null) await this.#readAlone(segment, one, buffers)
    }
  }

  async #readAlone(segment: Segment, one: Wanted, buffers: Buffer[]): Promise<void> {
    try {
      await this.#readSpans(segment, [one], buffers)
    } catch (error) {
      if (!isLoss(error)) throw error
      one.reason = (error as Error).message
    }
  }

  async #readSpans(segment: Segment, wanted: readonly Wanted[], buffers: Buffer[]): Promise<void> {
    const { segments } = this.#host
    const file = await segments.hold(segment)
    try {
      const spans = spansOf(
        wanted.map((one) => {
          one.offset = placeIn(file, offsetOf(one.row.location))
          return one
        }),
      )
      let next = 0
      let failure: Error | null = null
      const work = async (): Promise<void> => {
        for (let span = spans[next++]; span !== undefined; span = spans[next++]) {
          const buffer = this.#bufferFor(span.to - span.from)
          buffers.push(buffer)
          try {
            const got = await segments.read(file, buffer, span.to - span.from, span.from)
            for (const one of span.wanted) place(one, buffer, span, got, segment.id)
          } catch (error) {
            // the others go on: the file must not be let go while they read
            failure ??= error as Error
          }
        }
      }
      await Promise.all(Array.from({ length: Math.min(READS_MAX, spans.length) }, work))
      if (failure !== null) throw failure as Error
    } finally {
      segments.letGo(file)
    }
  }

  #bufferFor(bytes: number): Buffer {
    if (bytes < POOLED_BYTES || bytes > SPAN_BYTES) return Buffer.allocUnsafeSlow(bytes)
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(SPAN_BYTES)
  }

  #visit(index: QueueIndex, { page, at, row, buffer, offset, reason }: Wanted, visitor: LoadVisitor): void {
    if (index.deleted || !page.isLive(at)) return
    if (buffer === null) {
      this.#host.damagedRecord(index, row, reason)
      const { number, level, bodyBytes } = row
      index.settleRow(page, at, row)
      visitor.onLost(number, level, bodyBytes)
      return
    }
    const loaded = this.#loaded
    loaded.take(row, buffer, offset)
    index.countRead()
    if (row.number <= index.deliveredBefore) loaded.redelivered = true
    const entry = visitor.onLoaded(loaded)
    // what is not wanted after all stays where it is, and expires there
    if (entry === null) page.expectExpiry(row.expiresAt)
    else if (entry.location !== CANCELLED) index.place(entry, page, at, row)
  }
}

/** Whether a page's rows are in memory, and none of them is about to go. */
const hasRows = (index: QueueIndex, page: IndexPage): boolean => page.resident && !index.dropping.has(page)

function isWanted(page: IndexPage, at: number, { from, to, level }: Range): boolean {
  if (!page.isLive(at) || page.levelAt(at) !== level || page.stateAt(at) !== STATE_READY) return false
  const number = page.numberAt(at)
  return number >= from && number <= to
}

function takeReady(page: IndexPage, range: Range, limits: LoadLimits, pool: WantedPool, found: Wanted[]): void {
  const { messagesMax, bytesMax, last } = limits
  let bytes = 0
  let count = 0
  for (let i = 0; i < page.rows && count < messagesMax && bytes < bytesMax; i++) {
    const at = last ? page.rows - 1 - i : i
    if (!isWanted(page, at, range)) continue
    const one = pool.take(page, at)
    found.push(one)
    bytes += one.row.recordBytes
    count++
  }
}

/** What has expired and is not taken now may be in core's memory, or in another range or level: the page's estimate keeps to it. */
function takeExpired(page: IndexPage, range: Range, limits: LoadLimits, pool: WantedPool, found: Wanted[]): void {
  const { messagesMax, expiredAt } = limits
  let earliest = -1
  let count = 0
  for (let at = 0; at < page.rows; at++) {
    // first: of a page that was dropped while it was read there are no rows
    if (!page.isLive(at)) continue
    const expiry = page.expiryAt(at)
    if (expiry < 0) continue
    if (expiry <= expiredAt && count < messagesMax && isWanted(page, at, range)) {
      found.push(pool.take(page, at))
      page.tookExpiring(expiry)
      count++
      continue
    }
    if (earliest < 0 || expiry < earliest) earliest = expiry
  }
  page.earliestExpiry = earliest
}

function tellExpiring(page: IndexPage, after: number, until: number, visitor: ExpiryVisitor): void {
  let earliest = -1
  for (let at = 0; at < page.rows; at++) {
    if (!page.isLive(at)) continue
    const expiry = page.expiryAt(at)
    if (expiry < 0) continue
    if (earliest < 0 || expiry < earliest) earliest = expiry
    if (expiry > after && expiry <= until && page.stateAt(at) === STATE_READY) {
      visitor.onExpiring(page.numberAt(at), expiry)
    }
  }
  page.earliestExpiry = earliest
}

class CollectEnd implements LoadVisitor {
  readonly onLoadEnd: () => void

  constructor(onLoadEnd: () => void) {
    this.onLoadEnd = onLoadEnd
  }

  onLoaded(): null {
    return null
  }

  onLost(): void {}
}

/** Groups what lies close together. */
function spansOf(wanted: readonly Wanted[]): Span[] {
  const spans: Span[] = []
  const sorted = isSorted(wanted) ? wanted : wanted.toSorted((a, b) => a.offset - b.offset)
  let last: Span | null = null
  for (const one of sorted) {
    if (one.offset < 0) {
      one.reason = 'it is missing in a compacted segment'
      continue
    }
    const end = one.offset + one.row.recordBytes
    if (last !== null && one.offset - last.to <= GAP_BYTES && end - last.from <= SPAN_BYTES) {
      last.to = Math.max(last.to, end)
      last.wanted.push(one)
    } else {
      last = { wanted: [one], from: one.offset, to: end }
      spans.push(last)
    }
  }
  return spans
}

function isSorted(wanted: readonly Wanted[]): boolean {
  for (let i = 1; i < wanted.length; i++) if (wanted[i]!.offset < wanted[i - 1]!.offset) return false
  return true
}

/** Finds the record in what was read, and looks whether it is whole. */
function place(one: Wanted, buffer: Buffer, span: Span, got: number, segmentId: number): void {
  const at = one.offset - span.from
  const bytes = validRecord(buffer, at, got, segmentId)
  if (bytes === 0 || bytes !== one.row.recordBytes || buffer[at + 8] !== RECORD_MESSAGE) {
    one.reason = got < span.to - span.from ? 'the file is too short' : 'its checksum is wrong'
    return
  }
  one.buffer = buffer
  one.offset = at
}

class Loaded implements LoadedMessage {
  number = 0
  expiresAt = -1
  level = 0
  redelivered = false
  deliveryCount = 0
  acquiredCount = 0
  state = 0
  dueAt = 0
  mark = 0
  buffer: Buffer = Buffer.alloc(0)
  headOffset = 0
  headLength = 0
  propertiesOffset = 0
  propertiesLength = 0
  bodyOffset = 0
  bodyLength = 0

  take(row: Row, buffer: Buffer, at: number): void {
    this.number = row.number
    this.expiresAt = row.expiresAt
    this.level = row.level
    this.redelivered = row.redelivered
    this.deliveryCount = row.deliveryCount
    this.acquiredCount = row.acquiredCount
    this.state = row.state
    this.dueAt = row.dueAt
    this.mark = row.mark
    this.buffer = buffer
    this.headOffset = messageHeadAt(buffer, at)
    this.headLength = readU32(buffer, at + 12)
    this.propertiesOffset = this.headOffset + this.headLength
    this.propertiesLength = readU32(buffer, at + 16)
    this.bodyOffset = this.propertiesOffset + this.propertiesLength
    this.bodyLength = readU32(buffer, at + 20)
  }
}
