import {
  type LoadedMessage,
  NOT_STORED,
  type QueueEntry,
  type QueueLog,
  type Range,
  STATE_HELD,
  STATE_READY,
} from '../../store/message-store.ts'
import { PHASE_FLUSH, type TurnTask } from '../../util/turn.ts'
import type { CommitWaiter } from '../commits.ts'
import { ENTRY_BYTES } from '../message-memory.ts'
import { type Entry, GONE, READY, UNACKED } from './entry.ts'
import { type Lane, type PagedPart, rangeOf } from './lane.ts'
import { CopyLoad } from './look.ts'
import { Load, type LoadEnd, type Reread, RereadLoad } from './pager-loads.ts'
import type { QueueHost } from './queue-host.ts'
import { RangeExpiry } from './range-expiry.ts'
import type { Queue } from './queue.ts'
import type { ReadyMessages } from './ready-messages.ts'
import { type FoundInRange, TakeLoad } from './take.ts'

/** Entries, or body bytes, from which on a tail leaves memory. */
const TAIL_ENTRIES = 512
const TAIL_BYTES = 64 * 1024
/** A run is written, or leaves memory, in one go. */
const RUN_ENTRIES = 2048
const RUN_BYTES = 1024 * 1024
/** How far into a tail is looked for what has to be written. */
const LOOK_ENTRIES = 8192
/** Entries that one queue moves in a turn. */
const ENTRIES_PER_TURN = 4096
/** With fewer entries than this at hand, and fewer bytes, more is loaded. */
const LOW_ENTRIES = 512
const LOW_BYTES = 512 * 1024
const LOAD_ENTRIES = 2048

/**
 * Moves a queue's messages between memory and store: out, where memory is short or the queue is lazy, from the tail and the back of
 * the head; and in, ahead of who wants them. A queue gets one when it first needs it.
 */
export class Pager implements TurnTask, CommitWaiter {
  scheduled = false
  waits = false
  readonly #queue: Queue
  readonly #host: QueueHost
  readonly #log: QueueLog
  #ready: ReadyMessages
  /** Levels of which something is being loaded: of each, the store does one load at a time. */
  readonly #loading = new Set<number>()
  /** Who waits until nothing is being loaded. */
  #idle: (() => void)[] = []
  readonly #expiry: RangeExpiry

  constructor(queue: Queue, host: QueueHost, log: QueueLog, ready: ReadyMessages) {
    this.#queue = queue
    this.#host = host
    this.#log = log
    this.#ready = ready
    this.#expiry = new RangeExpiry(this, queue, host, log)
  }

  /** What is ready of the queue: another one after a purge. */
  get ready(): ReadyMessages {
    return this.#ready
  }

  /** Looks at the end of the turn what can leave memory. */
  schedule(): void {
    if (!this.scheduled) this.#host.turn.schedule(PHASE_FLUSH, this)
  }

  onCommitted(): void {
    this.schedule()
  }

  /** Takes over what the log had when the broker was started. */
  recover(): void {
    for (const part of this.#log.recovered()) {
      if (part.count === 0) continue
      const paged = this.#ready.restore(part.level, part)
      paged.expiresAt = this.#log.earliestExpiry(part)
    }
    this.#expiry.arm()
  }

  /** The queue was purged: `ready` takes the place of what there was. What was in the store only is gone. */
  purged(ready: ReadyMessages, drops: boolean): void {
    for (const lane of this.#ready.lanes) {
      const paged = lane?.paged ?? null
      if (paged === null || paged.count === 0) continue
      if (drops) this.#log.drop(rangeOf(lane!, paged))
      this.#ready.lost(paged, paged.count, paged.bytes)
    }
    // loads that are under way see by it that nobody waits for them
    this.#ready.closeAll()
    this.#ready = ready
    this.#expiry.arm()
  }

  close(): void {
    this.#expiry.close()
  }

  // ---- out ----

