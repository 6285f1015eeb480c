import type { LoadedMessage, MessageStore, QueueLog } from '../../store/message-store.ts'
import { RingDeque } from '../../util/ring-deque.ts'
import { PHASE_FLUSH, type Turn, type TurnTask } from '../../util/turn.ts'
import type { Commits, CommitWaiter } from '../commits.ts'
import type { MessageDecoder } from '../message-decoder.ts'
import type { MessageMemory } from '../message-memory.ts'
import { copyOfMessage, type Message } from '../message.ts'
import { SideLogEntry } from '../side-log-entry.ts'
import type { SideLogOwner, SideLogs } from '../side-logs.ts'

/** Messages read in one go, and their bytes but for the first. */
const LOAD_MESSAGES = 1024
const LOAD_BYTES = 1024 * 1024

/** What kept messages need of their surroundings. */
export interface KeptHost {
  readonly store: MessageStore
  readonly commits: Commits
  readonly memory: MessageMemory
  readonly decoder: MessageDecoder
  readonly turn: Turn
  readonly sideLogs: SideLogs
  /** So many messages were to be in the store, and are not. */
  onLost(owner: SideLogOwner, count: number): void
}

/** A message with bytes of its own. */
export interface KeptMessage {
  readonly number: number
  readonly message: Message
  /** ms since the epoch, or -1 */
  readonly expiresAt: number
}

const OWNER: SideLogOwner = { kind: 'vhost', name: '', durable: true }

/**
 * Messages of a virtual host that are in no queue: they stay until somebody takes them out by their number, who knows by other means
 * which ones he wants. They are in a log of their own for each purpose, and leave memory as soon as they are on disk.
 */
export class KeptMessages implements TurnTask, CommitWaiter {
  scheduled = false
  waits = false
  readonly #host: KeptHost
  readonly #purpose: string
  readonly #log: QueueLog
  /** Those that are in memory, by number. */
  readonly #entries = new Map<number, SideLogEntry>()
  /** In the order in which they come to the disk. */
  readonly #unstored = new RingDeque<SideLogEntry>()
  #lastNumber: number
  /** In the log, of the last change. */
  #position = 0
  #closed = false

  constructor(host: KeptHost, purpose: string) {
    this.#host = host
    this.#purpose = purpose
    this.#log = host.sideLogs.open(OWNER, purpose)
    this.#lastNumber = this.#log.lastNumber
  }

