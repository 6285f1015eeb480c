import type { LoadedMessage, QueueLog } from '../../store/message-store.ts'
import type { Timer, TimerTarget } from '../../util/clock.ts'
import { DueHeap } from '../delays/due-heap.ts'
import { DueLoad } from '../delays/due-load.ts'
import type { Entry } from './entry.ts'
import type { QueueHost } from './queue-host.ts'
import type { Queue } from './queue.ts'

/** Messages read back in one go, and their bytes. */
const LOAD_ENTRIES = 256
const LOAD_BYTES = 1024 * 1024
/** With so many ready messages in memory, and memory short, what is due has to wait until some of them are gone. */
const READY_MAX = 2048
const ROOM_RETRY_MS = 100

/** Messages that wait for their next try in the store alone: of each, memory has the number and when it is due. */
export class HeldInStore implements TimerTarget {
  count = 0
  /** Body bytes. */
  bytes = 0
  readonly #queue: Queue
  readonly #host: QueueHost
  readonly #log: QueueLog
  readonly #release: (entry: Entry) => void
  readonly #heap = new DueHeap()
  #loaded: Entry[] = []
  #loading = false
  /** Who waits until nothing is being loaded. */
  readonly #idle: (() => void)[] = []
  #timer: Timer | null = null
  #closed = false

  /** @param release takes an entry that is to be had again */
  constructor(queue: Queue, host: QueueHost, log: QueueLog, release: (entry: Entry) => void) {
    this.#queue = queue
    this.#host = host
    this.#log = log
    this.#release = release
  }

  /** @param dueAt ms since the epoch */
  add(number: number, dueAt: number, bodyBytes: number): void {
    this.count++
    this.bytes += bodyBytes
    this.#heap.push(dueAt, number)
    this.#arm(0)
  }

  /** Those that are not being read. */
  rows(): Iterable<{ readonly dueAt: number; readonly number: number }> {
    return this.#heap.rows()
  }

  /** @param pauseMs not before this time is over */
  #arm(pauseMs: number): void {
    if (this.#loading || this.#closed || this.#heap.size === 0) return
    const delay = Math.max(pauseMs, this.#heap.nextDueAt - this.#host.clock.now())
    if (this.#timer !== null && this.#timer.dueAt <= this.#heap.nextDueAt) return
    this.#timer?.cancel()
    this.#timer = this.#host.clock.schedule(delay, this)
  }

  onTimer(now: number): void {
    this.#timer = null
    if (this.#host.memory.short && this.#queue.readyInMemory >= READY_MAX) {
      this.#arm(ROOM_RETRY_MS)
      return
    }
    const due: number[] = []
    while (this.#heap.nextDueAt <= now && due.length < LOAD_ENTRIES) due.push(this.#heap.pop())
    if (due.length === 0) {
      this.#arm(0)
      return
    }
    this.#loading = true
    this.#host.memory.loadBegins(LOAD_BYTES)
    this.#log.loadNumbers(due, LOAD_BYTES, new DueLoad(this, due, (unread) => this.#onLoaded(unread, now)))
  }

  /**
   * Ends the wait of these messages, as far as they are here and can be read.
   * @returns how many `then` was called with
   */
  async take(numbers: ReadonlySet<number>, then: (entry: Entry) => void): Promise<number> {
    while (this.#loading) await new Promise<void>((resolve) => this.#idle.push(resolve))
    let left: readonly number[] = this.#heap.take(numbers)
    let count = 0
    if (left.length === 0) return 0
    this.#timer?.cancel()
    this.#timer = null
    this.#loading = true
    const { memory } = this.#host
    while (left.length > 0 && !this.#closed) {
      const wanted = left
      memory.loadBegins(LOAD_BYTES)
      left = await new Promise<readonly number[]>((resolve) => {
        this.#log.loadNumbers(wanted, LOAD_BYTES, new DueLoad(this, wanted, resolve))
      })
      memory.loadEnds(LOAD_BYTES)
      count += this.#hand(then)
    }
    this.#goOn()
    return count
  }

  /** Called by a load. */
  entryOf(loaded: LoadedMessage): Entry {
    const entry = this.#queue.entryOf(loaded)
    this.#loaded.push(entry)
    return entry
  }

  /** Called by a load: messages are not to be had any more. */
  lost(count: number, bytes: number, numbers: readonly number[]): void {
    this.#gone(count, bytes)
    this.#queue.counters.lost += count
    this.#host.onLost(this.#queue, count)
    for (const number of numbers) this.#queue.heldLost(number)
  }

  #gone(count: number, bytes: number): void {
    this.count -= count
    // of what cannot even be found nobody knows how large it was
    this.bytes = this.count === 0 ? 0 : this.bytes - bytes
  }

  /** What was not read waits for the next time. */
  #onLoaded(unread: readonly number[], dueAt: number): void {
    this.#host.memory.loadEnds(LOAD_BYTES)
    for (const number of unread) this.#heap.push(dueAt, number)
    this.#hand(this.#release)
    this.#goOn()
  }

  /** Hands over what was read. @returns how many messages */
  #hand(then: (entry: Entry) => void): number {
    const entries = this.#loaded
    this.#loaded = []
    for (const entry of entries) {
      if (this.#closed) this.#queue.endLoaded(entry)
      else {
        this.#gone(1, entry.message.bodyLength)
        if (entry.expiresAt >= 0) this.#queue.expires(entry)
        then(entry)
      }
    }
    return this.#closed ? 0 : entries.length
  }

  #goOn(): void {
    this.#loading = false
    this.#arm(0)
    for (const resolve of this.#idle.splice(0)) resolve()
  }

  close(): void {
    this.#closed = true
    this.#timer?.cancel()
    this.#timer = null
    this.#heap.clear()
    this.count = 0
    this.bytes = 0
  }
}
