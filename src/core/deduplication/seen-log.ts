import { CANCELLED, type LoadedMessage, PENDING, type QueueLog } from '../../store/message-store.ts'
import { RingDeque } from '../../util/ring-deque.ts'
import type { CommitWaiter } from '../commits.ts'
import type { SideLogOwner } from '../side-logs.ts'
import type { DeduplicationHost } from './deduplication-host.ts'
import { type NoteFormat, SeenBlock } from './seen-block.ts'

/** Blocks read back in one go. */
const LOAD_BLOCKS = 4096
const LOAD_BYTES = 1024 * 1024

interface Superseded<Note> {
  readonly block: SeenBlock<Note>
  readonly place: number
  /** Position of the record that says more. */
  readonly position: number
}

/** A note that was read back. */
export interface LoadedNote<Note, Loaded> {
  readonly loaded: Loaded
  readonly block: SeenBlock<Note>
  readonly place: number
}

/**
 * A log of what is remembered: notes in the order in which they came, in blocks. Each is recorded with its message, both or neither. The log
 * is made when the first note is.
 */
export class SeenLog<Note, Loaded> implements CommitWaiter {
  waits = false
  readonly #host: DeduplicationHost
  readonly #owner: SideLogOwner
  readonly #purpose: string
  readonly #format: NoteFormat<Note, Loaded>
  #log: QueueLog | null = null
  #lastNumber = 0
  /** Its owner is no more, or remembers nothing any more. */
  #deleted = false
  /** The newest block. */
  #newest: SeenBlock<Note> | null = null
  /** Blocks that may not be written yet. */
  readonly #unwritten = new RingDeque<SeenBlock<Note>>()
  /** Where the note was that was evicted last: all before it are, too. */
  #evictedBlock = 0
  #evictedPlace = 0
  readonly #superseded = new RingDeque<Superseded<Note>>()

