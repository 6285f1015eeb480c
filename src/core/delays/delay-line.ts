import { type LoadedMessage, NOT_STORED, type QueueLog } from '../../store/message-store.ts'
import type { Timer, TimerTarget } from '../../util/clock.ts'
import { RingDeque } from '../../util/ring-deque.ts'
import { PHASE_FLUSH, type TurnTask } from '../../util/turn.ts'
import type { CommitWaiter } from '../commits.ts'
import { ENTRY_BYTES, type MemoryUser } from '../message-memory.ts'
import type { Message } from '../message.ts'
import { ACCEPTED, REJECTED } from '../queues/queue.ts'
import type { Target } from '../router.ts'
import { delayCommandOf, DelayCommands } from './delay-commands.ts'
import type { DelayHost, DelayOwner } from './delay-host.ts'
import { DelayedEntry } from './delayed-entry.ts'
import { DelayList } from './delay-list.ts'
import { DueHeap } from './due-heap.ts'
import { asReleased, DELAY_HEADERS, dueAtOf } from './due-time.ts'
import { DueLoad } from './due-load.ts'

/** What is due within this time is in the heap; of what is due later memory has nothing. Looked for when half of it is over. */
const WINDOW_MS = 60_000
/** Messages released in one go: more of them wait for the next turn. */
const RELEASES_MAX = 256
/** Bytes read in one go for it. */
const LOAD_BYTES = 1024 * 1024
/** Transient messages written in one go, so that they can leave memory. */
const SPILLS_MAX = 2048
/** Messages that leave memory in one go: about 5 ms. */
const EVICTIONS_MAX = 2500
/** A message that could not be taken when it was due is offered again after this time. */
const RETRY_MS = 1000

interface Due {
  readonly number: number
  readonly dueAt: number
}

/**
 * The messages of one exchange or queue that are not due yet, in a log of their own, where they look like messages that expire. They
 * leave memory as soon as they are on disk, unless they are due soon; so a message that waits for long costs a row in an index that is
 * itself paged. Ahead of time the log is asked for the numbers of what is due next, and at that time for the messages.
 */
export class DelayLine implements Target, TurnTask, TimerTarget, CommitWaiter, MemoryUser {
  readonly kind = 'delay'
  mark = 0
  scheduled = false
  waits = false
  /** Whether messages are to be kept; those that are already there are in any case. */
  enabled = true
  /** Messages that are not due yet, and their body bytes. */
  count = 0
  bytes = 0
  owner: DelayOwner
  readonly commands: DelayCommands
  readonly list: DelayList
  readonly host: DelayHost
  readonly log: QueueLog
  /** Those that are in memory, by number. */
  readonly #entries = new Map<number, DelayedEntry>()
  #entriesBytes = 0
  readonly #near = new DueHeap()
  /** In memory and not near: they leave when they are stored. */
  readonly #far = new RingDeque<DelayedEntry>()
  /** Near ones that are no more. */
  readonly #ended = new Set<number>()
  #lastNumber: number
  /** What is due up to here is near. */
  #horizon: number
  /** Nothing beyond the horizon is due before. */
  #earliestFar = Infinity
  /** Numbers up to here are being looked through for what is due before the horizon; 0 when none are. */
  #collecting = 0
  /** Not all that was due when the broker was started is near yet. */
  #recovering = false
  /** What is due is being read. */
  #loading = false
  #spilling = false
  /** Who waits for loads and looks to end. */
  readonly #waiting: (() => void)[] = []
  #timer: Timer | null = null
  #closed = false

  constructor(host: DelayHost, owner: DelayOwner, log: QueueLog) {
    this.host = host
    this.owner = owner
    this.log = log
    this.commands = new DelayCommands(this)
    this.list = new DelayList(this)
    this.#lastNumber = log.lastNumber
    this.#horizon = host.store.spills ? host.clock.now() + WINDOW_MS : Infinity
    for (const { count, bytes } of log.recovered()) {
      this.count += count
      this.bytes += bytes
    }
    this.#recovering = this.count > 0
  }

  // ---- in ----

  /** Whether a message has to wait, or is a command to this line. */
  takes(message: Message): boolean {
    if (!this.enabled || !message.mayHaveHeader(DELAY_HEADERS)) return false
    const now = this.host.clock.now()
    return dueAtOf(message, now) >= 0 || delayCommandOf(message, now) !== null
  }

  publish(message: Message): number {
    const now = this.host.clock.now()
    const command = delayCommandOf(message, now)
    if (command !== null) return this.commands.ask(command) ? ACCEPTED : REJECTED
    const kept = asReleased(message)
    this.host.observer?.became(message, kept)
    this.add(kept, Math.max(now, dueAtOf(message, now)))
    // the publisher waits for the one that is kept
    message.position = Math.max(message.position, kept.position)
    return ACCEPTED
  }

  /** Whether a message that waits is there after a restart. */
  logs(message: Message): boolean {
    return this.owner.durable && (message.persistent || this.owner.alwaysPersistent)
  }

