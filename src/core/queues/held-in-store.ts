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

  /** Called by a load. */
  entryOf(loaded: LoadedMessage): Entry {
    const entry = this.#queue.entryOf(loaded)
    this.#loaded.push(entry)
    return entry
  }

  /** Called by a load: messages are not to be had any more. */
  lost(count: number, bytes: number, numbers: readonly number[]): void {
    this.#gone(count, bytes)
    this.#queue.counters.dropped += count
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
    this.#loading = false
    this.#host.memory.loadEnds(LOAD_BYTES)
    const entries = this.#loaded
    this.#loaded = []
    for (const number of unread) this.#heap.push(dueAt, number)
    for (const entry of entries) {
      if (this.#closed) this.#queue.endLoaded(entry)
      else {
        this.#gone(1, entry.message.bodyLength)
        if (entry.expiresAt >= 0) this.#queue.expires(entry)
        this.#release(entry)
      }
    }
    this.#arm(0)
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