  runAtTurnEnd(): void {
    const { deleted, settings } = this.#queue
    if (deleted) return
    if (settings.lazy) this.#openAll()
    this.#shrink(this.#host.memory.isShort(), ENTRIES_PER_TURN)
    // what was put aside while it was loading
    this.load()
  }

  /** Lets go of entries as far from the head as can be. @returns how many */
  evict(entriesMax: number): number {
    // what is parked lies between what came back and the head
    if (this.#queue.unackedCount + this.#queue.heldCount + this.#ready.parkedCount === 0) {
      for (const lane of this.#ready.lanes) {
        if (lane !== undefined && lane.returned.size > this.#host.memory.keepEntries) this.#ready.settleReturned(lane)
      }
    }
    for (const lane of this.#ready.lanes) {
      if (lane !== undefined && lane.live > 0 && lane.paged === null) this.#ready.open(lane, this.#queue.nextNumber)
    }
    return this.#shrink(true, entriesMax)
  }

  #openAll(): void {
    for (const lane of this.#ready.lanes) {
      if (lane === undefined || lane.live === 0 || lane.paged !== null) continue
      this.#ready.open(lane, this.#queue.nextNumber).shrinks = true
    }
  }

  /** @returns how many entries left, or were given to the store to be written */
  #shrink(short: boolean, entriesMax: number): number {
    let left = entriesMax
    for (const lane of this.#ready.lanes) {
      if (lane === undefined) continue
      const { paged } = lane
      if (paged === null || paged.writing) continue
      if (short || this.#queue.settings.lazy || isLong(paged)) left -= this.#shrinkTail(paged, left)
      if (short || paged.shrinks) left -= this.#shrinkHead(lane, paged, left)
      if (left <= 0) {
        this.schedule()
        break
      }
    }
    this.#expiry.arm()
    return entriesMax - left
  }

  #shrinkTail(paged: PagedPart, entriesMax: number): number {
    let moved = 0
    while (moved < entriesMax && !paged.writing) {
      const first = this.#ready.firstOfTail(paged)
      if (first === undefined) break
      const run = this.#run(paged.tail.size, (i) => paged.tail.at(i)!, 0)
      if (run.length > 0) {
        if (run[0]!.number > paged.gatheredTo) {
          paged.gatheredTo = run.at(-1)!.number
          if (this.#gathers(paged, run)) return moved + run.length
        }
        while (run.at(-1)!.number > paged.gatheredTo) run.pop()
        moved += run.length
        for (let i = 0; i < run.length; i++) this.#leave(this.#ready.pageFirstOfTail(paged))
      } else {
        moved += this.#write(paged, first, paged.tail.size, (i) => paged.tail.at(i)!, 0)
        break
      }
    }
    return moved
  }

  /** What is dropped from the back of the head is right before the range, so nothing may be on its way from there. */
  #shrinkHead(lane: Lane, paged: PagedPart, entriesMax: number): number {
    const { memory } = this.#host
    const idle = this.#queue.settings.lazy && !this.#queue.wantsMessages
    const keep = idle ? 0 : this.#kept(lane, memory.keepEntries, memory.keepBytes)
    let moved = 0
    while (moved < entriesMax && !paged.writing && !this.#loading.has(lane.level)) {
      const last = this.#ready.lastOfHead(lane)
      if (last === undefined || lane.head.size <= keep || last.number <= this.#queue.lastRecoveredHeld) {
        paged.shrinks = false
        break
      }
      const at = (i: number): Entry => lane.head.at(lane.head.size - 1 - i)!
      const beyond = lane.head.size - keep
      const run = this.#run(beyond, at, this.#queue.lastRecoveredHeld)
      if (run.length > 0) {
        if (run[0]!.number < paged.gatheredFrom) {
          paged.gatheredFrom = run.at(-1)!.number
          if (this.#gathers(paged, run.toReversed())) return moved + run.length
        }
        while (run.at(-1)!.number < paged.gatheredFrom) run.pop()
        moved += run.length
        for (let i = 0; i < run.length; i++) this.#leave(this.#ready.pageLastOfHead(lane))
      } else {
        moved += this.#write(paged, last, beyond, at, this.#queue.lastRecoveredHeld)
        break
      }
    }
    return moved
  }