  /** @param dueAt ms since the epoch */
  add(message: Message, dueAt: number): void {
    const { store, memory } = this.host
    if (message.slab === null) store.adopt(message)
    message.references++
    const entry = new DelayedEntry(message, ++this.#lastNumber, dueAt)
    memory.added()
    this.#keep(entry)
    this.host.observer?.kept(message, this.#placeOf(entry))
    this.count++
    this.bytes += message.bodyLength
    if (this.logs(message)) {
      message.position = Math.max(message.position, this.log.enqueue(entry))
    }
    // with nothing beyond it, the horizon moves by itself
    if (this.#earliestFar === Infinity && this.#collecting === 0 && !this.#recovering) {
      this.#horizon = Math.max(this.#horizon, this.host.clock.now() + WINDOW_MS)
    }
    if (dueAt <= this.#horizon) this.#comesNear(entry)
    else {
      this.#far.push(entry)
      this.#earliestFar = Math.min(this.#earliestFar, dueAt)
      this.#schedule()
    }
    this.#arm()
  }

  #placeOf({ number }: DelayedEntry): string {
    return `${this.owner.kind} ${this.owner.name}:${number}`
  }

  #keep(entry: DelayedEntry): void {
    this.#entries.set(entry.number, entry)
    this.#entriesBytes += entry.message.bodyLength
  }

  #comesNear(entry: DelayedEntry): void {
    entry.isNear = true
    this.#near.push(entry.expiresAt, entry.number)
  }

