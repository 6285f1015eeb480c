import { assert } from '../../util/assert.ts'
import type { StoreFile, StoreFiles } from '../files.ts'
import { encodeSegmentHeader, FOLDER, KIND_JOURNAL, segmentName, SEGMENT_HEADER_BYTES } from './format.ts'
import { readMoves } from './move-table.ts'

/** Zeros put on disk ahead of what is written: overwriting them needs no change of the file's own data, and so takes half the time. */
const AHEAD_BYTES = 1024 * 1024
/** They are put there when fewer than this are left. */
const AHEAD_MIN = 512 * 1024
/** Only for writes below this: large ones gain nothing. */
const SMALL_BYTES = 128 * 1024
/** Blocks of the file system. */
const BLOCK_BYTES = 4096

const ZEROS = Buffer.alloc(AHEAD_BYTES)

/** Files kept open for reading. */
const READERS_MAX = 128

/** No table of a compacted segment can be read, and so nothing in the segment. */
class DamagedTableError extends Error {}

/**
 * Whether a failed read says that bytes are lost. Others say nothing of them (too many files are open, say): who took these for damage
 * would throw good messages away.
 */
export function isLoss(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return error instanceof DamagedTableError || code === 'EIO' || code === 'ENOENT'
}

/** A file of a segment for reading. Compaction puts another one in its place, while reads of the old one go on. */
export class SegmentFile {
  readonly name: string
  readonly compacted: boolean
  /** Of a compacted segment: pairs of old and new offset, by old offset. Null until it has been read. */
  moved: Uint32Array | null = null
  /** It is being read. */
  moving: Promise<void> | null = null
  reader: Promise<StoreFile> | null = null
  /** Reads under way: it must stay open. */
  reads = 0
  /** Nobody will read it again. */
  retired = false

  constructor(name: string, compacted: boolean) {
    this.name = name
    this.compacted = compacted
  }
}

/** One segment: what is in it, and how much of that is still wanted. */
export class Segment {
  readonly id: number
  readonly kind: number
  readonly name: string
  /** Bytes that were put together for it, header included. */
  size = SEGMENT_HEADER_BYTES
  /** Bytes that the file has for sure. */
  written = SEGMENT_HEADER_BYTES
  /** Bytes that are on disk for sure. */
  synced = 0
  /** Live index rows whose record is here, and index pages. */
  live = 0
  /** Their shares of the bytes. */
  liveBytes = 0
  /** `liveBytes` when the store last looked whether there is something to tidy up; -1 if it was not sealed then. */
  liveBytesAtLook = -1
  /** Most of it is going by itself: to compact it would be for nothing. */
  isFading = false
  /** Nothing more is added. */
  sealed = false
  /** Bytes of the file; of a compacted segment less than `size`, which keeps counting the old offsets. */
  fileBytes = SEGMENT_HEADER_BYTES
  /** Open for writing. */
  writer: StoreFile | null = null
  /** It could not be read as a whole: it is not compacted. */
  unreadable = false
  /** Ends with the syncs that are under way. */
  syncing: Promise<unknown> | null = null
  /** Up to here the file has zeros where nothing is yet. */
  extendedTo = 0
  /** Zeros are being put from here on: nothing may be written there meanwhile. */
  extendingFrom = Infinity
  extending: Promise<void> | null = null
  file: SegmentFile
  /** Ends when another file has its place. */
  replacing: Promise<void> | null = null

  constructor(id: number, kind: number, compacted = false) {
    this.id = id
    this.kind = kind
    this.name = segmentName(id, kind)
    this.file = new SegmentFile(this.name, compacted)
  }
}

/** All segments of a store. */
export class Segments {
  readonly byId = new Map<number, Segment>()
  readonly files: StoreFiles
  nextId = 1
  /** The table of a compacted segment is damaged, and the other one is used. @param bytes of the table */
  onDamagedTable: (file: string, bytes: number) => void = () => {}
  #last: Segment | null = null
  /** Files with an open reader, the one used longest ago first. */
  readonly #readers = new Set<SegmentFile>()
  /** Readers that are being closed. */
  readonly #closing = new Set<Promise<void>>()

  constructor(files: StoreFiles) {
    this.files = files
  }

