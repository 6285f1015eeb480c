import {
  CANCELLED,
  type Content,
  type LoadedMessage,
  NOT_STORED,
  PENDING,
  type QueueEntry,
  type QueueLog,
} from '../../store/message-store.ts'
import { RingDeque } from '../../util/ring-deque.ts'
import type { CommitWaiter } from '../commits.ts'
import type { SideLogOwner } from '../side-logs.ts'
import type { DeduplicationHost } from './deduplication-host.ts'

/** Records read back in one go. */
const LOAD_ENTRIES = 4096
const LOAD_BYTES = 1024 * 1024

/** The bytes of a record, as the store wants them: all in the properties, since the store goes on asking for the length of the body. */
class SeenContent implements Content {
  buffer: Buffer
  propertiesOffset = 0
  propertiesLength: number
  bodyOffset: number
  bodyLength = 0
  slab: object | null = null
  position = 0
  references = 1
  pending: QueueEntry | null = null

  constructor(text: string) {
    this.buffer = Buffer.from(text)
    this.propertiesLength = this.buffer.length
    this.bodyOffset = this.buffer.length
  }

  headRoom(): number {
    return 0
  }

  writeHead(_out: Buffer, at: number): number {
    return at
  }
}

/** Of a record that has been written: its bytes are not wanted any more. */
const WRITTEN = new SeenContent('')

/** One thing that is remembered, and its record in the log, if it has one. */
export class SeenEntry implements QueueEntry {
  readonly key: string
  /** Number of the message in its queue whose value this is, where values go with their messages; else 0. */
  readonly holder: number
  readonly expiresAt: number
  /** It is remembered. */
  isKnown = false
  number = 0
  message: Content = WRITTEN
  location: number = NOT_STORED
  recordBytes = 0
  page: object | null = null
  row = 0
  next: QueueEntry | null = null

  /** @param expiresAt ms since the epoch, or -1 */
  constructor(key: string, holder: number, expiresAt: number) {
    this.key = key
    this.holder = holder
    this.expiresAt = expiresAt
  }

  // it is never delivered, so these need no room in each

  get level(): number {
    return 0
  }

  get redelivered(): boolean {
    return false
  }

  get deliveryCount(): number {
    return 0
  }

  get acquiredCount(): number {
    return 0
  }
}

/** Makes the entry for a record that was read back. With `expired`, it is about to be forgotten. */
export type Restore = (text: string, expiresAt: number, expired: boolean) => SeenEntry

interface Superseded {
  readonly entry: SeenEntry
  /** Position of the record that says more. */
  readonly position: number
}

/**
 * A log of what is remembered: one record for each thing, in the order in which they came. It is recorded with the message, both or
 * neither. The log is made when the first record is.
 */
export class SeenLog implements CommitWaiter {
  waits = false
  readonly #host: DeduplicationHost
  readonly #owner: SideLogOwner
  readonly #purpose: string
  #log: QueueLog | null = null
  #lastNumber = 0
  /** Its owner is no more, or remembers nothing any more. */
  #deleted = false
  /** Records whose bytes are still wanted. */
  readonly #unwritten = new RingDeque<SeenEntry>()
  readonly #superseded = new RingDeque<Superseded>()

  constructor(host: DeduplicationHost, owner: SideLogOwner, purpose: string) {
    this.#host = host
    this.#owner = owner
    this.#purpose = purpose
    if (host.sideLogs.has(owner, purpose)) this.#open()
  }

  #open(): QueueLog {
    const log = this.#host.sideLogs.open(this.#owner, this.#purpose)
    this.#log = log
    this.#lastNumber = log.lastNumber
    return log
  }

  #openNew(): QueueLog {
    const log = this.#open()
    this.#host.metadataChanged()
    return log
  }

  /** @returns the position of the record */
  record(entry: SeenEntry, text: string): number {
    if (this.#deleted) return 0
    const log = this.#log ?? this.#openNew()
    entry.number = ++this.#lastNumber
    entry.message = new SeenContent(text)
    const position = log.enqueue(entry)
    entry.message.position = position
    this.#unwritten.push(entry)
    this.#host.commits.wait(this)
    return position
  }

  /** Records what makes an earlier record pointless; that one stays until the new one is safe. @returns the position */
  replace(before: SeenEntry | null, entry: SeenEntry, text: string): number {
    const position = this.record(entry, text)
    if (before !== null && position > 0) this.#superseded.push({ entry: before, position })
    return position
  }

  /** It is not remembered any more. */
  forget(entry: SeenEntry): void {
    if (entry.location !== NOT_STORED && entry.location !== CANCELLED) this.#log!.settle(entry)
  }

  onCommitted(): void {
    for (let first = this.#unwritten.peek(); first !== undefined; first = this.#unwritten.peek()) {
      if (first.location === PENDING) break
      if (first.location !== CANCELLED) first.message = WRITTEN
      this.#unwritten.shift()
    }
    const { committed } = this.#host.commits
    for (let first = this.#superseded.peek(); first !== undefined; first = this.#superseded.peek()) {
      if (first.position > committed) break
      this.#superseded.shift()
      this.forget(first.entry)
    }
    if (this.#unwritten.size + this.#superseded.size > 0) this.#host.commits.wait(this)
  }

  /** Forgets everything. */
  clear(): void {
    const log = this.#log
    if (log === null) return
    for (let first = this.#unwritten.shift(); first !== undefined; first = this.#unwritten.shift()) {
      if (first.location === PENDING) log.settle(first)
    }
    while (this.#superseded.shift() !== undefined);
    if (this.#lastNumber > 0) log.drop({ from: 1, to: this.#lastNumber, level: 0 })
  }

  /** Reads everything back, in order. What has expired meanwhile is forgotten. */
  async load(restore: Restore): Promise<void> {
    const log = this.#log
    const to = this.#lastNumber
    for (let from = 1; log !== null && from <= to;) {
      const start = from
      const range = { from: start, to, level: 0 }
      from = 1 + (await new Promise<number>((resolve) => this.#load(log, range, restore, resolve)))
      if (from <= start) return
    }
  }

  #load(
    log: QueueLog,
    range: { from: number; to: number; level: number },
    restore: Restore,
    done: (last: number) => void,
  ): void {
    const now = this.#host.clock.now()
    const expired: SeenEntry[] = []
    let last = -1
    log.load(range, LOAD_ENTRIES, LOAD_BYTES, {
      onLoaded: (loaded) => {
        last = loaded.number
        const isExpired = loaded.expiresAt >= 0 && loaded.expiresAt <= now
        const entry = restore(textOf(loaded), loaded.expiresAt, isExpired)
        entry.number = loaded.number
        if (isExpired) expired.push(entry)
        return entry
      },
      onLost: (number) => void (last = number),
      onLoadEnd: () => {
        for (const entry of expired) this.forget(entry)
        done(last)
      },
    })
  }

  /** The log goes, with all that is in it. */
  delete(): void {
    this.#deleted = true
    this.#host.sideLogs.delete(this.#owner, this.#purpose)
    this.#log = null
    while (this.#unwritten.shift() !== undefined);
    while (this.#superseded.shift() !== undefined);
  }
}

const textOf = ({ buffer, propertiesOffset, propertiesLength }: LoadedMessage): string =>
  buffer.toString('utf8', propertiesOffset, propertiesOffset + propertiesLength)