  /** What the log had when the broker was started is taken up from now on. */
  recover(): void {
    if (this.#recovering) this.#look(this.host.clock.now())
  }

  // ---- out ----

  onTimer(now: number): void {
    this.#timer = null
    if (now >= this.#horizon - WINDOW_MS / 2) this.#look(now)
    this.#release(now)
  }

  #arm(): void {
    const due = Math.min(this.#recovering || this.#loading ? Infinity : this.#near.nextDueAt, this.#nextLook())
    if (this.#timer !== null && this.#timer.dueAt <= due) return
    this.#timer?.cancel()
    this.#timer = null
    if (due === Infinity || this.#closed) return
    const { clock } = this.host
    this.#timer = clock.schedule(Math.max(0, due - clock.now()), this)
  }

  /** When to look for what is due next beyond the horizon: with half a window to spare. */
  #nextLook(): number {
    if (this.#collecting > 0 || this.#earliestFar === Infinity) return Infinity
    return Math.max(this.#horizon, this.#earliestFar) - WINDOW_MS / 2
  }

  #estimateFar(): void {
    this.#earliestFar = Infinity
    if (this.count === 0) return
    const stored = this.log.earliestExpiry({ from: 1, to: Infinity, level: 0 })
    if (stored >= 0) this.#earliestFar = stored
    for (const { expiresAt } of this.#far.values()) this.#earliestFar = Math.min(this.#earliestFar, expiresAt)
  }

  /** Moves the horizon, and sees to it that all before it is near. */
  #look(now: number): void {
    if (this.#collecting > 0 || this.#closed) return
    const after = this.#recovering ? -1 : this.#horizon
    this.#horizon = now + WINDOW_MS
    this.#collecting = this.#lastNumber
    for (const entry of this.#entries.values()) {
      if (!entry.isNear && entry.expiresAt <= this.#horizon) this.#comesNear(entry)
    }
    this.#far.filter(({ isNear }) => !isNear)
    this.log.collectExpiring(after, this.#horizon, {
      onExpiring: (number, dueAt) => {
        // what is in memory is near already
        if (number <= this.#collecting && !this.#entries.has(number)) this.#near.push(dueAt, number)
      },
      onCollectEnd: () => {
        this.#collecting = 0
        this.#recovering = false
        this.#estimateFar()
        if (!this.#closed) this.#release(this.host.clock.now())
        this.#wake()
      },
    })
  }

  /** Lets go of what is due, in the order of due times. */
  #release(now: number): void {
    if (this.#closed || this.#loading || this.#recovering) return
    const due: Due[] = []
    const missing: number[] = []
    while (this.#near.nextDueAt <= now && due.length < RELEASES_MAX) {
      const dueAt = this.#near.nextDueAt
      const number = this.#near.pop()
      if (this.#ended.delete(number)) continue
      due.push({ number, dueAt })
      if (!this.#entries.has(number)) missing.push(number)
    }
    if (missing.length === 0) this.#releaseAll(due)
    else {
      this.#loading = true
      this.host.memory.loadBegins(LOAD_BYTES)
      this.log.loadNumbers(missing, LOAD_BYTES, new DueLoad(this, missing, (unread) => this.#loaded(due, unread)))
    }
  }

  /** Called by a load. */
  entryOf(loaded: LoadedMessage): DelayedEntry {
    const { store, memory, decoder } = this.host
    const message = decoder.decode(loaded)
    store.adopt(message)
    message.references = 1
    memory.added()
    const entry = new DelayedEntry(message, loaded.number, loaded.expiresAt)
    this.host.observer?.readBack(message, this.#placeOf(entry))
    entry.isNear = true
    this.#keep(entry)
    return entry
  }

  /** Messages are not to be had any more. */
  lost(count: number, bytes: number): void {
    this.count -= count
    this.bytes -= bytes
    this.host.onLost(this.owner, count)
  }

  /** What was not read, and what comes after it, waits for the next time. */
  #loaded(due: readonly Due[], unread: readonly number[]): void {
    this.#loading = false
    this.host.memory.loadEnds(LOAD_BYTES)
    if (this.#closed) return
    const end = unread.length === 0 ? due.length : due.findIndex(({ number }) => number === unread[0])
    for (const { number, dueAt } of due.slice(end)) this.#near.push(dueAt, number)
    this.#releaseAll(due.slice(0, end))
    this.#wake()
  }

  #releaseAll(due: readonly Due[]): void {
    const { store, clock } = this.host
    if (due.length > 0) {
      // leaving the line and reaching a queue happen both or not at all
      store.begin()
      for (const { number } of due) {
        const entry = this.#entries.get(number)
        if (entry === undefined) continue
        if (this.owner.release(entry.message)) this.end(entry)
        else this.#near.push(clock.now() + RETRY_MS, number)
      }
      store.end()
    }
    if (this.#near.nextDueAt <= clock.now()) this.#schedule()
    this.#arm()
  }

  /** Nothing is released until `resume`; resolves when nothing is on its way any more. */
  async pause(): Promise<void> {
    while (this.#loading || this.#collecting > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    this.#loading = true
  }

  resume(): void {
    this.#loading = false
    if (!this.#closed) this.#release(this.host.clock.now())
    this.#wake()
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  /** A message is no more: it was released, or cancelled. */
  end(entry: DelayedEntry): void {
    this.count--
    this.bytes -= entry.message.bodyLength
    if (entry.location !== NOT_STORED) this.log.settle(entry)
    this.#leave(entry)
  }

  /** As `end`, for one that may still be in the heap. */
  cancel(entry: DelayedEntry): void {
    if (entry.expiresAt <= this.#horizon) this.#ended.add(entry.number)
    else this.#far.filter((other) => other !== entry)
    this.end(entry)
  }

  #leave(entry: DelayedEntry): void {
    this.#entries.delete(entry.number)
    this.#entriesBytes -= entry.message.bodyLength
    this.host.memory.removed()
    this.host.store.release(entry.message)
  }

  // ---- memory ----

  /** Those that are in memory, in no particular order. */
  inMemory(): Iterable<DelayedEntry> {
    return this.#entries.values()
  }

  find(number: number): DelayedEntry | undefined {
    return this.#entries.get(number)
  }

  /** The highest number so far. */
  get lastNumber(): number {
    return this.#lastNumber
  }

  runAtTurnEnd(): void {
    if (this.#closed) return
    this.#shed()
    this.#release(this.host.clock.now())
  }

  #schedule(): void {
    if (!this.scheduled) this.host.turn.schedule(PHASE_FLUSH, this)
  }

  onCommitted(): void {
    if (!this.#closed) this.#schedule()
  }

  /** What is due later than soon leaves memory. */
  #shed(): void {
    if (!this.host.store.spills) return
    for (let entry = this.#far.peek(); entry !== undefined; entry = this.#far.peek()) {
      if (this.#entries.has(entry.number)) {
        if (this.log.isStored(entry)) this.#leave(entry)
        else if (entry.location === NOT_STORED) {
          this.#spill([...this.#far.values()])
          return
        } else {
          this.host.commits.wait(this)
          return
        }
      }
      this.#far.shift()
    }
  }

  #spill(entries: readonly DelayedEntry[]): void {
    const run = entries.filter(({ location }) => location === NOT_STORED).slice(0, SPILLS_MAX)
    if (this.#spilling || run.length === 0) return
    this.#spilling = true
    this.host.memory.writeBegins()
    this.log.spill(run, () => {
      this.#spilling = false
      this.host.memory.writeEnds()
      this.onCommitted()
    })
  }

  excess(keepEntries: number, keepBytes: number): number {
    const entries = Math.max(0, this.#entries.size - keepEntries)
    return entries * ENTRY_BYTES + Math.max(0, this.#entriesBytes - keepBytes)
  }

  evict(entriesMax: number): number {
    // what is being looked for must not be both in memory and found on disk
    if (this.#collecting > 0 || this.#loading) return 0
    const most = Math.min(entriesMax, EVICTIONS_MAX)
    let looked = 0
    const unstored: DelayedEntry[] = []
    for (const entry of this.#entries.values()) {
      if (looked++ === most) break
      if (this.log.isStored(entry)) this.#leave(entry)
      else if (entry.location === NOT_STORED) unstored.push(entry)
    }
    if (unstored.length > 0) this.#spill(unstored.sort((a, b) => a.number - b.number))
    return looked
  }

  // ---- the end ----

  /** The node stops: what the log has stays as it is. */
  stop(): void {
    this.#closed = true
    this.#timer?.cancel()
    this.#timer = null
  }

  /** The owner is deleted, and its log with it. */
  close(): void {
    this.stop()
    this.#wake()
    for (const entry of [...this.#entries.values()]) this.#leave(entry)
    this.#near.clear()
    this.#far.clear()
    this.count = 0
    this.bytes = 0
  }
}