  get diskBytes(): number {
    let sum = 0
    for (const segment of this.byId.values()) sum += segment.fileBytes
    return sum
  }

  /** Makes a new segment file, durable with its header. */
  async create(kind: number, nowMs: number): Promise<Segment> {
    const segment = new Segment(this.nextId++, kind)
    const writer = await this.files.open(segment.name, 'create', kind === KIND_JOURNAL)
    try {
      await writer.write([encodeSegmentHeader({ id: segment.id, kind, compacted: false, madeAt: nowMs })], 0)
      if (kind !== KIND_JOURNAL) await writer.sync()
      await this.files.syncFolder(FOLDER)
    } catch (error) {
      await writer.close()
      throw error
    }
    segment.writer = writer
    segment.synced = SEGMENT_HEADER_BYTES
    this.byId.set(segment.id, segment)
    return segment
  }

  /** A segment that was there when the store was opened. */
  adopt(segment: Segment): void {
    this.byId.set(segment.id, segment)
    this.nextId = Math.max(this.nextId, segment.id + 1)
  }

  find(id: number): Segment {
    if (this.#last !== null && this.#last.id === id) return this.#last
    const segment = this.byId.get(id)
    assert(segment !== undefined, `segment ${id} is there while something in it is live`)
    this.#last = segment
    return segment
  }

  /** Rows of a segment came (positive) or went (negative). */
  use(id: number, rows: number, bytes: number): void {
    const segment = this.find(id)
    segment.live += rows
    segment.liveBytes += bytes
    assert(segment.live >= 0, 'a segment does not have fewer than no live rows')
  }

  /** What was written to a segment so far is on disk. */
  async sync(segment: Segment): Promise<void> {
    const { writer, written } = segment
    if (writer === null) return
    const sync = writer.sync()
    // a file must not be closed under a sync: its number may be another's by then
    segment.syncing = Promise.allSettled([segment.syncing, sync])
    await sync
    segment.synced = Math.max(segment.synced, written)
  }

  /**
   * Makes room ahead of small writes, in the background.
   * @param bytes of the write that begins now
   * @param failed the room could not be synced: as after every sync that fails, nobody knows what else of the file is not on disk
   */
  extendAhead(segment: Segment, bytes: number, failed: (error: Error) => void): void {
    if (bytes > SMALL_BYTES || segment.extending !== null) return
    const { size, extendedTo } = segment
    if (extendedTo - size > AHEAD_MIN) return
    const from = Math.max(extendedTo, Math.ceil((size + SMALL_BYTES) / BLOCK_BYTES) * BLOCK_BYTES)
    segment.extendingFrom = from
    segment.extending = this.#extend(segment, from, failed).finally(() => {
      segment.extendingFrom = Infinity
      segment.extending = null
    })
  }

  async #extend(segment: Segment, from: number, failed: (error: Error) => void): Promise<void> {
    let file: StoreFile
    try {
      file = await this.files.open(segment.name, 'write', false)
    } catch {
      return // there is just no room ahead
    }
    const isWritten = await file.write([ZEROS], from).then(
      () => true,
      // the disk is full, perhaps: whoever writes something to that place hears of it
      () => false,
    )
    try {
      if (isWritten) {
        await file.sync()
        segment.extendedTo = from + AHEAD_BYTES
      }
    } catch (error) {
      failed(error as Error)
    }
    await file.close().catch(() => {})
  }

  /** Closes it for writing. */
  async seal(segment: Segment): Promise<void> {
    segment.sealed = true
    const { writer } = segment
    if (writer === null) return
    segment.writer = null
    await Promise.allSettled([segment.syncing, segment.extending])
    try {
      if (segment.extendedTo > segment.size) await writer.truncate(segment.size)
    } finally {
      await writer.close()
    }
  }

  // ---- reading ----

  /** The file to read a segment's records from, open; `letGo` when done. */
  async hold(segment: Segment): Promise<SegmentFile> {
    while (segment.replacing !== null) await segment.replacing
    const { file } = segment
    file.reads++
    try {
      const reader = await this.#readerOf(file)
      if (file.compacted && file.moved === null) await (file.moving ??= this.#readMoves(file, reader))
      return file
    } catch (error) {
      this.letGo(file)
      throw error
    }
  }

  async #readMoves(file: SegmentFile, reader: StoreFile): Promise<void> {
    try {
      const { first, second } = await readMoves(reader)
      file.moved = first ?? second
      if (file.moved === null)
        throw new DamagedTableError(`${file.name}: both tables of a compacted segment are damaged`)
      if (first === null) this.onDamagedTable(file.name, 8 + file.moved.length * 4)
    } finally {
      file.moving = null
    }
  }

  letGo(file: SegmentFile): void {
    file.reads--
    if (file.retired && file.reads === 0) this.#closeBeside(file)
  }

  /** @returns the bytes read; fewer than `length` only at the end of the file */
  async read(file: SegmentFile, buffer: Buffer, length: number, position: number): Promise<number> {
    return (await this.#readerOf(file)).read(buffer, 0, length, position)
  }

  #readerOf(file: SegmentFile): Promise<StoreFile> {
    this.#readers.delete(file)
    this.#readers.add(file)
    file.reader ??= this.#openReader(file)
    if (this.#readers.size > READERS_MAX) {
      for (const other of this.#readers) {
        if (other.reads > 0 || other === file) continue
        this.#closeBeside(other)
        break
      }
    }
    return file.reader
  }

  async #openReader(file: SegmentFile): Promise<StoreFile> {
    try {
      return await this.files.open(file.name, 'read', false)
    } catch (error) {
      this.#readers.delete(file)
      file.reader = null
      throw error
    }
  }

  #closeBeside(file: SegmentFile): void {
    const closing = this.#closeReader(file).finally(() => this.#closing.delete(closing))
    this.#closing.add(closing)
  }

  async #closeReader(file: SegmentFile): Promise<void> {
    this.#readers.delete(file)
    const { reader } = file
    file.reader = null
    try {
      await (await reader)?.close()
    } catch {
      // nothing was written through it
    }
  }

  /** All bytes of a file. */
  async readAll(file: SegmentFile): Promise<Buffer> {
    const reader = await this.#readerOf(file)
    const bytes = Buffer.allocUnsafeSlow(await reader.size())
    return bytes.subarray(0, await reader.read(bytes, 0, bytes.length, 0))
  }

  /**
   * Puts another file in the place of a segment's. Files are opened by name, so nobody opens one meanwhile: it could be either, and the
   * two have their records in different places.
   */
  async replace(segment: Segment, by: string): Promise<void> {
    assert(segment.replacing === null, 'one at a time')
    const { promise, resolve } = Promise.withResolvers<void>()
    segment.replacing = promise
    try {
      await segment.file.reader
      await this.files.rename(by, segment.name)
      this.#retire(segment.file)
      segment.file = new SegmentFile(segment.name, true)
    } finally {
      segment.replacing = null
      resolve()
    }
  }

  #retire(file: SegmentFile): void {
    file.retired = true
    if (file.reads === 0) this.#closeBeside(file)
  }

  /** Removes the file of a segment in which nothing is live. */
  async remove(segment: Segment): Promise<void> {
    assert(segment.live === 0, 'only dead segments are removed')
    this.byId.delete(segment.id)
    if (this.#last === segment) this.#last = null
    await this.seal(segment)
    this.#retire(segment.file)
    await this.files.remove(segment.name)
  }

  async close(): Promise<void> {
    try {
      // one that cannot be closed leaves no other open
      const sealed = await Promise.allSettled([...this.byId.values()].map((segment) => this.seal(segment)))
      const failed = sealed.find((result) => result.status === 'rejected')
      if (failed !== undefined) throw failed.reason
    } finally {
      for (const file of [...this.#readers]) await this.#closeReader(file)
      await Promise.all(this.#closing)
    }
  }
}

/** Where a record is in the file, whose offset was `offset` when it was written; -1 when compaction left it out. */
export function placeIn(file: SegmentFile, offset: number): number {
  const { moved } = file
  if (moved === null) return offset
  for (let low = 0, high = moved.length / 2 - 1; low <= high;) {
    const middle = (low + high) >>> 1
    const found = moved[middle * 2]!
    if (found === offset) return moved[middle * 2 + 1]!
    if (found < offset) low = middle + 1
    else high = middle - 1
  }
  return -1
}
