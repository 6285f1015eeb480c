import { RingDeque } from '../../util/ring-deque.ts'
import { PHASE_CONFIRM, type Turn, type TurnTask } from '../../util/turn.ts'
import { CANCELLED, type Content, LEFT_MEMORY, PENDING, type QueueEntry } from '../message-store.ts'
import { KIND_JOURNAL, locationOf, SETTLE_BYTES, UPDATE_BYTES } from './format.ts'
import type { QueueIndex } from './queue-index.ts'
import { type Drop, RecordWriter, type Update } from './record-writer.ts'
import type { Segment, Segments } from './segments.ts'
import { clearTimeout, setTimeout } from '../../util/real-time.ts'

/** A write takes no more than this, so that none takes long. */
const BATCH_BYTES = 1024 * 1024
/** And deals with no more messages, most of which may be gone already, so that no turn takes long. */
const BATCH_MESSAGES = 10_000
/** A record names at most so many queues; a message that goes to more is written again for the rest. */
const TARGETS_MAX = 10_000
/** Settlements in one record. */
const SETTLES_MAX = 8192
/** What nobody waits for may wait for company so long, in ms. */
const LAZY_MS = 10
/** Publishers are held above the first, and let go below the second: bytes that wait to be written. */
const CONGESTED_BYTES = 64 * 1024 * 1024
const RELIEVED_BYTES = 32 * 1024 * 1024
/** What a waiting record weighs besides its bytes. */
const RECORD_WEIGHT = 256
/** A transaction that has this weight is not joined by the next one. */
const TRANSACTION_BYTES = 256 * 1024

/** Something to be written that is no message. */
abstract class Operation {
  abstract write(committer: BatchWriter): void
}

class Settles extends Operation {
  readonly queueIds: number[] = []
  readonly numbers: number[] = []

  write({ writer }: BatchWriter): void {
    writer.settles(this.queueIds, this.numbers)
  }
}

/** An update is of no use where the entry is gone before it is written. */
class Updates extends Operation {
  readonly list: { readonly index: QueueIndex; readonly entry: QueueEntry; readonly update: Update }[] = []

  write({ writer }: BatchWriter): void {
    const live = this.list.filter(
      ({ index, entry }) => !index.deleted && (entry.location > 0 || entry.location === LEFT_MEMORY),
    )
    if (live.length > 0) writer.updates(live.map(({ update }) => update))
  }
}

class Delivered extends Operation {
  readonly index: QueueIndex
  readonly upTo: number

  constructor(index: QueueIndex, upTo: number) {
    super()
    this.index = index
    this.upTo = upTo
  }

  write({ writer }: BatchWriter): void {
    if (!this.index.deleted) writer.delivered(this.index.id, this.upTo)
  }
}

class Dropped extends Operation {
  readonly index: QueueIndex
  readonly drop: Drop

  constructor(index: QueueIndex, drop: Drop) {
    super()
    this.index = index
    this.drop = drop
    index.sweeping++
  }

  write({ writer }: BatchWriter): void {
    this.index.sweeping--
    writer.drop(this.drop)
  }
}

class Relevelled extends Operation {
  readonly index: QueueIndex
  readonly levels: readonly number[]

  constructor(index: QueueIndex, levels: readonly number[]) {
    super()
    this.index = index
    this.levels = levels
    index.sweeping++
  }

  write({ writer }: BatchWriter): void {
    this.index.sweeping--
    if (!this.index.deleted) writer.relevel(this.index.id, this.levels)
  }
}

/**
 * What is recovered whole or not at all. Transactions that follow one another, with nothing in between, are one: that is more than was asked
 * for, and a record costs as much as the message in it.
 */
class Transaction extends Operation {
  readonly items: (QueueEntry | Operation)[] = []
  readonly position: number
  /** Weight of the items. */
  bytes = 0
  /** Items before this one were gone again before they were written. */
  #first = 0

  constructor(position: number) {
    super()
    this.position = position
  }

