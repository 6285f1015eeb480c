import assert from 'node:assert/strict'
import { MemoryMessageStore } from '../../src/store/memory/memory-message-store.ts'
import {
  BEING_SPILLED,
  CANCELLED,
  type Content,
  type ExpiryVisitor,
  type LoadedMessage,
  type LoadVisitor,
  type MessageStore,
  type MessageStoreStats,
  NOT_STORED,
  PENDING,
  type QueueEntry,
  type QueueLog,
  type Range,
  type RecoveredLevel,
  STATE_HELD,
  STATE_READY,
  STATE_RETURNED,
  StoreCounters,
  type StoredCounts,
  type StoreDiskStats,
} from '../../src/store/message-store.ts'

// A whole message store whose disk is a Map, and in which nothing happens until `io` is called: what has been recorded is then
// committed, what was asked for is written or read. `crash` gives a store that has what was committed.

/** A message on the disk. */
interface Row {
  readonly number: number
  level: number
  readonly expiresAt: number
  /** Head, properties, body. */
  readonly bytes: Buffer
  readonly headLength: number
  readonly propertiesLength: number
  readonly bodyLength: number
  redelivered: boolean
  deliveryCount: number
  acquiredCount: number
  state: number
  dueAt: number
  mark: number
  /** When the state was set. */
  order: number
}

interface QueueData {
  readonly rows: Map<number, Row>
  lastNumber: number
  deliveredUpTo: number
}

type Disk = Map<number, QueueData>

/** A written entry is anywhere; core only asks whether it is. */
const WRITTEN = 1

const emptyData = (): QueueData => ({ rows: new Map(), lastNumber: 0, deliveredUpTo: 0 })

function rowOf(entry: QueueEntry, order: number): Row {
  const { message } = entry
  const head = Buffer.alloc(message.headRoom() + 1)
  const headLength = message.writeHead(head, 0)
  assert.ok(headLength < head.length, 'a head has no more room than it said')
  const part = (offset: number, length: number): Buffer => message.buffer.subarray(offset, offset + length)
  const bytes = Buffer.concat([
    head.subarray(0, headLength),
    part(message.propertiesOffset, message.propertiesLength),
    part(message.bodyOffset, message.bodyLength),
  ])
  assert.equal(bytes.length, headLength + message.propertiesLength + message.bodyLength, 'its bytes are in memory')
  return {
    number: entry.number,
    level: entry.level,
    expiresAt: entry.expiresAt,
    bytes,
    headLength,
    propertiesLength: message.propertiesLength,
    bodyLength: message.bodyLength,
    redelivered: entry.redelivered,
    deliveryCount: entry.deliveryCount,
    acquiredCount: entry.acquiredCount,
    state: STATE_READY,
    dueAt: 0,
    mark: 0,
    order,
  }
}

/** As many rows as may be read in one go, and at least one. */
function within(rows: readonly Row[], messagesMax: number, bytesMax: number): Row[] {
  let bytes = 0
  return rows.slice(0, messagesMax).filter((row, i) => {
    bytes += row.bytes.length
    return i === 0 || bytes <= bytesMax
  })
}

export interface PagingOptions {
  /** Whether `gather` asks for time. */
  readonly gathers?: (entries: readonly QueueEntry[]) => boolean
  /** Whether a load gives what was there when it was asked for, even if that is gone since. */
  readonly readsEarly?: boolean
  /** Messages that a load gives at most. */
  readonly readsMax?: number
}

export class PagingStore implements MessageStore {
  readonly durable = true
  readonly spills = true
  committed = 0
  congested = false
  highestQueueId = 0
  readonly counters = new StoreCounters()
  /** Calls, by name: for tests that ask what was done. */
  readonly calls: Record<string, number> = {}
  readonly memory = new MemoryMessageStore()
  readonly options: PagingOptions
  /** What is safe. */
  readonly #disk: Disk
  readonly #logs = new Map<number, PagingLog>()
  readonly #jobs: (() => void)[] = []
  /** What is recorded and not yet safe: it changes the disk. */
  readonly #pending: ((disk: Disk) => void)[] = []
  #position = 0
  #begun = -1
  #depth = 0
  #onCommitted: () => void = () => {}
  #onRelief: () => void = () => {}