  /**
   * Keeps a message, be it persistent or not. It is safe when `message.position` is committed, and so is that another one is gone.
   * @param expiresAt ms since the epoch, for who reads it back: nothing happens then by itself; -1 for none
   * @param instead number of one that goes, or 0
   * @returns its number, which no other ever has
   */
  add(message: Message, expiresAt: number, instead: number): number {
    const { store, memory } = this.#host
    if (message.slab === null) store.adopt(message)
    message.references++
    const entry = new SideLogEntry(message, ++this.#lastNumber, expiresAt)
    this.#entries.set(entry.number, entry)
    memory.added()
    store.begin()
    this.#log.enqueue(entry)
    if (instead !== 0) this.#settle(instead)
    this.#position = store.end()
    message.position = Math.max(message.position, this.#position)
    if (store.durable) {
      this.#unstored.push(entry)
      this.#host.commits.wait(this)
    }
    return entry.number
  }

  /** @returns the position in the log from which on it does not come back */
  remove(number: number): number {
    const { store } = this.#host
    store.begin()
    this.#settle(number)
    // of one that never gets to the disk nothing is recorded, but what it took the place of is to be gone
    this.#position = Math.max(this.#position, store.end())
    return this.#position
  }

  #settle(number: number): void {
    const entry = this.#entries.get(number)
    if (entry === undefined) {
      this.#log.settleNumbers([number])
      return
    }
    if (this.#host.store.durable) this.#log.settle(entry)
    this.#leave(entry)
  }

  #leave(entry: SideLogEntry): void {
    this.#entries.delete(entry.number)
    this.#host.memory.removed()
    this.#host.store.release(entry.message)
  }

  // ---- what is on disk leaves memory ----

  onCommitted(): void {
    if (!this.#closed && !this.scheduled) this.#host.turn.schedule(PHASE_FLUSH, this)
  }

  runAtTurnEnd(): void {
    if (this.#closed) return
    for (let entry = this.#unstored.peek(); entry !== undefined; entry = this.#unstored.peek()) {
      if (this.#entries.has(entry.number)) {
        if (!this.#log.isStored(entry)) {
          this.#host.commits.wait(this)
          return
        }
        this.#leave(entry)
      }
      this.#unstored.shift()
    }
  }

  // ---- reading ----

  /** Those of these messages that are there, in the order of the numbers, about a megabyte of them at a time. */
  async *read(numbers: readonly number[]): AsyncGenerator<KeptMessage> {
    for (let at = 0; at < numbers.length && !this.#closed;) {
      const entry = this.#entries.get(numbers[at]!)
      if (entry !== undefined) {
        at++
        yield { number: entry.number, message: copyOfMessage(entry.message), expiresAt: entry.expiresAt }
        continue
      }
      const end = numbers.findIndex((number, i) => i > at && this.#entries.has(number))
      const missing = numbers.slice(at, Math.min(end < 0 ? Infinity : end, at + LOAD_MESSAGES))
      const { found, passed } = await this.#load(missing)
      yield* found
      at += passed
    }
  }

  /** @returns what was found, and how many of the numbers are dealt with: what does not fit into one read is left for the next */
  #load(numbers: readonly number[]): Promise<{ found: KeptMessage[]; passed: number }> {
    const found: KeptMessage[] = []
    let last = -1
    this.#host.memory.loadBegins(LOAD_BYTES)
    return new Promise((resolve) => {
      this.#log.loadNumbers(numbers, LOAD_BYTES, {
        onLoaded: (loaded) => {
          last = numbers.indexOf(loaded.number, last + 1)
          const { number, expiresAt } = loaded
          found.push({ number, message: copyOfMessage(this.#host.decoder.decode(loaded)), expiresAt })
          return null
        },
        onLost: (number) => {
          last = numbers.indexOf(number, last + 1)
          this.#host.onLost(OWNER, 1)
        },
        onLoadEnd: () => {
          this.#host.memory.loadEnds(LOAD_BYTES)
          resolve({ found, passed: last < 0 ? numbers.length : last + 1 })
        },
      })
    })
  }

  /**
   * Shows what was there when the broker was started, in the order of numbers. To be called before anything is added.
   * @param visit the message's bytes are valid during the call only
   */
  async recover(visit: (number: number, message: Message, expiresAt: number) => void): Promise<void> {
    const to = this.#lastNumber
    for (let from = 1; from <= to;) {
      const last = await this.#loadFrom(from, to, ({ number, expiresAt }, message) => visit(number, message, expiresAt))
      if (last < from) return
      from = last + 1
    }
  }

  /** @returns the last number that was read, or was to be read and is lost; -1 for none */
  #loadFrom(from: number, to: number, visit: (loaded: LoadedMessage, message: Message) => void): Promise<number> {
    let last = -1
    return new Promise((resolve) => {
      this.#log.load({ from, to, level: 0 }, LOAD_MESSAGES, LOAD_BYTES, {
        onLoaded: (loaded) => {
          last = loaded.number
          visit(loaded, this.#host.decoder.decode(loaded))
          return null
        },
        onLost: (number) => {
          last = number
          this.#host.onLost(OWNER, 1)
        },
        onLoadEnd: () => resolve(last),
      })
    })
  }

  /** The virtual host is deleted, and the log with it. */
  close(): void {
    this.#closed = true
    for (const number of [...this.#entries.keys()]) this.#settle(number)
    this.#unstored.clear()
    this.#host.sideLogs.delete(OWNER, this.#purpose)
  }
}