  /** Lets go of what comes first and is gone again. @returns whether that is all */
  skipDead(batch: BatchWriter): boolean {
    const { items } = this
    for (; this.#first < items.length; this.#first++) {
      const item = items[this.#first]!
      if (item instanceof Operation || isAlive(item)) return false
      batch.writeItem(item)
    }
    return true
  }

  write(batch: BatchWriter): void {
    if (this.skipDead(batch)) return
    batch.writer.transaction(() => {
      for (let i = this.#first; i < this.items.length; i++) batch.writeItem(this.items[i]!)
    })
  }
}

/** What writes the items of one batch. */
interface BatchWriter {
  readonly writer: RecordWriter
  writeItem(item: QueueEntry | Operation): void
}

export interface CommitterHost {
  readonly segments: Segments
  readonly turn: Turn
  readonly segmentBytes: number
  now(): number
  /** What has to be safe before anything that is written now may count as safe: the queues themselves. */
  barrier(): Promise<void> | null
  /** Frees what was held for the write. */
  release(content: Content): void
  /** More is committed. */
  committed(): void
  relieved(): void
  failed(error: Error): void
}

/**
 * The order of everything that is written to the journal, and the group commit: while one batch is on its way to the disk, the next
 * one gathers. What is settled before it was written is left out. A position is a place in this order; what is committed is a prefix.
 */
export class Committer implements TurnTask, BatchWriter {
  scheduled = false
  committed = 0
  congested = false
  /** The segment that is written to. */
  segment: Segment
  /** Of the last batch. */
  batchNumber = 0
  /** Bytes of all batches so far. */
  bytesWritten = 0
  readonly writer = new RecordWriter()
  /** Body and property bytes that wait to be written, and a weight for each record. */
  waitingBytes = 0
  readonly #host: CommitterHost
  readonly #ring = new RingDeque<QueueEntry | Operation>(1024)
  /** Position of the first item in the ring. */
  #first = 1
  /** Bytes that may be written before the disk is low, as of the last look. */
  #room = Infinity
  #writing = false
  /** Something in the ring is waited for. */
  #urgent = false
  #lazyTimer: NodeJS.Timeout | null = null
  /** Somebody asked for a new segment. */
  #rolls: PromiseWithResolvers<void> | null = null
  #transaction: Transaction | null = null
  /** Whether anything was recorded since the outermost `begin`. */
  #recorded = false
  /** How many `begin` have no `end` yet. */
  #depth = 0
  #failure: Error | null = null
  #idle: PromiseWithResolvers<void> | null = null
  /** Ends with what is done with files at the moment. */
  #work: Promise<void> = Promise.resolve()
  /** Of the next time that more is committed, or nothing ever will be. */
  #progress: PromiseWithResolvers<void> | null = null
  readonly #live: QueueEntry[] = []
  /** Messages of the batch that is put together, those included that were gone. */
  #dealtWith = 0

  constructor(host: CommitterHost, segment: Segment) {
    this.#host = host
    this.segment = segment
  }

  // ---- what queues record ----

  enqueue(index: QueueIndex, entry: QueueEntry): number {
    entry.location = PENDING
    entry.page = index
    const content = entry.message
    const first = content.pending
    this.#recorded = true
    if (first !== null && (this.#transaction === null || content.position >= this.#transaction.position)) {
      entry.next = first.next
      first.next = entry
      return content.position
    }
    content.pending = entry
    const bytes = content.bodyLength + content.propertiesLength + RECORD_WEIGHT
    this.waitingBytes += bytes
    if (this.waitingBytes > Math.min(CONGESTED_BYTES, this.#room)) this.congested = true
    return this.#add(entry, bytes)
  }

  settled(queueId: number, number: number): void {
    const last = this.#lastItem()
    const open = last instanceof Settles && last.numbers.length < SETTLES_MAX ? last : null
    const settles = open ?? new Settles()
    settles.queueIds.push(queueId)
    settles.numbers.push(number)
    if (open === null) this.#addLazily(settles)
    if (this.#transaction !== null) this.#weigh(this.#transaction, SETTLE_BYTES)
  }

  updated(index: QueueIndex, entry: QueueEntry, update: Update): void {
    const last = this.#lastItem()
    const open = last instanceof Updates && last.list.length < SETTLES_MAX ? last : null
    const updates = open ?? new Updates()
    updates.list.push({ index, entry, update })
    if (open === null) this.#addLazily(updates)
    if (this.#transaction !== null) this.#weigh(this.#transaction, UPDATE_BYTES)
  }

  delivered(index: QueueIndex, upTo: number): number {
    return this.#add(new Delivered(index, upTo), RECORD_WEIGHT)
  }

  dropped(index: QueueIndex, drop: Drop): void {
    this.#addLazily(new Dropped(index, drop))
  }

  relevelled(index: QueueIndex, levels: readonly number[]): number {
    return this.#add(new Relevelled(index, levels), RECORD_WEIGHT)
  }

  begin(): number {
    if (this.#depth++ > 0) return this.#transaction!.position
    const last = this.#ring.peekLast()
    const joins = last instanceof Transaction && last.bytes < TRANSACTION_BYTES
    const transaction = joins ? last : new Transaction(this.#first + this.#ring.size)
    if (!joins) this.#ring.push(transaction)
    this.#transaction = transaction
    this.#recorded = false
    return transaction.position
  }

  end(): number {
    const position = this.#recorded ? this.#transaction!.position : 0
    if (--this.#depth > 0) return position
    this.#transaction = null
    if (this.#recorded) this.#wake()
    else this.cancelled()
    return position
  }

  #lastItem(): QueueEntry | Operation | undefined {
    return this.#transaction === null ? this.#ring.peekLast() : this.#transaction.items.at(-1)
  }

  #add(item: QueueEntry | Operation, bytes: number): number {
    if (this.#transaction !== null) {
      this.#transaction.items.push(item)
      this.#weigh(this.#transaction, bytes)
      return this.#transaction.position
    }
    this.#ring.push(item)
    this.#wake()
    return this.#first + this.#ring.size - 1
  }

  #weigh(transaction: Transaction, bytes: number): void {
    transaction.bytes += bytes
    this.#recorded = true
  }

  #addLazily(item: Operation): void {
    if (this.#transaction !== null) {
      this.#transaction.items.push(item)
      this.#weigh(this.#transaction, RECORD_WEIGHT)
      return
    }
    this.#ring.push(item)
    if (this.#urgent || this.#lazyTimer !== null) return
    this.#lazyTimer = setTimeout(() => this.#wake(), LAZY_MS)
    this.#lazyTimer.unref()
  }

  /** A pending entry was cancelled: if nothing before it is to be written, what stands behind it is safe. */
  cancelled(): void {
    if (!this.#writing && this.#skipCancelled()) this.#announce()
  }

  // ---- writing ----

  #wake(): void {
    this.#urgent = true
    if (!this.scheduled && !this.#writing) this.#host.turn.schedule(PHASE_CONFIRM, this)
  }

  runAtTurnEnd(): void {
    if (this.#writing || this.#failure !== null || (this.#ring.size === 0 && this.#rolls === null)) return
    if (this.#lazyTimer !== null) clearTimeout(this.#lazyTimer)
    this.#lazyTimer = null
    this.#writing = true
    if (this.#rolls !== null || this.segment.size >= this.#host.segmentBytes)
      this.#work = this.#roll().then(() => this.#write(), this.fail)
    else this.#write()
  }

  async #roll(): Promise<void> {
    await this.#host.segments.seal(this.segment)
    this.segment = await this.#host.segments.create(KIND_JOURNAL, this.#host.now())
    this.#rolls?.resolve()
    this.#rolls = null
  }

  /** Whatever is written next goes to a new segment, which is made at once. */
  startSegment(): Promise<void> {
    if (this.#failure !== null) return Promise.reject(this.#failure)
    this.#rolls ??= Promise.withResolvers<void>()
    this.#wake()
    return this.#rolls.promise
  }

  #write(): void {
    if (this.#failure !== null) return
    const { segment, writer } = this
    const from = segment.size
    writer.reset(segment.id, from)
    writer.batch(this.batchNumber + 1, this.#host.now(), from)
    const header = writer.bytes
    this.#dealtWith = 0
    let item = this.#ring.peek()
    while (item !== undefined && writer.bytes < BATCH_BYTES && this.#dealtWith < BATCH_MESSAGES) {
      this.#ring.shift()
      this.#first++
      this.writeItem(item)
      item = this.#ring.peek()
    }
    this.#urgent = this.#ring.size > 0
    const last = this.#first - 1
    if (writer.bytes === header) {
      this.#writing = false
      this.#commit(last)
      if (this.#ring.size > 0) this.#wake()
      return
    }
    this.batchNumber++
    const parts = writer.finish()
    segment.size += writer.bytes
    this.bytesWritten += writer.bytes
    this.#room -= writer.bytes
    const { segments } = this.#host
    const isFree = segment.size <= segment.extendingFrom
    const written = isFree
      ? segment.writer!.write(parts, from)
      : segment.extending!.then(() => segment.writer!.write(parts, from))
    segments.extendAhead(segment, writer.bytes, this.fail)
    this.#work = written.then(() => this.#onWritten(segment, last), this.fail)
  }

  writeItem(item: QueueEntry | Operation): void {
    if (item instanceof Operation) item.write(this)
    else this.#writeMessage(item)
  }

  #writeMessage(first: QueueEntry): void {
    const content = first.message
    this.#dealtWith++
    this.waitingBytes -= content.bodyLength + content.propertiesLength + RECORD_WEIGHT
    content.pending = null
    const live = this.#live
    live.length = 0
    for (let entry: QueueEntry | null = first; entry !== null;) {
      const { next }: QueueEntry = entry
      entry.next = null
      if (entry.location === PENDING && !(entry.page as QueueIndex).deleted) live.push(entry)
      entry = next
    }
    for (let from = 0; from < live.length; from += TARGETS_MAX) {
      this.#writeRecord(live.length <= TARGETS_MAX ? live : live.slice(from, from + TARGETS_MAX), content)
    }
  }

  #writeRecord(targets: readonly QueueEntry[], content: Content): void {
    const { id } = this.segment
    const location = locationOf(id, this.writer.offset)
    const bytes = this.writer.message(targets, content, 0)
    for (const entry of targets) (entry.page as QueueIndex).addRow(entry, location, bytes, targets.length)
  }

  #onWritten(segment: Segment, last: number): void {
    segment.written = segment.size
    segment.synced = segment.size
    segment.fileBytes = segment.size
    for (const content of this.writer.held) this.#host.release(content)
    this.writer.held.length = 0
    const barrier = this.#host.barrier()
    if (barrier === null) this.#onSafe(last)
    else barrier.then(() => this.#onSafe(last), this.fail)
  }

  #onSafe(last: number): void {
    // something else failed meanwhile: see `fail`
    if (this.#failure !== null) return
    this.#writing = false
    this.#commit(last)
    if (this.#ring.size > 0 && (this.#urgent || this.#lazyTimer === null)) this.#wake()
  }

  #commit(last: number): void {
    this.committed = last
    this.#skipCancelled()
    this.#announce()
  }

  /** So many bytes may still be written before the disk is low; publishers are held then. */
  setRoom(bytes: number): void {
    this.#room = bytes
    this.#relieve()
  }

  #relieve(): void {
    if (!this.congested || this.waitingBytes >= Math.min(RELIEVED_BYTES, this.#room)) return
    this.congested = false
    this.#host.relieved()
  }

  #announce(): void {
    this.#host.committed()
    this.#progress?.resolve()
    this.#progress = null
    this.#relieve()
    if (this.#ring.size > 0) return
    this.#urgent = false
    this.#settleIdle()
  }

  /** Takes off what needs not be written at the front of the ring. @returns whether there was any */
  #skipCancelled(): boolean {
    const first = this.#first
    for (let item = this.#ring.peek(); item !== undefined; item = this.#ring.peek()) {
      if (item instanceof Operation) {
        if (!(item instanceof Transaction) || item === this.#transaction || !item.skipDead(this)) break
      } else {
        if (isAlive(item)) break
        this.#writeMessage(item)
      }
      this.#ring.shift()
      this.#first++
    }
    if (this.#first === first) return false
    this.committed = this.#first - 1
    return true
  }

  /** What is on disk is unknown now, whoever found out: nothing that is not committed will ever be. */
  readonly fail = (error: Error): void => {
    if (this.#failure !== null) return
    this.#failure = error
    this.#host.failed(error)
    this.#settleIdle()
    this.#progress?.resolve()
    this.#progress = null
    this.#rolls?.reject(error)
  }

  #settleIdle(): void {
    this.#idle?.resolve()
    this.#idle = null
  }

  /** Of what was recorded last. */
  get lastPosition(): number {
    return this.#first + this.#ring.size - 1
  }

  /** @throws Error when it never will be */
  async whenCommitted(position: number): Promise<void> {
    while (this.committed < position) {
      if (this.#failure !== null) throw this.#failure
      this.#progress ??= Promise.withResolvers<void>()
      this.#wake()
      await this.#progress.promise
    }
  }

  /** Resolves when everything recorded so far is written, or never will be. */
  async drained(): Promise<void> {
    while (this.#failure === null && (this.#ring.size > 0 || this.#writing)) {
      this.#idle ??= Promise.withResolvers<void>()
      if (this.#ring.size > 0) this.#wake()
      await this.#idle.promise
    }
  }

  /** Resolves when no file is used: they must not be closed under a write. */
  async quiet(): Promise<void> {
    for (let work: Promise<void> | null = null; work !== this.#work;) {
      work = this.#work
      await work
    }
  }

  close(): void {
    if (this.#lazyTimer !== null) clearTimeout(this.#lazyTimer)
  }
}

function isAlive(first: QueueEntry): boolean {
  for (let entry: QueueEntry | null = first; entry !== null; entry = entry.next) {
    if (entry.location !== CANCELLED && !(entry.page as QueueIndex).deleted) return true
  }
  return false
}