  constructor(options: PagingOptions = {}, disk: Disk = new Map(), position = 0) {
    this.options = options
    this.#disk = disk
    this.#position = position
    this.committed = position
    for (const id of disk.keys()) this.highestQueueId = Math.max(this.highestQueueId, id)
  }

  // ---- what happens when the test says so ----

  /** Commits, writes and reads what was asked for before this call. @returns whether there was anything */
  io(): boolean {
    const jobs = this.#jobs.splice(0)
    const commits = this.commit()
    for (const job of jobs) job()
    return commits || jobs.length > 0
  }

  /** Does the oldest thing that was asked for. */
  ioOne(): void {
    this.#jobs.shift()?.()
  }

  get lastPosition(): number {
    return this.#position
  }

  /** @param changesMax what is recorded after so many waits for the next time @returns whether there was anything to commit */
  commit(changesMax = Infinity): boolean {
    const changes = this.#pending.splice(0, changesMax)
    if (changes.length === 0) return false
    for (const change of changes) change(this.#disk)
    this.committed = this.#position - this.#pending.length
    this.#onCommitted()
    return true
  }

  /** The process ends here and now. @returns the store that the next one opens */
  crash(): PagingStore {
    const disk: Disk = new Map()
    for (const [id, { rows, lastNumber, deliveredUpTo }] of this.#disk) {
      const copies = [...rows].map(([number, row]) => [number, { ...row }] as const)
      disk.set(id, { rows: new Map(copies), lastNumber, deliveredUpTo })
    }
    return new PagingStore(this.options, disk, this.#position)
  }

  setCongested(congested: boolean): void {
    this.congested = congested
    if (!congested) this.#onRelief()
  }

  /** Messages that can be read back, of all queues. */
  get stored(): number {
    return [...this.#logs.values()].reduce((sum, log) => sum + log.counts().messages, 0)
  }

  /** Of the queues, in the order in which they were made. */
  get logs(): Iterable<QueueLog> {
    return this.#logs.values()
  }

  // ---- for its logs ----

  count(call: string): void {
    this.calls[call] = (this.calls[call] ?? 0) + 1
  }

  record(change: (disk: Disk) => void): number {
    this.#pending.push(change)
    return ++this.#position
  }

  later(job: () => void): void {
    this.#jobs.push(job)
  }

  forget(id: number): void {
    this.#logs.delete(id)
  }

  // ---- MessageStore ----

  queue(id: number): QueueLog {
    assert.ok(!this.#logs.has(id), 'each queue has one log')
    const data = this.#disk.get(id)
    const log = new PagingLog(this, id, data ?? emptyData())
    this.#logs.set(id, log)
    return log
  }

  forgetUnclaimed(): number {
    let messages = 0
    for (const [id, { rows }] of this.#disk) {
      if (this.#logs.has(id)) continue
      messages += rows.size
      this.#disk.delete(id)
    }
    return messages
  }

  allocate(bytes: number): Buffer {
    return this.memory.allocate(bytes)
  }

  adopt(content: Content): void {
    this.memory.adopt(content)
  }

  release(content: Content): void {
    this.memory.release(content)
  }

  begin(): number {
    if (this.#depth++ === 0) this.#begun = this.#position
    return this.committed
  }

  end(): number {
    this.#depth--
    return this.#position > this.#begun ? this.#position : 0
  }

  onCommitted(listener: () => void): void {
    this.#onCommitted = listener
  }

  onRelief(listener: () => void): void {
    this.#onRelief = listener
  }

  setRoom(): void {}

  stats(): MessageStoreStats {
    return this.memory.stats()
  }

  diskStats(): StoreDiskStats {
    return { files: 0, bytes: 0, liveBytes: 0, waitingBytes: 0, indexBytes: 0 }
  }

  close(): Promise<void> {
    return this.memory.close()
  }
}

export class PagingLog implements QueueLog {
  readonly lastNumber: number
  deliveredUpTo: number
  readonly #store: PagingStore
  readonly #id: number
  /** What can be read, whether or not it is safe. */
  readonly #rows = new Map<number, Row>()
  #recovered: RecoveredLevel[]
  /** Numbers of messages that only left memory, and entries that are about to. */
  readonly #spilled = new Set<number>()
  readonly #spilling = new Set<QueueEntry>()
  /** Levels of which something is being read. */
  readonly #loading = new Set<number>()
  #deleted = false

  constructor(store: PagingStore, id: number, data: QueueData) {
    this.#store = store
    this.#id = id
    this.lastNumber = data.lastNumber
    this.deliveredUpTo = data.deliveredUpTo
    for (const [number, row] of data.rows) this.#rows.set(number, { ...row })
    this.#recovered = recoveredLevels(this.#rows.values())
  }

  /** Its part of a disk. */
  #on(disk: Disk): QueueData {
    let data = disk.get(this.#id)
    if (data === undefined) disk.set(this.#id, (data = emptyData()))
    return data
  }

  enqueue(entry: QueueEntry): number {
    this.#store.count('enqueue')
    assert.equal(entry.location, NOT_STORED)
    assert.ok(!this.#deleted, 'nothing comes after deletion')
    entry.location = PENDING
    let order = 0
    order = this.#store.record((disk) => {
      const data = this.#on(disk)
      data.lastNumber = Math.max(data.lastNumber, entry.number)
      if (entry.location !== PENDING) return
      const row = rowOf(entry, order)
      Object.assign(row, this.#updates.get(entry) ?? {})
      this.#updates.delete(entry)
      entry.location = WRITTEN
      this.#rows.set(entry.number, row)
      data.rows.set(entry.number, { ...row })
    })
    return order
  }

  /** What changed of entries before they were written. */
  readonly #updates = new Map<QueueEntry, Partial<Row>>()

  settle(entry: QueueEntry): void {
    this.#store.count('settle')
    assert.ok(entry.location === PENDING || entry.location === WRITTEN, `settled once: ${entry.location}`)
    if (entry.location === PENDING) {
      entry.location = CANCELLED
      return
    }
    entry.location = CANCELLED
    assert.ok(this.#rows.delete(entry.number), `${entry.number} is there`)
    this.#store.record((disk) => this.#on(disk).rows.delete(entry.number))
  }

  update(entry: QueueEntry, state: number, dueAt: number, mark: number): void {
    this.#store.count('update')
    assert.ok(entry.location === PENDING || entry.location === WRITTEN, 'of a stored entry')
    assert.ok(state === STATE_HELD || mark > 0 || dueAt === 0, 'a time belongs to a state or a mark')
    const { redelivered, deliveryCount, acquiredCount, number, level } = entry
    const change: Partial<Row> = { redelivered, deliveryCount, acquiredCount, state, dueAt, mark, level }
    if (entry.location === PENDING) {
      this.#updates.set(entry, change)
    } else {
      Object.assign(this.#rows.get(number)!, change)
    }
    let order = 0
    order = this.#store.record((disk) => {
      const row = this.#on(disk).rows.get(number)
      if (row !== undefined) Object.assign(row, change, { order })
    })
  }

  relevel(levels: readonly number[]): number {
    this.#store.count('relevel')
    const change = (row: Row): void => {
      row.level = levels[row.level] ?? row.level
    }
    for (const row of this.#rows.values()) change(row)
    // what core holds has its new level already
    for (const [entry, update] of this.#updates) update.level = entry.level
    this.#recovered = recoveredLevels(this.#rows.values())
    return this.#store.record((disk) => {
      for (const row of this.#on(disk).rows.values()) change(row)
    })
  }

  promote(entry: QueueEntry): number {
    this.#store.count('promote')
    if (this.#spilling.has(entry) && entry.location === PENDING) return BEING_SPILLED
    if (entry.location === WRITTEN) {
      if (!this.#spilled.delete(entry.number)) return 0
      this.#rows.delete(entry.number)
      entry.location = NOT_STORED
    }
    return entry.location === NOT_STORED ? this.enqueue(entry) : 0
  }

  isRecorded(entry: QueueEntry): boolean {
    if (entry.location === PENDING) return !this.#spilling.has(entry)
    return entry.location === WRITTEN && !this.#spilled.has(entry.number)
  }

  markDelivered(number: number): number {
    this.#store.count('markDelivered')
    assert.ok(number > this.deliveredUpTo)
    this.deliveredUpTo = number
    return this.#store.record((disk) => {
      this.#on(disk).deliveredUpTo = number
    })
  }

  isStored(entry: QueueEntry): boolean {
    return entry.location === WRITTEN
  }

  spill(entries: readonly QueueEntry[], done: () => void): void {
    this.#store.count('spill')
    assert.ok(entries.length > 0)
    const rows = entries.map((entry, i) => {
      assert.equal(entry.location, NOT_STORED)
      assert.ok(i === 0 || entry.number > entries[i - 1]!.number, 'in order of number')
      assert.equal(entry.level, entries[0]!.level, 'of one level')
      entry.location = PENDING
      this.#spilling.add(entry)
      return rowOf(entry, 0)
    })
    this.#store.later(() => {
      for (const [i, entry] of entries.entries()) {
        this.#spilling.delete(entry)
        if (entry.location !== PENDING) continue
        const row = rows[i]!
        row.level = entry.level
        this.#spilled.add(entry.number)
        Object.assign(row, this.#updates.get(entry) ?? {})
        this.#updates.delete(entry)
        entry.location = WRITTEN
        this.#rows.set(entry.number, row)
      }
      done()
    })
  }

  gather(entries: readonly QueueEntry[], done: () => void): boolean {
    this.#store.count('gather')
    for (const [i, entry] of entries.entries()) {
      assert.ok(this.isStored(entry))
      assert.ok(i === 0 || entry.number > entries[i - 1]!.number, 'in order of number')
      assert.ok(entry.message.buffer.length > 0 || entry.message.bodyLength === 0, 'in memory')
    }
    if (this.#store.options.gathers?.(entries) !== true) return false
    this.#store.later(done)
    return true
  }

  load(range: Range, messagesMax: number, bytesMax: number, visitor: LoadVisitor): void {
    this.#store.count('load')
    this.#read(range, visitor, (rows) => within(rows, this.#atMost(messagesMax), bytesMax))
  }

  loadLast(range: Range, messagesMax: number, bytesMax: number, visitor: LoadVisitor): void {
    this.#store.count('loadLast')
    this.#read(range, visitor, (rows) => within(rows.toReversed(), this.#atMost(messagesMax), bytesMax))
  }

  #atMost(messagesMax: number): number {
    return Math.min(messagesMax, this.#store.options.readsMax ?? Infinity)
  }

  loadExpired(range: Range, now: number, messagesMax: number, visitor: LoadVisitor): void {
    this.#store.count('loadExpired')
    this.#read(range, visitor, (rows) =>
      rows.filter(({ expiresAt }) => expiresAt >= 0 && expiresAt <= now).slice(0, messagesMax),
    )
  }

  collectExpiring(after: number, until: number, visitor: ExpiryVisitor): void {
    this.#store.count('collectExpiring')
    this.#store.later(() => {
      for (const { expiresAt, number, state } of this.#rows.values()) {
        if (state === STATE_READY && expiresAt > after && expiresAt <= until) visitor.onExpiring(number, expiresAt)
      }
      visitor.onCollectEnd()
    })
  }

  loadNumbers(numbers: readonly number[], bytesMax: number, visitor: LoadVisitor): void {
    this.#store.count('loadNumbers')
    this.#store.later(() => {
      let bytes = 0
      for (const [i, row] of numbers
        .map((number) => this.#rows.get(number))
        .filter((row) => row !== undefined)
        .entries()) {
        bytes += row.bytes.length
        if (i > 0 && bytes > bytesMax) break
        this.#give(row, visitor)
      }
      visitor.onLoadEnd()
    })
  }

  #read(range: Range, visitor: LoadVisitor, choose: (rows: Row[]) => Row[]): void {
    const { from, to, level } = range
    assert.ok(!this.#loading.has(level), 'one load at a time per level')
    assert.ok(from <= to, `from ${from} to ${to}`)
    this.#loading.add(level)
    const early = this.#store.options.readsEarly === true ? choose(this.#ready(from, to, level)) : null
    this.#store.later(() => {
      this.#loading.delete(level)
      for (const row of early ?? choose(this.#ready(from, to, level))) this.#give(row, visitor)
      visitor.onLoadEnd()
    })
  }

  #ready(from: number, to: number, level: number): Row[] {
    return [...this.#rows.values()]
      .filter((row) => row.state === STATE_READY && row.level === level && row.number >= from && row.number <= to)
      .sort((a, b) => a.number - b.number)
  }

  #give(row: Row, visitor: LoadVisitor): void {
    // bytes that are no more after the call
    const buffer = Buffer.concat([Buffer.from('before'), row.bytes, Buffer.from('after')])
    const headOffset = 6
    const propertiesOffset = headOffset + row.headLength
    const { headLength, propertiesLength, bodyLength } = row
    const bodyOffset = propertiesOffset + propertiesLength
    const { number, expiresAt, level, redelivered, deliveryCount, acquiredCount, state, dueAt, mark } = row
    const message: LoadedMessage = {
      number,
      expiresAt,
      level,
      redelivered,
      deliveryCount,
      acquiredCount,
      state,
      dueAt,
      mark,
      buffer,
      headOffset,
      headLength,
      propertiesOffset,
      propertiesLength,
      bodyOffset,
      bodyLength,
    }
    const entry = visitor.onLoaded(message)
    buffer.fill(0xee)
    if (entry === null) return
    assert.equal(entry.number, number)
    entry.location = WRITTEN
  }

  /** What a load of this range would find. */
  numbersIn({ from, to, level }: Range): number[] {
    return this.#ready(from, to, level).map(({ number }) => number)
  }

  findPresent(numbers: readonly number[], done: (present: ReadonlySet<number>) => void): void {
    this.#store.count('findPresent')
    this.#store.later(() => done(new Set(numbers.filter((number) => this.#rows.has(number)))))
  }

  earliestExpiry({ from, to, level }: Range): number {
    const times = this.#ready(from, to, level)
      .map(({ expiresAt }) => expiresAt)
      .filter((at) => at >= 0)
    return times.length === 0 ? -1 : Math.min(...times)
  }

  settleNumbers(numbers: readonly number[]): void {
    this.#store.count('settleNumbers')
    for (const number of numbers) {
      if (!this.#rows.delete(number)) continue
      this.#store.record((disk) => this.#on(disk).rows.delete(number))
    }
  }

  drop({ from, to, level }: Range): void {
    this.#store.count('drop')
    for (const { number } of this.#ready(from, to, level)) {
      this.#rows.delete(number)
      this.#store.record((disk) => this.#on(disk).rows.delete(number))
    }
  }

  recovered(): readonly RecoveredLevel[] {
    return this.#recovered
  }

  loadRecovered(visitor: LoadVisitor): void {
    this.#store.later(() => {
      const special = [...this.#rows.values()].filter(({ state }) => state !== STATE_READY)
      const byNumber = (a: Row, b: Row): number => a.number - b.number
      const others = special.filter(({ state }) => state !== STATE_RETURNED).sort(byNumber)
      const returned = special.filter(({ state }) => state === STATE_RETURNED).sort((a, b) => a.order - b.order)
      for (const row of [...others, ...returned]) this.#give(row, visitor)
      visitor.onLoadEnd()
    })
  }

  counts(): StoredCounts {
    const rows = [...this.#rows.values()]
    const bodyBytes = rows.reduce((sum, row) => sum + row.bodyLength, 0)
    const diskBytes = rows.reduce((sum, row) => sum + row.bytes.length, 0)
    const counted = { messages: rows.length, bodyBytes, pagedOut: 0, pagedOutShared: 0, diskBytes }
    return { ...counted, indexBytes: rows.length * 24, writes: 0, reads: 0 }
  }

  delete(): void {
    this.#store.count('delete')
    this.#deleted = true
    this.#rows.clear()
    this.#store.forget(this.#id)
    this.#store.record((disk) => disk.delete(this.#id))
  }
}

function recoveredLevels(rows: Iterable<Row>): RecoveredLevel[] {
  const levels = new Map<number, { level: number; count: number; bytes: number; from: number; to: number }>()
  for (const { state, level, number, bodyLength } of rows) {
    if (state !== STATE_READY) continue
    const known = levels.get(level) ?? { level, count: 0, bytes: 0, from: number, to: number }
    known.count++
    known.bytes += bodyLength
    known.from = Math.min(known.from, number)
    known.to = Math.max(known.to, number)
    levels.set(level, known)
  }
  return [...levels.values()]
}
