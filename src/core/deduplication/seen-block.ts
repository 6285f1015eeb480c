import { type Content, NOT_STORED, type QueueEntry } from '../../store/message-store.ts'
import { assert } from '../../util/assert.ts'
import { NO_MESSAGE } from '../message-record.ts'

/*
 * Notes of what is remembered are written in blocks, one for what comes together: a record for each would cost more than the message that
 * it came with. To the store a block is an entry with nothing but a head. Numbers are big-endian.
 *
 *     u8    NO_MESSAGE
 *     u8    layout of the block: 1
 *     u48   number of the block up to which notes have been evicted, and
 *     u16   the place in that block: with all before it. Both 0 where none have
 *     u16   count
 *     each note: u8 0 where it is not wanted any more; else u8 1, and what its kind writes
 */
const LAYOUT = 1
const FIXED_BYTES = 2 + 6 + 2 + 2
/** Notes of a block. It is on disk as long as one of them is wanted, so that one straggler must not keep many. */
const NOTES_MAX = 128

const NO_BYTES = Buffer.alloc(0)

/** How notes of one kind are written and read. */
export interface NoteFormat<Note, Loaded> {
  /** Upper bound of what `write` writes for a note, in bytes. */
  roomOf(note: Note): number
  /** @returns where it ends */
  write(note: Note, out: Buffer, at: number): number
  read(bytes: Buffer, at: number): { readonly loaded: Loaded; readonly end: number }
}

/** Notes that are written together, with what they came with. */
export class SeenBlock<Note> implements QueueEntry, Content {
  readonly number: number
  /** By which transaction it is written: see `MessageStore.begin`. */
  readonly unit: number
  /** Number of the block up to which notes have been evicted, as of the last note; 0 where none have. */
  evictedBlock = 0
  /** And the place there, with all before it. */
  evictedPlace = 0
  /** Notes that are wanted. */
  live = 0
  /** Place of the last note. */
  lastPlace = -1
  /** Each at its place, with null for one that is not wanted any more; null when they are written. */
  #unwritten: (Note | null)[] | null
  readonly #format: NoteFormat<Note, unknown>

  readonly message = this
  readonly expiresAt = -1
  readonly level = 0
  redelivered = false
  deliveryCount = 0
  acquiredCount = 0
  location: number = NOT_STORED
  recordBytes = 0
  page: object | null = null
  row = 0
  next: QueueEntry | null = null

  buffer = NO_BYTES
  propertiesOffset = 0
  propertiesLength = 0
  bodyOffset = 0
  bodyLength = 0
  slab: object | null = null
  position = 0
  references = 1
  pending: QueueEntry | null = null

  /** @param unit -1 for one that was read back */
  constructor(number: number, unit: number, format: NoteFormat<Note, unknown>) {
    this.number = number
    this.unit = unit
    this.#format = format
    this.#unwritten = unit < 0 ? null : []
  }

  get isFull(): boolean {
    return this.lastPlace === NOTES_MAX - 1
  }

  /** Takes a note that is to be written. */
  add(note: Note): void {
    this.live++
    this.lastPlace = this.#unwritten!.push(note) - 1
  }

  /** The note at a place is not wanted any more. */
  remove(place: number): void {
    this.live--
    if (this.#unwritten !== null) this.#unwritten[place] = null
  }

  headRoom(): number {
    const notes = this.#unwritten!
    let bytes = FIXED_BYTES + notes.length
    for (const note of notes) if (note !== null) bytes += this.#format.roomOf(note)
    return bytes
  }

  /** It is written once: nothing is kept for another time. */
  writeHead(out: Buffer, start: number): number {
    const notes = this.#unwritten!
    let at = start
    out[at++] = NO_MESSAGE
    out[at++] = LAYOUT
    at = out.writeUIntBE(this.evictedBlock, at, 6)
    at = out.writeUInt16BE(this.evictedPlace, at)
    at = out.writeUInt16BE(notes.length, at)
    for (let i = 0; i < notes.length; i++) {
      const note = notes[i]!
      out[at++] = note === null ? 0 : 1
      if (note !== null) at = this.#format.write(note, out, at)
    }
    this.#unwritten = null
    return at
  }

  /** Takes what `writeHead` wrote. @param take called with each note and its place @throws AssertionError for what is no such block */
  readHead<Loaded>(
    bytes: Buffer,
    start: number,
    format: NoteFormat<Note, Loaded>,
    take: (loaded: Loaded, place: number) => void,
  ): void {
    assert(bytes[start] === NO_MESSAGE && bytes[start + 1] === LAYOUT, 'a block of notes has the layout that is known')
    this.evictedBlock = bytes.readUIntBE(start + 2, 6)
    this.evictedPlace = bytes.readUInt16BE(start + 8)
    const count = bytes.readUInt16BE(start + 10)
    for (let place = 0, at = start + FIXED_BYTES; place < count; place++) {
      if (bytes[at++] === 0) continue
      const { loaded, end } = format.read(bytes, at)
      this.live++
      take(loaded, place)
      at = end
    }
  }
}