  constructor(host: DeduplicationHost, owner: SideLogOwner, purpose: string, format: NoteFormat<Note, Loaded>) {
    this.#host = host
    this.#format = format
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

  // ---- what is recorded: within a transaction of the store, with the message ----

  /** @returns the block in which the note is, at the last place; null where nothing is remembered any more */
  record(note: Note): SeenBlock<Note> | null {
    if (this.#deleted) return null
    const block = this.#blockNow()
    block.add(note)
    return block
  }

  /** Records what has been evicted, where no note does. */
  recordEviction(): void {
    if (!this.#deleted) this.#blockNow()
  }

  /** A record at `position` makes a note pointless; until that is safe, it stays. */
  supersede(block: SeenBlock<Note>, place: number, position: number): void {
    this.#superseded.push({ block, place, position })
    this.#host.commits.wait(this)
  }

  /** Whether a block is written with what is recorded now, so that its notes may still change. */
  isOpen(block: SeenBlock<Note>): boolean {
    const { store } = this.#host
    const unit = store.begin()
    store.end()
    return block.unit === unit && block.location === PENDING
  }

  /** The block that is written with what is recorded now. */
  #blockNow(): SeenBlock<Note> {
    const { store } = this.#host
    const unit = store.begin()
    const newest = this.#newest
    const isOpen = newest !== null && newest.unit === unit && newest.location === PENDING && !newest.isFull
    const block = isOpen ? newest : this.#append(unit)
    block.evictedBlock = this.#evictedBlock
    block.evictedPlace = this.#evictedPlace
    store.end()
    return block
  }

  #append(unit: number): SeenBlock<Note> {
    const log = this.#log ?? this.#openNew()
    const block = new SeenBlock<Note>(++this.#lastNumber, unit, this.#format)
    block.position = log.enqueue(block)
    const before = this.#newest
    this.#newest = block
    if (before?.live === 0) this.#end(before)
    for (let first = this.#unwritten.peek(); first !== undefined; first = this.#unwritten.peek()) {
      if (first.location === PENDING) break
      this.#unwritten.shift()
    }
    this.#unwritten.push(block)
    return block
  }

  // ---- what is not remembered any more ----

  /** The note at a place of a block is not wanted any more. */
  forget(block: SeenBlock<Note>, place: number): void {
    block.remove(place)
    if (block.live === 0) this.#end(block)
  }

  /** The oldest note of all is about to be forgotten: a restart finds out by the next block. */
  evicts(block: SeenBlock<Note>, place: number): void {
    this.#evictedBlock = block.number
    this.#evictedPlace = place
  }

  #end(block: SeenBlock<Note>): void {
    // nothing else says what of the others has been evicted
    if (block === this.#newest && block.evictedBlock > 0) return
    if (block.location !== CANCELLED && !this.#deleted) this.#log!.settle(block)
  }

  onCommitted(): void {
    const { committed } = this.#host.commits
    for (let first = this.#superseded.peek(); first !== undefined; first = this.#superseded.peek()) {
      if (first.position > committed) break
      this.#superseded.shift()
      this.forget(first.block, first.place)
    }
    if (this.#superseded.size > 0) this.#host.commits.wait(this)
  }

  /** Forgets everything. */
  clear(): void {
    const log = this.#log
    if (log === null) return
    for (let first = this.#unwritten.shift(); first !== undefined; first = this.#unwritten.shift()) {
      if (first.location === PENDING) log.settle(first)
    }
    while (this.#superseded.shift() !== undefined);
    this.#newest = null
    this.#evictedBlock = 0
    if (this.#lastNumber > 0) log.drop({ from: 1, to: this.#lastNumber, level: 0 })
  }

  /** The log goes, with all that is in it. */
  delete(): void {
    this.#deleted = true
    this.#host.sideLogs.delete(this.#owner, this.#purpose)
    this.#log = null
    while (this.#unwritten.shift() !== undefined);
    while (this.#superseded.shift() !== undefined);
  }

  // ---- after a restart ----

  /**
   * Reads everything back, in order.
   * @param take called with some notes at a time; those that are not wanted it has to `forget`
   */
  async load(take: (notes: readonly LoadedNote<Note, Loaded>[]) => Promise<void> | void): Promise<void> {
    const to = this.#lastNumber
    const blocks: SeenBlock<Note>[] = []
    for (let from = 1; this.#log !== null && from <= to;) {
      const notes: LoadedNote<Note, Loaded>[] = []
      const last = await this.#load(this.#log, from, to, (loaded) => {
        const block = this.#restore(loaded, notes)
        blocks.push(block)
        return block
      })
      await take(notes)
      if (last < from) break
      from = last + 1
    }
    for (const block of blocks) if (block.live === 0) this.#end(block)
  }

  #restore({ number, buffer, headOffset }: LoadedMessage, notes: LoadedNote<Note, Loaded>[]): SeenBlock<Note> {
    const block = new SeenBlock<Note>(number, -1, this.#format)
    block.readHead(buffer, headOffset, this.#format, (loaded, place) => notes.push({ loaded, block, place }))
    this.#newest = block
    this.#evictedBlock = block.evictedBlock
    this.#evictedPlace = block.evictedPlace
    return block
  }

  /** @returns the number of the last block that was read, or was to be read and is lost; -1 for none */
  #load(log: QueueLog, from: number, to: number, restore: (loaded: LoadedMessage) => SeenBlock<Note>): Promise<number> {
    let last = -1
    return new Promise((resolve) => {
      log.load({ from, to, level: 0 }, LOAD_BLOCKS, LOAD_BYTES, {
        onLoaded: (loaded) => {
          last = loaded.number
          return restore(loaded)
        },
        onLost: (number) => void (last = number),
        onLoadEnd: () => resolve(last),
      })
    })
  }

  /** Whether a note that was read back had been evicted. */
  isEvicted(block: SeenBlock<Note>, place: number): boolean {
    const last = this.#evictedBlock
    return block.number < last || (block.number === last && place <= this.#evictedPlace)
  }
}
