import { type LoadedMessage, NOT_STORED, type QueueLog } from '../../store/message-store.ts'
import type { Timer, TimerTarget } from '../../util/clock.ts'
import type { CommitWaiter } from '../commits.ts'
import { ENTRY_BYTES } from '../message-memory.ts'
import { type Entry, GONE, READY } from '../queues/entry.ts'
import { CopyLoad } from '../queues/look.ts'
import type { QueueHost } from '../queues/queue-host.ts'
import type { Queue } from '../queues/queue.ts'
import type { ReadyMessages } from '../queues/ready-messages.ts'
import { EntryLoad, GroupLoad } from './group-load.ts'
import { type MessageGroup, RUNNABLE } from './message-group.ts'
import type { MessageGroups } from './message-groups.ts'
import { NumberSettler } from './number-settler.ts'

/** Messages written in one go, so that they can leave memory. */
const RUN_ENTRIES = 2048
/** Messages read in one go; and of each group, where there is room. */
const LOAD_ENTRIES = 512
const LOAD_AHEAD = 16
/** Expired messages read in one go. */
const EXPIRED_MAX = 1000
/** Groups looked at in one go for what can leave memory. */
const GROUPS_PER_TURN = 50_000
/** With so many groups, looking for what has expired takes a ms: it is done as much less often. */
const GROUPS_PER_MS = 1000
/** Messages listed in one go. */
const BROWSE_ENTRIES = 256

const byNumber = (a: Entry, b: Entry): number => a.number - b.number
const numberOf = (item: Entry | number): number => (typeof item === 'number' ? item : item.number)

/** Whether the first message of a group is in the store only, and nobody reads it yet. */
const isToBeRead = (group: MessageGroup): boolean => group.size > 0 && group.loading === 0 && group.peek() === undefined

/**
 * Moves the parked messages of a queue between memory and store: out, where memory is short; and in, when it is their group's turn. What is
 * in the store only lies anywhere in it, and is read by number.
 */
export class GroupPager implements CommitWaiter, TimerTarget {
  waits = false
  readonly #queue: Queue
  readonly #host: QueueHost
  readonly #log: QueueLog
  readonly #groups: MessageGroups
  #ready: ReadyMessages
  /** The load of what is next, and the load of what has expired: one of each at a time. */
  #next: GroupLoad | null = null
  #expired: GroupLoad | null = null
  /** A group whose first message is wanted although it is not its turn: it is to be dropped. */
  #dropsFrom: MessageGroup | null = null
  #writes = 0
  /** The groups that have not been looked at for what can leave memory. */
  #shrinks: MapIterator<MessageGroup>
  /** At the earliest expiry of what is in the store only, or before it. */
  #timer: Timer | null = null
  readonly #settler: NumberSettler

  constructor(queue: Queue, host: QueueHost, log: QueueLog, groups: MessageGroups, ready: ReadyMessages) {
    this.#queue = queue
    this.#host = host
    this.#log = log
    this.#groups = groups
    this.#ready = ready
    this.#shrinks = groups.byKey.values()
    this.#settler = new NumberSettler(queue, host.turn, log)
  }

  // ---- out ----

  /** Lets go of so many entries, or has them written first. @returns how many it looked at */
  evict(entriesMax: number): number {
    let left = entriesMax
    const run: Entry[] = []
    const looks = Math.min(this.#groups.byKey.size, GROUPS_PER_TURN)
    for (let i = 0; i < looks && left > 0 && this.#ready.parkedHere > 0; i++) {
      const group = this.#nextToShrink()
      if (group.inMemory > 0) left -= this.#shrink(group, left, run)
    }
    this.#write(run)
    return entriesMax - left + run.length
  }

  /** All groups in turn, those that were there first. There is one. */
  #nextToShrink(): MessageGroup {
    let next = this.#shrinks.next()
    if (next.done === true) {
      this.#shrinks = this.#groups.byKey.values()
      next = this.#shrinks.next()
    }
    return next.value!
  }

