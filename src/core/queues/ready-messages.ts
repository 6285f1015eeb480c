import { RingDeque } from '../../util/ring-deque.ts'
import type { MessageGroups } from '../groups/message-groups.ts'
import { type Entry, READY } from './entry.ts'
import { indexAfter, Lane, PagedPart } from './lane.ts'

/** Dead entries that a ring may carry before it is swept, on top of as many as there are live ones. */
const SWEEP_SLACK = 1024

/**
 * The deliverable messages of a queue, by priority. An entry leaves by `take`, or from anywhere by `remove`, which only marks it: rings
 * and heaps skip what is not READY and are swept when most of them is not. Parts of lanes may be in the store only; `Pager` moves
 * them there and back.
 */
export class ReadyMessages {
  /** All of them and their body bytes, those in the store included. */
  count = 0
  bytes = 0
  /** What of them is in the store only. */
  pagedCount = 0
  pagedBytes = 0
  /** Lanes that have a range and a tail. */
  pagedLanes = 0
  /** Another one has its place in the queue: what is in here is only to be freed. */
  purged = false
  /** Decides which message is next, where messages are grouped; it parks those whose turn it is not. */
  groups: MessageGroups | null = null
  /** Of all messages those that are parked, and so in no lane; of these, those in memory and their body bytes. */
  parkedCount = 0
  parkedHere = 0
  parkedHereBytes = 0
  #lanes: (Lane | undefined)[]
  #first: Lane
  /** Highest lane that may hold something. */
  #top = 0
  /** Returned entries in the order they came back, delivered before all others; null where they go back to their place. */
  #returnedFirst: RingDeque<Entry> | null
  #dead = 0

  constructor(levels: number, returnsFirst: boolean) {
    this.#first = new Lane(0)
    this.#lanes = new Array<Lane | undefined>(levels).fill(undefined)
    this.#lanes[0] = this.#first
    this.#returnedFirst = returnsFirst ? new RingDeque<Entry>() : null
  }

  /** The lanes that were ever used, by level. */
  get lanes(): readonly (Lane | undefined)[] {
    return this.#lanes
  }

  push(entry: Entry): void {
    const { level } = entry
    const lane = level === 0 ? this.#first : this.#lane(level)
    const { paged } = lane
    if (paged === null) {
      lane.head.push(entry)
      lane.live++
    } else {
      paged.tail.push(entry)
      paged.tailLive++
      paged.tailBytes += entry.message.bodyLength
    }
    this.#added(entry)
  }

  /** Takes back what was handed out. The caller gives them in the order of their delivery. */
  putBack(entry: Entry): void {
    if (this.#returnedFirst !== null) {
      this.#returnedFirst.push(entry)
      entry.returned = true
    } else {
      const lane = entry.level === 0 ? this.#first : this.#lane(entry.level)
      lane.returned.push(entry)
      lane.live++
    }
    this.#added(entry)
  }

  /** The next to be delivered; it stays. Null when there is none, or when it has to wait (`comesLater`). */
  peek(): Entry | null {
    return this.groups === null ? this.peekLanes() : this.groups.peek()
  }

  /** After `peek` has given nothing: whether there is something in the store that has to be read first. */
  get comesLater(): boolean {
    return this.groups === null ? this.count > 0 : this.groups.comesLater
  }