  /** How many entries from the head on stay. */
  #kept(lane: Lane, entriesMax: number, bytesMax: number): number {
    let bytes = 0
    const most = Math.min(entriesMax, lane.head.size)
    for (let i = 0; i < most; i++) {
      bytes += lane.head.at(i)!.message.bodyLength
      if (bytes > bytesMax) return i
    }
    return most
  }

  /** Stored entries from the end that leaves first, as many as go in one run; dead ones are passed over. */
  #run(size: number, at: (index: number) => Entry, above: number): Entry[] {
    const run: Entry[] = []
    let bytes = 0
    for (let i = 0; i < size && run.length < RUN_ENTRIES && bytes < RUN_BYTES; i++) {
      const entry = at(i)
      if (entry.state !== READY) continue
      if (entry.number <= above || !this.#log.isStored(entry)) break
      run.push(entry)
      bytes += entry.message.bodyLength
    }
    return run
  }

  #gathers(paged: PagedPart, run: readonly Entry[]): boolean {
    if (!this.#log.gather(run, () => this.#written(paged))) return false
    this.#writing(paged)
    return true
  }

  /** The first to leave is not stored: it is written now, with others like it; or it is about to be. @returns how many are written */
  #write(paged: PagedPart, first: Entry, size: number, at: (index: number) => Entry, above: number): number {
    if (first.location !== NOT_STORED) {
      this.#host.commits.wait(this)
      return 0
    }
    const run: Entry[] = []
    let bytes = 0
    for (let i = 0; i < Math.min(size, LOOK_ENTRIES) && run.length < RUN_ENTRIES && bytes < RUN_BYTES; i++) {
      const entry = at(i)
      if (entry.state !== READY || entry.location !== NOT_STORED) continue
      if (entry.number <= above) break
      run.push(entry)
      bytes += entry.message.bodyLength
    }
    if (run.length > 1 && run[0]!.number > run[1]!.number) run.reverse()
    this.#writing(paged)
    this.#log.spill(run, () => this.#written(paged))
    return run.length
  }

  #writing(paged: PagedPart): void {
    paged.writing = true
    this.#host.memory.writeBegins()
  }

  #written(paged: PagedPart): void {
    paged.writing = false
    this.#host.memory.writeEnds()
    this.schedule()
  }

  #leave(entry: Entry): void {
    entry.state = GONE
    this.#queue.leftMemory(entry)
  }

  // ---- in ----

  /** Loads what is next, where somebody wants it and too little is at hand. */
  load(): void {
    const ready = this.#ready
    if (ready.pagedCount === 0 || !this.#queue.wantsMessages) return
    const bytes = ready.bytes - ready.pagedBytes - ready.parkedHereBytes
    const { lazy } = this.#queue.settings
    const { keepEntries, keepBytes } = this.#host.memory
    // what a lazy queue does not keep would leave memory again at once
    const lowEntries = lazy ? Math.min(LOW_ENTRIES, Math.max(keepEntries, this.#queue.wantedNow())) : LOW_ENTRIES
    const lowBytes = lazy ? Math.min(LOW_BYTES, keepBytes) : LOW_BYTES
    let atHand = 0
    for (let level = ready.lanes.length - 1; level >= 0 && atHand < lowEntries; level--) {
      const lane = ready.lanes[level]
      if (lane === undefined) continue
      atHand += lane.live
      const { paged } = lane
      if (paged === null) continue
      if (paged.count > 0 && atHand < lowEntries && (lane.live === 0 || bytes - paged.tailBytes < lowBytes)) {
        this.#load(lane, paged, atHand)
      }
      atHand += paged.count + paged.tailLive
    }
  }

  #load(lane: Lane, paged: PagedPart, atHand: number): void {
    if (this.#loading.has(lane.level)) return
    const { memory } = this.#host
    let messagesMax = LOAD_ENTRIES
    let bytesMax = memory.loadBytes
    const room = memory.roomAhead / 2
    if (room < bytesMax + messagesMax * ENTRY_BYTES) {
      // what is wanted now is read, room or not; more than that as far as there is room
      const now = this.#queue.wantedNow()
      const wanted = now === 0 ? 0 : Math.max(0, now + (this.#ready.groups?.readAhead ?? 0) - atHand)
      messagesMax = Math.floor(Math.min(LOAD_ENTRIES, Math.max(wanted, room / ENTRY_BYTES)))
      if (messagesMax <= 0) return
      if (wanted === 0) bytesMax = Math.floor(Math.min(bytesMax, room))
    }
    const range = rangeOf(lane, paged)
    const load = new Load(this, lane, paged, range, this.begin(lane.level, bytesMax + messagesMax * ENTRY_BYTES))
    this.#log.load(range, messagesMax, bytesMax, load)
  }

  /** Something of a level is being read, and nothing else of it until it has `ended`. @param bytes of memory that it may take @returns the same */
  begin(level: number, bytes: number): number {
    this.#loading.add(level)
    this.#host.memory.loadBegins(bytes)
    return bytes
  }

  /** Nothing of the level is being read any more. */
  ended(level: number, bytes: number): void {
    this.#loading.delete(level)
    this.#host.memory.loadEnds(bytes)
    const idle = this.#idle
    this.#idle = []
    for (const go of idle) go()
  }

  /** Copies of the first messages of a range, or of the last ones from the highest number on, which stay where they are. */
  async copies(range: Range, last: boolean): Promise<Entry[]> {
    while (this.#loading.has(range.level)) await new Promise<void>((resolve) => this.#idle.push(resolve))
    if (this.#queue.deleted) return []
    const { loadBytes } = this.#host.memory
    const bytes = this.begin(range.level, loadBytes)
    return new Promise((resolve) => {
      const load = new CopyLoad(this.#queue, (copies) => {
        this.ended(range.level, bytes)
        resolve(copies)
        if (!this.#queue.deleted) this.goOn()
      })
      if (last) this.#log.loadLast(range, LOAD_ENTRIES, loadBytes, load)
      else this.#log.load(range, LOAD_ENTRIES, loadBytes, load)
    })
  }

  /**
   * Reads messages of the ranges back that are to go, if `agree` says so; the others stay where they are. Numbers that are in no range are
   * passed over.
   * @returns how many went
   */
  async take(numbers: readonly number[], agree: (entry: Entry) => boolean): Promise<number> {
    while (this.#loading.size > 0) await new Promise<void>((resolve) => this.#idle.push(resolve))
    if (this.#queue.deleted) return 0
    // nothing of the ranges may be read twice, nor anything be put before them
    const levels = this.#ready.lanes.filter((lane) => lane !== undefined).map(({ level }) => level)
    const { loadBytes } = this.#host.memory
    for (const level of levels) this.begin(level, 0)
    this.#host.memory.loadBegins(loadBytes)
    let taken = 0
    let left = numbers.filter((number) => levels.some((level) => this.#rangeAt(level, number)))
    while (left.length > 0 && !this.#queue.deleted) {
      const wanted = left
      left = await new Promise((resolve) => {
        const load = new TakeLoad(this.#queue, this, wanted, (found, unread) => {
          for (const one of found) if (this.#takeOne(one, agree)) taken++
          resolve(unread)
        })
        this.#log.loadNumbers(wanted, loadBytes, load)
      })
    }
    this.#host.memory.loadEnds(loadBytes)
    for (const level of levels) this.ended(level, 0)
    if (this.#queue.deleted) return taken
    for (const lane of this.#ready.lanes) {
      if (lane !== undefined && lane.paged !== null && lane.paged.count === 0) this.#ready.close(lane)
    }
    this.goOn()
    return taken
  }

  /**
   * Reads the next messages of a part of a range, to do with them what `reread` says. What stays in the range is in no list meanwhile, and
   * nobody else reads there. @returns the number to go on from; Infinity where the part ends
   */
  async reread({ level, from, to }: Range, reread: Reread): Promise<number> {
    while (this.#loading.has(level)) await new Promise<void>((resolve) => this.#idle.push(resolve))
    const lane = this.#ready.lanes[level]
    const paged = lane?.paged ?? null
    if (lane === undefined || paged === null || paged.count === 0 || this.#queue.deleted) return Infinity
    const range = { level, from: Math.max(from, paged.from), to: Math.min(to, paged.to) }
    if (range.from > range.to) return Infinity
    const { loadBytes } = this.#host.memory
    const ready = this.#ready
    this.begin(level, loadBytes)
    const isThere = (): boolean => lane.paged === paged && !this.#queue.deleted
    const next = await new Promise<number>((resolve) => {
      const load = new RereadLoad(this, lane, paged, (entries, last) => {
        const misfiled = reread.onRead(entries, level, isThere())
        for (const { message } of misfiled) this.#ready.lost(paged, 1, message.bodyLength)
        for (const entry of misfiled) if (entry.expiresAt >= 0) this.#queue.expires(entry)
        this.#file(misfiled)
        // what came into the range meanwhile made this read void
        if (isThere()) resolve(last < 0 ? Infinity : last + 1)
        else resolve(range.from)
      })
      this.#log.load(range, LOAD_ENTRIES, loadBytes, load)
    })
    await reread.finish(() => this.#ready !== ready || this.#queue.deleted)
    this.ended(level, loadBytes)
    if (isThere() && paged.count === 0) this.#ready.close(lane)
    if (!this.#queue.deleted) this.goOn()
    return next
  }

  /** Whether something of a level is being read. */
  isLoading(level: number): boolean {
    return this.#loading.has(level)
  }

  /** Called by a load. */
  readAgain(message: LoadedMessage): Entry {
    return this.#queue.entryOf(message)
  }

  /** Called by a load. @returns the range that a message is in; null where it is somewhere else */
  rangeOf({ level, number, state }: LoadedMessage): PagedPart | null {
    return state === STATE_READY ? this.#rangeAt(level, number) : null
  }

  #rangeAt(level: number, number: number): PagedPart | null {
    const paged = this.#ready.lanes[level]?.paged ?? null
    return paged !== null && !this.#queue.deleted && number >= paged.from && number <= paged.to ? paged : null
  }

  /** Called by a load. */
  lostByNumber(number: number, level: number, bytes: number): void {
    const paged = this.#rangeAt(level, number)
    if (paged === null) return
    this.#ready.lost(paged, 1, bytes)
    this.#queue.counters.lost++
  }

  #takeOne({ entry, paged, level }: FoundInRange, agree: (entry: Entry) => boolean): boolean {
    const { store } = this.#host
    store.begin()
    try {
      if (agree(entry) && this.#ready.lanes[level]?.paged === paged) {
        this.#ready.lost(paged, 1, entry.message.bodyLength)
        this.#queue.endLoaded(entry)
        return true
      }
      this.#queue.staysInStore(entry)
      return false
    } finally {
      store.end()
    }
  }

  /** Called by a load. `misfiled` gets what belongs to another level. */
  loaded(lane: Lane, paged: PagedPart, message: LoadedMessage, misfiled: Entry[]): QueueEntry | null {
    if (lane.paged !== paged || this.#queue.deleted) return null
    const entry = this.#queue.entryOf(message)
    if (entry.expiresAt >= 0) this.#queue.expires(entry)
    if (entry.level === lane.level) this.#ready.loaded(lane, entry)
    else {
      this.#ready.lost(paged, 1, entry.message.bodyLength)
      paged.from = entry.number + 1
      misfiled.push(entry)
    }
    return entry
  }

  /** Messages were stored with other levels than they have now: what their places are is new to memory and store. */
  #file(misfiled: readonly Entry[]): void {
    if (misfiled.length === 0) return
    const { entries } = this.#queue.parts()
    for (const entry of misfiled) entries.record(entry, STATE_READY, 0, 0)
    this.guardOut(misfiled)
    this.leaveInPlace(this.#ready.file(misfiled))
  }

  /**
   * Messages come into lanes of which higher numbers are out: these would be read with a range that grows over them, while their consumers
   * have them, if the log took them for ready. What comes back of them has its place in a range, perhaps.
   */
  guardOut(come: readonly Entry[]): void {
    const lowest = new Map<number, number>()
    for (const { level, number } of come) lowest.set(level, Math.min(number, lowest.get(level) ?? number))
    const queue = this.#queue
    for (const { entry } of this.#host.outstanding(queue)) {
      if (entry.state !== UNACKED || entry.number < (lowest.get(entry.level) ?? Infinity)) continue
      queue.parts().entries.record(entry, STATE_HELD, this.#host.clock.now(), 0)
      queue.lastRecoveredHeld = Math.max(queue.lastRecoveredHeld, entry.number)
    }
  }

  /** Entries that lie within ranges, as the log knows, leave memory. */
  leaveInPlace(inRanges: readonly Entry[]): void {
    for (const entry of inRanges) {
      const lane = this.#ready.lanes[entry.level]!
      if (this.#loading.has(lane.level)) this.#ready.renewRange(lane)
      this.#ready.pageInPlace(lane.paged!, entry)
      this.#leave(entry)
    }
    if (inRanges.length > 0) this.#expiry.arm()
  }

  /** Ranges are others than before. */
  refiled(): void {
    for (const lane of this.#ready.lanes) {
      if (lane !== undefined && lane.paged !== null)
        lane.paged.expiresAt = this.#log.earliestExpiry(rangeOf(lane, lane.paged))
    }
    this.goOn()
  }

  /** Called by a load. */
  lost(lane: Lane, paged: PagedPart, count: number, bytes: number): void {
    if (lane.paged !== paged || this.#queue.deleted) return
    this.#ready.lost(paged, count, bytes)
    this.#queue.counters.lost += count
  }

  /** Called by a load. */
  loadEnded({ lane, paged, range, bytes, missing, misfiled }: LoadEnd): void {
    this.ended(lane.level, bytes)
    if (this.#queue.deleted) return
    this.#file(misfiled)
    if (lane.paged === paged) {
      if (missing > 0) {
        this.#host.onLost(this.#queue, missing)
        this.lost(lane, paged, missing, paged.count === missing ? paged.bytes : 0)
        paged.from = range.to + 1
      }
      if (paged.count === 0) this.#ready.close(lane)
    }
    this.goOn()
  }

  /** A range is other than before: who waits for it may look. */
  goOn(): void {
    this.#expiry.arm()
    this.#queue.moreAtHand()
    this.load()
  }

  // ---- back into a range ----

  /**
   * Puts an entry that was held since before the start, or before priorities changed, back to its place, if that is not before a range.
   * @returns false when it is not
   */
  takesBack(entry: Entry): boolean {
    const paged = this.#ready.lanes[entry.level]?.paged ?? null
    if (paged === null || entry.number < paged.from) return false
    // behind the range it goes between those that are in memory there
    this.leaveInPlace(this.#ready.file([entry]))
    return true
  }

  /**
   * Has an entry written whose place is in a range, as what lay around it left memory while a consumer had it.
   * @returns whether it can go back to its place: not while it is being written, or the place being read
   */
  prepareBack(entry: Entry): boolean {
    if (this.#loading.has(entry.level)) return false
    if (this.#rangeAt(entry.level, entry.number) === null || this.#log.isStored(entry)) return true
    if (entry.location === NOT_STORED) this.#log.spill([entry], () => {})
    return false
  }
}

const isLong = (paged: PagedPart): boolean =>
  paged.count > 0 && (paged.tailLive >= TAIL_ENTRIES || paged.tailBytes >= TAIL_BYTES)