  /** @param run gets what has to be written first @returns how many left */
  #shrink(group: MessageGroup, entriesMax: number, run: Entry[]): number {
    const keepsFirst = group.listing === RUNNABLE
    let entry = group.firstToLeave(keepsFirst)
    let moved = 0
    if (entry !== undefined && this.#log.isStored(entry)) {
      group.openTail(keepsFirst)
      while (entry !== undefined && moved < entriesMax && this.#log.isStored(entry)) {
        const next = group.pageFirstOfTail()
        this.#leave(entry)
        entry = next
        moved++
      }
    }
    if (entry === undefined || moved === entriesMax) return moved
    if (entry.location !== NOT_STORED) {
      this.#host.commits.wait(this)
    } else if (this.#writes === 0) {
      for (const other of group.leavers()) {
        if (run.length === RUN_ENTRIES) break
        if (other.location === NOT_STORED) run.push(other)
      }
    }
    return moved
  }

  #leave(entry: Entry): void {
    entry.state = GONE
    this.#ready.parkedLeft(entry.message.bodyLength)
    if (entry.expiresAt >= 0) this.#arm(entry.expiresAt)
    this.#queue.leftMemory(entry)
  }

  /** Their turn comes when it has been written: the memory is looked at again then. */
  #write(entries: readonly Entry[]): void {
    const levels = new Map<number, Entry[]>()
    for (const entry of entries.toSorted(byNumber)) {
      const run = levels.get(entry.level)
      if (run === undefined) levels.set(entry.level, [entry])
      else run.push(entry)
    }
    for (const run of levels.values()) {
      this.#writes++
      this.#host.memory.writeBegins()
      this.#log.spill(run, () => {
        this.#writes--
        this.#host.memory.writeEnds()
      })
    }
  }

  onCommitted(): void {
    this.#host.memory.look()
  }

  // ---- in ----

  get isLoading(): boolean {
    return this.#next !== null
  }

  /** Reads the first message of a group, whoever's turn it is. */
  loadFor(group: MessageGroup): void {
    this.#dropsFrom = group
    this.load()
  }

  /** Reads what is next, where somebody wants it. */
  load(): void {
    if (this.#next !== null || (this.#groups.wanting === 0 && this.#dropsFrom === null)) return
    if (this.#queue.deleted || !this.#queue.wantsMessages) return
    const { memory } = this.#host
    const bytesMax = memory.loadBytes
    const ahead = memory.roomAhead / 2 > bytesMax + LOAD_ENTRIES * ENTRY_BYTES ? LOAD_AHEAD : 1
    const load = new GroupLoad(this, null)
    const dropsFrom = this.#dropsFrom
    this.#dropsFrom = null
    if (dropsFrom !== null && isToBeRead(dropsFrom)) load.take(dropsFrom, ahead, bytesMax)
    const hadWanting = this.#groups.wanting > 0
    const wanted = this.#queue.wantedNow() - this.#groups.atHand
    for (let i = 0; i < wanted && load.size < LOAD_ENTRIES && load.bodyBytes < bytesMax; i++) {
      const group = this.#groups.shiftWanting()
      if (group === undefined) break
      load.take(group, ahead, bytesMax)
    }
    if (load.size > 0) this.#next = this.#begin(load)
    // nothing is left of those that had to be read: who waits for them is to look once more
    else if (hadWanting && this.#groups.wanting === 0) this.#queue.moreAtHand()
  }

  #begin(load: GroupLoad): GroupLoad {
    this.#host.memory.loadBegins(load.memoryBytes)
    this.#log.loadNumbers(load.numbers(), Infinity, load)
    return load
  }

  /** Called by a load. */
  loaded(load: GroupLoad, message: LoadedMessage): Entry | null {
    const awaited = load.received(message.number)
    if (awaited === undefined || this.#queue.deleted) return null
    const { group, bodyBytes } = awaited
    const entry = this.#queue.entryOf(message)
    if (load.expired !== null) {
      this.#ready.parkedLost(1, bodyBytes)
      load.expired.push(entry)
      return entry
    }
    this.#ready.parkedCame(bodyBytes)
    group.loading--
    group.loaded(entry)
    if (entry.expiresAt >= 0) this.#queue.expires(entry)
    return entry
  }

  /** Called by a load. */
  lost(load: GroupLoad, number: number): void {
    const awaited = load.received(number)
    if (awaited === undefined || this.#queue.deleted) return
    const { group, bodyBytes } = awaited
    this.#ready.parkedLost(1, bodyBytes)
    this.#queue.counters.lost++
    if (load.expired !== null) return
    group.loading--
    group.size--
  }

  /** Called by a load. */
  loadEnded(load: GroupLoad): void {
    this.#host.memory.loadEnds(load.memoryBytes)
    if (load === this.#next) this.#next = null
    else this.#expired = null
    if (this.#queue.deleted) return
    const missing = load.numbers()
    if (missing.length > 0) this.#host.onLost(this.#queue, missing.length)
    for (const number of missing) this.lost(load, number)
    for (const group of load.groups) this.#groups.settle(group)
    for (const entry of load.expired ?? []) this.#queue.expireLoaded(entry)
    if (load.expired !== null) this.#armForAll()
    this.#groups.endIfDone()
    this.#queue.moreAtHand()
    this.load()
  }

  // ---- expiry of what is in the store only ----

  #arm(dueAt: number): void {
    if (this.#expired !== null || (this.#timer !== null && this.#timer.dueAt <= dueAt)) return
    this.#timer?.cancel()
    const { clock } = this.#host
    this.#timer = clock.schedule(Math.max(0, dueAt - clock.now()), this)
  }

  #armForAll(): void {
    let earliest = Infinity
    for (const { stored } of this.#groups.byKey.values()) {
      const expiry = stored?.earliestExpiry ?? -1
      if (expiry >= 0 && expiry < earliest) earliest = expiry
    }
    const rest = Math.floor(this.#groups.byKey.size / GROUPS_PER_MS)
    if (earliest < Infinity) this.#arm(Math.max(earliest, this.#host.clock.now() + rest))
  }

  onTimer(now: number): void {
    this.#timer = null
    if (this.#queue.deleted || this.#expired !== null) return
    const load = new GroupLoad(this, [])
    for (const group of [...this.#groups.byKey.values()]) {
      if (load.size >= EXPIRED_MAX) break
      if (load.takeExpired(group, now, EXPIRED_MAX)) this.#groups.settle(group)
    }
    if (load.size > 0) this.#expired = this.#begin(load)
    else this.#armForAll()
  }

  // ---- the whole ----

  /**
   * Parked messages by age, with copies of those that are in the store only: those after a number, or with `down` those before it, the
   * youngest first. Nothing changes. What comes or goes meanwhile may be missing.
   */
  async *browse(from: number, down: boolean): AsyncGenerator<{ readonly entry: Entry; readonly inMemory: boolean }> {
    const stored = [...this.#groups.byKey.values()].flatMap((group) => [...(group.stored?.numbers() ?? [])])
    const loading = [this.#next, this.#expired].flatMap((load) => load?.numbers() ?? [])
    const all = [...this.#groups.inMemory(), ...stored, ...loading].filter((item) =>
      down ? numberOf(item) < from : numberOf(item) > from,
    )
    const sign = down ? -1 : 1
    all.sort((a, b) => sign * (numberOf(a) - numberOf(b)))
    for (let at = 0; at < all.length; at += BROWSE_ENTRIES) {
      const part = all.slice(at, at + BROWSE_ENTRIES)
      const numbers = part.filter((item) => typeof item === 'number')
      const copies = numbers.length === 0 || this.#queue.deleted ? [] : await this.#copies(numbers)
      const found = [
        ...copies.map((entry) => ({ entry, inMemory: false })),
        ...part.filter((item) => typeof item !== 'number').map((entry) => ({ entry, inMemory: true })),
      ]
      found.sort((a, b) => sign * (a.entry.number - b.entry.number))
      for (const one of found) if (one.entry.state === READY) yield one
    }
  }

  /**
   * Reads parked messages back that are to go, if `agree` says so; the others are parked again. Numbers that are not parked in the
   * store are passed over.
   * @returns how many went
   */
  async take(numbers: ReadonlySet<number>, agree: (entry: Entry) => boolean): Promise<number> {
    const groups = this.#groups.byKey.values().filter(({ stored }) => stored !== null)
    const wanted = groups.flatMap(({ stored }) => stored!.numbers().filter((number) => numbers.has(number)))
    const sorted = [...wanted].sort((a, b) => a - b)
    let taken = 0
    for (let at = 0; at < sorted.length && !this.#queue.deleted; at += BROWSE_ENTRIES) {
      const loaded: Entry[] = []
      await new Promise<void>((resolve) => {
        const load = new EntryLoad(this.#queue, loaded, resolve)
        this.#log.loadNumbers(sorted.slice(at, at + BROWSE_ENTRIES), Infinity, load)
      })
      taken += this.#takeAll(loaded, agree)
    }
    return taken
  }

  /** @param loaded of those that are not parked in the store any more, nothing is to be done */
  #takeAll(loaded: readonly Entry[], agree: (entry: Entry) => boolean): number {
    const those = new Set(loaded.map(({ number }) => number))
    const parked = new Map<number, number>()
    const touched: MessageGroup[] = []
    for (const group of this.#queue.deleted ? [] : this.#groups.byKey.values()) {
      const before = parked.size
      group.stored?.takeNumbers(those, ({ number, bodyBytes }) => parked.set(number, bodyBytes))
      group.size -= parked.size - before
      if (parked.size > before) touched.push(group)
    }
    let taken = 0
    for (const entry of loaded) {
      const bytes = parked.get(entry.number)
      if (bytes === undefined) this.#queue.staysInStore(entry)
      else if (this.#takeOne(entry, bytes, agree)) taken++
    }
    for (const group of touched) this.#groups.settle(group)
    this.#groups.endIfDone()
    return taken
  }

  #takeOne(entry: Entry, bytes: number, agree: (entry: Entry) => boolean): boolean {
    const { store } = this.#host
    this.#ready.parkedLost(1, bytes)
    store.begin()
    const goes = agree(entry)
    if (goes) this.#queue.endLoaded(entry)
    else this.#groups.parkAgain(entry)
    store.end()
    return goes
  }

  #copies(numbers: readonly number[]): Promise<Entry[]> {
    return new Promise((resolve) => this.#log.loadNumbers(numbers, Infinity, new CopyLoad(this.#queue, resolve)))
  }

  /** Called for each group that loses all it has parked. */
  purgedGroup(group: MessageGroup, old: ReadyMessages, settles: boolean): void {
    const { stored } = group
    if (stored === null) return
    old.parkedLost(stored.count, stored.bodyBytes)
    if (settles) this.#settler.addBacklog(stored)
  }

  /** What is being read is wanted no more; `fresh` takes the place of `old`. */
  purged(old: ReadyMessages, fresh: ReadyMessages, settles: boolean): void {
    for (const load of [this.#next, this.#expired]) {
      if (load === null) continue
      old.parkedLost(load.size, load.bodyBytes)
      if (settles) this.#settler.addNumbers(load.numbers())
      load.cancel()
    }
    this.#dropsFrom = null
    this.#ready = fresh
  }

  close(): void {
    this.#timer?.cancel()
    this.#timer = null
  }
}