  /** The next of all lanes; it stays. */
  peekLanes(): Entry | null {
    if (this.count === this.parkedCount) return null
    const returned = this.#returnedFirst
    if (returned !== null) {
      for (let entry = returned.peek(); entry !== undefined; entry = returned.peek()) {
        if (entry.state === READY) return entry
        this.#forgetDead()
        returned.shift()
      }
    }
    for (let level = this.#top; level >= 0; level--) {
      const lane = this.#lanes[level]
      if (lane === undefined || (lane.live === 0 && !this.#advance(lane))) continue
      this.#top = level
      return lane.live === 0 ? null : this.#headOf(lane)
    }
    return null
  }

  /** After `peekLanes` has given nothing: the level whose next message has to be read first; -1 when there is none. */
  get waitingLevel(): number {
    return this.count === this.parkedCount ? -1 : this.#top
  }

  /** Takes what `peek` has just given; the caller sets its new state. */
  take(entry: Entry): void {
    if (this.groups === null) this.takeFromLanes(entry)
    else this.groups.take(entry)
  }

  /** Takes what `peekLanes` has just given; the caller sets its new state. */
  takeFromLanes(entry: Entry): void {
    this.count--
    this.bytes -= entry.message.bodyLength
    this.#unlink(entry)
  }

  #unlink(entry: Entry): void {
    if (entry.returned) {
      this.#returnedFirst!.shift()
      entry.returned = false
      return
    }
    const lane = this.#lanes[this.#top]!
    lane.live--
    if (lane.returned.size > 0 && lane.returned.peek() === entry) lane.returned.pop()
    else lane.head.shift()
  }

  /** `peek` and `take` in one. */
  shift(): Entry | null {
    const entry = this.peek()
    if (entry !== null) this.take(entry)
    return entry
  }

  /** The one to be dropped where there are too many: the next, or the oldest of all where messages are grouped. Null as in `peek`. */
  shiftOldest(): Entry | null {
    return this.groups === null ? this.shift() : this.groups.shiftOldest()
  }

  /** What is in memory, in the order of delivery, unchanged: for looking, since what came back is sorted each time. */
  *browse(): Generator<Entry> {
    yield* this.browseReturned()
    if (this.groups !== null) yield* this.groups.inMemory()
    for (const lane of this.#lanes.toReversed()) {
      if (lane === undefined) continue
      yield* this.browseHead(lane)
      if (lane.paged !== null) for (const entry of lane.paged.tail.values()) if (entry.state === READY) yield entry
    }
  }

  /** Those that came back and are delivered before all others. */
  *browseReturned(): Generator<Entry> {
    if (this.#returnedFirst === null) return
    for (const entry of this.#returnedFirst.values()) if (entry.state === READY) yield entry
  }

  *browseHead(lane: Lane): Generator<Entry> {
    const isReady = (entry: Entry): boolean => entry.state === READY
    yield* [...lane.returned.values(), ...lane.head.values()].filter(isReady).sort((a, b) => a.number - b.number)
  }

  /** Those of these messages that are ready and in memory, in no particular order. */
  findAll(numbers: ReadonlySet<number>): Entry[] {
    const found = [...this.browseReturned()].filter(({ number }) => numbers.has(number))
    for (const group of this.groups?.byKey.values() ?? []) {
      for (const entry of group.values()) if (numbers.has(entry.number)) found.push(entry)
    }
    for (const lane of this.#lanes) {
      if (lane === undefined) continue
      for (const entry of lane.returned.values()) {
        if (entry.state === READY && numbers.has(entry.number)) found.push(entry)
      }
      for (const ring of lane.paged === null ? [lane.head] : [lane.head, lane.paged.tail]) {
        for (const number of numbers) {
          const entry = ring.at(indexAfter(ring, number) - 1)
          if (entry?.number === number && entry.state === READY) found.push(entry)
        }
      }
    }
    return found
  }

  /** Takes an entry out from wherever it is. The caller sets its new state before the next call. */
  remove(entry: Entry): void {
    if (this.groups !== null && this.groups.remove(entry)) return
    const bytes = entry.message.bodyLength
    this.count--
    this.bytes -= bytes
    this.#dead++
    if (entry.returned) return
    const lane = this.#lanes[entry.level]!
    const { paged } = lane
    if (paged === null || entry.number < paged.from) lane.live--
    else {
      paged.tailLive--
      paged.tailBytes -= bytes
    }
  }

  /** Drops dead entries when they outnumber the live ones. Call after a run of removals, with their states set. */
  sweep(): void {
    if (this.#dead <= this.count - this.pagedCount + SWEEP_SLACK) return
    this.#dead = 0
    const isReady = (entry: Entry): boolean => entry.state === READY
    this.#returnedFirst?.filter(isReady)
    for (const lane of this.#lanes) {
      if (lane === undefined) continue
      lane.head.filter(isReady)
      lane.returned.retain(isReady)
      lane.paged?.tail.filter(isReady)
    }
  }

  // ---- other priorities than before ----

  /**
   * Puts everything into new lanes, after the entries in memory have got new levels. What came back keeps its turn where that is the rule
   * before and after. @param levelOf says to which level a range goes @returns entries that belong into ranges: these are not ready any more
   */
  refile(levels: number, returnsFirst: boolean, levelOf: (level: number) => number): Entry[] {
    const entries: Entry[] = []
    if (!returnsFirst) {
      for (const entry of this.browseReturned()) {
        entry.returned = false
        entries.push(entry)
      }
    }
    const ranges: Lane[] = []
    for (const lane of this.#lanes) {
      if (lane === undefined) continue
      for (const entry of this.browseHead(lane)) entries.push(entry)
      if (lane.paged === null) continue
      for (const entry of lane.paged.tail.values()) if (entry.state === READY) entries.push(entry)
      if (lane.paged.count > 0) ranges.push(lane)
    }
    for (const { message } of entries) {
      this.count--
      this.bytes -= message.bodyLength
    }
    this.#first = new Lane(0)
    this.#lanes = new Array<Lane | undefined>(levels).fill(undefined)
    this.#lanes[0] = this.#first
    this.#top = levels - 1
    this.#dead = 0
    this.pagedLanes = 0
    if (!returnsFirst) this.#returnedFirst = null
    else this.#returnedFirst ??= new RingDeque<Entry>()
    for (const { level, paged } of ranges) this.#joinRange(levelOf(level), paged!)
    // loads that are under way see by it that nobody waits for them
    for (const lane of ranges) lane.paged = null
    return this.file(entries)
  }

  #joinRange(level: number, part: PagedPart): void {
    const lane = this.#lane(level)
    const paged = lane.paged ?? this.open(lane, part.from)
    paged.to = paged.count === 0 ? part.to : Math.max(paged.to, part.to)
    paged.from = Math.min(paged.from, part.from)
    paged.count += part.count
    paged.bytes += part.bytes
  }

  /** Loads of this range that are under way are void: something has come into it. */
  renewRange(lane: Lane): void {
    lane.paged = Object.assign(new PagedPart(0), lane.paged)
  }

  /** Puts entries to their places among the others of their levels. @returns those that belong into ranges: these are in no list */
  file(entries: readonly Entry[]): Entry[] {
    const inRanges: Entry[] = []
    for (const [level, ones] of Map.groupBy(entries, (entry) => entry.level)) {
      const lane = this.#lane(level)
      const { paged } = lane
      const before = paged === null ? ones : ones.filter(({ number }) => number < paged.from)
      lane.live += before.length
      mergeInto(lane.head, [...before, ...takeReturned(lane, before)])
      for (const entry of before) this.#added(entry)
      if (paged === null) continue
      const behind = ones.filter(({ number }) => number > paged.to && number >= paged.from)
      paged.tailLive += behind.length
      mergeInto(paged.tail, behind)
      for (const entry of behind) {
        paged.tailBytes += entry.message.bodyLength
        this.#added(entry)
      }
      for (const entry of ones) if (entry.number >= paged.from && entry.number <= paged.to) inRanges.push(entry)
    }
    return inRanges
  }

  // ---- what groups have parked: counted, and in no lane ----

  /** Parks what `peekLanes` has just given. */
  park(entry: Entry): void {
    this.#unlink(entry)
    this.#countParked(1, 1, entry.message.bodyLength)
  }

  /** A message is parked again that had been taken out. */
  parkedAgain(entry: Entry): void {
    const bytes = entry.message.bodyLength
    this.count++
    this.bytes += bytes
    this.#countParked(1, 1, bytes)
  }

  /** A parked message that is in memory is not ready any more. */
  unpark(entry: Entry): void {
    const bytes = entry.message.bodyLength
    this.count--
    this.bytes -= bytes
    this.#countParked(-1, -1, -bytes)
  }

  /** Puts a parked message into its lane, wherever there: these messages are only to be freed. */
  unparkIntoLane(entry: Entry): void {
    this.#countParked(-1, -1, -entry.message.bodyLength)
    const lane = this.#lane(entry.level)
    lane.head.push(entry)
    lane.live++
    if (entry.level > this.#top) this.#top = entry.level
  }

  /** A parked message is in the store only. */
  parkedLeft(bytes: number): void {
    this.pagedCount++
    this.pagedBytes += bytes
    this.#countParked(0, -1, -bytes)
  }

  /** A parked message is in memory again. */
  parkedCame(bytes: number): void {
    this.pagedCount--
    this.pagedBytes -= bytes
    this.#countParked(0, 1, bytes)
  }

  /** Parked messages that were in the store only are not ready any more. */
  parkedLost(count: number, bytes: number): void {
    this.count -= count
    this.bytes -= bytes
    this.pagedCount -= count
    this.pagedBytes -= bytes
    this.parkedCount -= count
  }

  #countParked(count: number, here: number, hereBytes: number): void {
    this.parkedCount += count
    this.parkedHere += here
    this.parkedHereBytes += hereBytes
  }

  // ---- parts in the store ----

  /** From now on what is published to this lane may leave memory. `next` is the number that the next message gets. */
  open(lane: Lane, next: number): PagedPart {
    this.pagedLanes++
    return (lane.paged = new PagedPart(next))
  }

  /** A part that a queue had when it was started. */
  restore(level: number, part: { from: number; to: number; count: number; bytes: number }): PagedPart {
    const paged = this.open(this.#lane(level), part.from)
    paged.to = part.to
    paged.count = part.count
    paged.bytes = part.bytes
    this.pagedCount += part.count
    this.pagedBytes += part.bytes
    this.count += part.count
    this.bytes += part.bytes
    if (level > this.#top) this.#top = level
    return paged
  }

  /** All of the lane is in memory again. */
  close(lane: Lane): void {
    const paged = lane.paged!
    lane.paged = null
    this.pagedLanes--
    lane.live += paged.tailLive
    if (lane.head.size === 0) lane.head = paged.tail
    else for (const entry of paged.tail.values()) lane.head.push(entry)
  }

  /** Where no lane has a range that is not empty: what is handed out now must not have a number that a part has for its own. */
  closeAll(): void {
    for (const lane of this.#lanes) if (lane !== undefined && lane.paged !== null) this.close(lane)
  }

  /** The first of the tail, past what is dead there. */
  firstOfTail(paged: PagedPart): Entry | undefined {
    return this.#skipDead(paged.tail, true)
  }

  /** The last of the head, past what is dead there. */
  lastOfHead(lane: Lane): Entry | undefined {
    return this.#skipDead(lane.head, false)
  }

  /** The first of the tail is in the store, and leaves memory: the range reaches as far as to it now. */
  pageFirstOfTail(paged: PagedPart): Entry {
    const entry = this.firstOfTail(paged)!
    paged.tail.shift()
    paged.tailLive--
    paged.tailBytes -= entry.message.bodyLength
    if (paged.count === 0) paged.from = entry.number
    paged.to = entry.number
    this.#paged(paged, entry)
    return entry
  }

  /** The last of the head is in the store, and leaves memory: the range begins with it now. */
  pageLastOfHead(lane: Lane): Entry {
    const entry = this.lastOfHead(lane)!
    const paged = lane.paged!
    lane.head.pop()
    lane.live--
    if (paged.count === 0) paged.to = entry.number
    paged.from = entry.number
    this.#paged(paged, entry)
    return entry
  }

  /** An entry that was neither ready nor in the range is now in the range, at its place. */
  pageInPlace(paged: PagedPart, entry: Entry): void {
    paged.to = Math.max(paged.to, entry.number)
    this.count++
    this.bytes += entry.message.bodyLength
    this.#paged(paged, entry)
  }

  /** The first of the range is in memory again. */
  loaded(lane: Lane, entry: Entry): void {
    lane.head.push(entry)
    lane.live++
    const paged = lane.paged!
    paged.from = entry.number + 1
    this.#unpaged(paged, 1, entry.message.bodyLength)
  }

  /** Messages of the range are no more. */
  lost(paged: PagedPart, count: number, bytes: number): void {
    this.count -= count
    this.bytes -= bytes
    this.#unpaged(paged, count, bytes)
  }

  /** Merges what came back into the head, so that it can leave memory with it. Nothing of the queue may be handed out. */
  settleReturned(lane: Lane): void {
    const entries = [...this.browseHead(lane)]
    lane.returned.clear()
    lane.head.clear()
    for (const entry of entries) lane.head.push(entry)
  }

  #paged(paged: PagedPart, entry: Entry): void {
    const { message, expiresAt } = entry
    paged.count++
    paged.bytes += message.bodyLength
    this.pagedCount++
    this.pagedBytes += message.bodyLength
    if (expiresAt >= 0 && (paged.expiresAt < 0 || expiresAt < paged.expiresAt)) paged.expiresAt = expiresAt
  }

  #unpaged(paged: PagedPart, count: number, bytes: number): void {
    paged.count -= count
    paged.bytes -= bytes
    this.pagedCount -= count
    this.pagedBytes -= bytes
  }

  #skipDead(ring: RingDeque<Entry>, first: boolean): Entry | undefined {
    for (;;) {
      const entry = first ? ring.peek() : ring.peekLast()
      if (entry === undefined || entry.state === READY) return entry
      if (first) ring.shift()
      else ring.pop()
      this.#forgetDead()
    }
  }

  /** The head has run dry. @returns whether the lane has anything behind it */
  #advance(lane: Lane): boolean {
    const { paged } = lane
    if (paged === null) return false
    if (paged.count > 0) return true
    this.close(lane)
    return lane.live > 0
  }

  #headOf(lane: Lane): Entry {
    let back = lane.returned.peek()
    while (back !== undefined && back.state !== READY) {
      lane.returned.pop()
      this.#forgetDead()
      back = lane.returned.peek()
    }
    const fresh = this.#skipDead(lane.head, true)
    if (back === undefined) return fresh!
    return fresh === undefined || back.number < fresh.number ? back : fresh
  }

  #forgetDead(): void {
    if (this.#dead > 0) this.#dead--
  }

  #added(entry: Entry): void {
    entry.state = READY
    this.count++
    this.bytes += entry.message.bodyLength
    if (entry.level > this.#top) this.#top = entry.level
  }

  #lane(level: number): Lane {
    return (this.#lanes[level] ??= new Lane(level))
  }
}

/** Takes what came back and has its place behind the first of these: the head must not leave memory as far as to that, and this stay. */
function takeReturned(lane: Lane, come: readonly Entry[]): Entry[] {
  if (lane.returned.size === 0) return []
  const lowest = come.reduce((least, { number }) => Math.min(least, number), Infinity)
  const taken: Entry[] = []
  lane.returned.retain((entry) => {
    if (entry.number < lowest) return true
    taken.push(entry)
    return false
  })
  return taken
}

/** Puts entries between others, all in order of number. */
function mergeInto(ring: RingDeque<Entry>, entries: Entry[]): void {
  if (entries.length === 0) return
  const all = [...ring.values()].concat(entries).sort((a, b) => a.number - b.number)
  ring.clear()
  for (const entry of all) ring.push(entry)
}
