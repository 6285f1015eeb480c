/**
 * A checkpoint: what the indexes of all queues were at a place in the journal, so that a start reads only what comes after it. It is
 * written to a file of its own, synced, and put in the place of the last one by a rename. All numbers are little-endian.
 *
 *     0   8  "WARRENCP"
 *     8   4  format version
 *     12  4  CRC-32 of everything from 16 on, started with the format version: so in every format, since it tells a newer one from a
 *            damaged checkpoint
 *     16  8  when it was made, ms since the epoch (float64)
 *     24  8  location from which the journal is to be read (float64)
 *     32  4  the next segment id
 *     36  6  highest queue id that was ever used
 *     42  6  number of the last batch
 *     48  1  1 after an orderly stop: nothing was delivered that is not said here
 *     49  3  0
 *     52  4  number of segments, then for each { u32 id, u8 kind, u8 compacted, u16 0, f64 size }
 *     …   4  number of queues, then for each
 *            { u48 id, u48 last number, u48 delivered up to, u48 last order, f64 location up to which this is true, u32 pages }
 *            and for each page
 *            { f64 location of its PAGE record, u32 bytes of the record, u48 first, u48 last, u16 rows, u16 live, u16 shared,
 *              u16 unready, i16 level, u16 uses, u8 1 if bits follow, 3 × 0, f64 body bytes, f64 earliest expiry }
 *            uses × { u32 segment, u16 live rows, u16 0, f64 bytes }
 *            where not all rows are live: 64 bytes, bit i of byte i / 8 for row i
 */
import { crc32 } from 'node:zlib'
import { FORMAT, requireKnownFormat, writeU48 } from './format.ts'
import { IndexPage, PAGE_ROWS } from './index-page.ts'
import type { QueueIndex } from './queue-index.ts'

const MAGIC = Buffer.from('WARRENCP', 'latin1')
const HEAD_BYTES = 52
const SEGMENT_BYTES = 16
const QUEUE_BYTES = 36
const PAGE_BYTES = 56
const USE_BYTES = 16
const BITS_BYTES = PAGE_ROWS / 8

export interface CheckpointHead {
  readonly madeAt: number
  readonly replayFrom: number
  readonly nextSegmentId: number
  readonly highestQueueId: number
  readonly batchNumber: number
  readonly orderly: boolean
}

export interface CheckpointSegment {
  readonly id: number
  readonly kind: number
  readonly compacted: boolean
  readonly size: number
}

export interface CheckpointQueue {
  readonly id: number
  readonly lastNumber: number
  readonly deliveredUpTo: number
  readonly lastOrder: number
  /** What comes before this location in the journal is in it. */
  readonly trueUpTo: number
  readonly pages: IndexPage[]
}

export interface Checkpoint extends CheckpointHead {
  readonly segments: CheckpointSegment[]
  readonly queues: CheckpointQueue[]
}

/** The bytes of a checkpoint, put together queue by queue. */
export class CheckpointWriter {
  #bytes = Buffer.allocUnsafeSlow(64 * 1024)
  #at = HEAD_BYTES
  /** Locations of all PAGE records that it names. */
  readonly pages = new Set<number>()
  #queueCountAt = 0
  #queues = 0

  #reserve(bytes: number): number {
    const at = this.#at
    this.#at += bytes
    if (this.#at > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(this.#at, this.#bytes.length * 2))
      this.#bytes.copy(larger, 0, 0, at)
      this.#bytes = larger
    }
    return at
  }

  segments(segments: readonly CheckpointSegment[]): void {
    this.#bytes.writeUInt32LE(segments.length, this.#reserve(4))
    for (const { id, kind, compacted, size } of segments) {
      const at = this.#reserve(SEGMENT_BYTES)
      this.#bytes.writeUInt32LE(id, at)
      this.#bytes[at + 4] = kind
      this.#bytes[at + 5] = compacted ? 1 : 0
      this.#bytes.writeUInt16LE(0, at + 6)
      this.#bytes.writeDoubleLE(size, at + 8)
    }
    this.#queueCountAt = this.#reserve(4)
  }

  queue(index: QueueIndex, trueUpTo: number, orderly: boolean): void {
    const pages = index.logged.pages.filter((page) => page.live > 0)
    const at = this.#reserve(QUEUE_BYTES)
    const bytes = this.#bytes
    writeU48(bytes, at, index.id)
    writeU48(bytes, at + 6, index.lastNumber)
    writeU48(bytes, at + 12, orderly ? index.deliveredBefore : index.deliveredUpTo)
    writeU48(bytes, at + 18, index.lastOrder)
    bytes.writeDoubleLE(trueUpTo, at + 24)
    bytes.writeUInt32LE(pages.length, at + 32)
    for (const page of pages) this.#page(page)
    this.#queues++
  }

  #page(page: IndexPage): void {
    const uses = page.uses.filter(({ count }) => count > 0)
    const hasBits = page.live < page.rows
    const at = this.#reserve(PAGE_BYTES + uses.length * USE_BYTES + (hasBits ? BITS_BYTES : 0))
    const bytes = this.#bytes
    bytes.writeDoubleLE(page.location, at)
    this.pages.add(page.location)
    bytes.writeUInt32LE(page.recordBytes, at + 8)
    writeU48(bytes, at + 12, page.first)
    writeU48(bytes, at + 18, page.last)
    bytes.writeUInt16LE(page.rows, at + 24)
    bytes.writeUInt16LE(page.live, at + 26)
    bytes.writeUInt16LE(page.shared, at + 28)
    bytes.writeUInt16LE(page.unready, at + 30)
    bytes.writeInt16LE(page.level, at + 32)
    bytes.writeUInt16LE(uses.length, at + 34)
    bytes.writeUInt32LE(hasBits ? 1 : 0, at + 36)
    bytes.writeDoubleLE(page.bodyBytes, at + 40)
    bytes.writeDoubleLE(page.earliestExpiryAnew, at + 48)
    let next = at + PAGE_BYTES
    for (const { segmentId, count, bytes: share } of uses) {
      bytes.writeUInt32LE(segmentId, next)
      bytes.writeUInt16LE(count, next + 4)
      bytes.writeUInt16LE(0, next + 6)
      bytes.writeDoubleLE(share, next + 8)
      next += USE_BYTES
    }
    if (!hasBits) return
    bytes.fill(0, next, next + BITS_BYTES)
    Buffer.from(page.bits.buffer, page.bits.byteOffset, page.bits.byteLength).copy(bytes, next)
  }

  finish(head: CheckpointHead): Buffer {
    const bytes = this.#bytes.subarray(0, this.#at)
    MAGIC.copy(bytes)
    bytes.writeUInt32LE(FORMAT, 8)
    bytes.writeDoubleLE(head.madeAt, 16)
    bytes.writeDoubleLE(head.replayFrom, 24)
    bytes.writeUInt32LE(head.nextSegmentId, 32)
    writeU48(bytes, 36, head.highestQueueId)
    writeU48(bytes, 42, head.batchNumber)
    bytes.fill(0, 48, HEAD_BYTES)
    bytes[48] = head.orderly ? 1 : 0
    bytes.writeUInt32LE(this.#queues, this.#queueCountAt)
    bytes.writeUInt32LE(crc32(bytes.subarray(16), FORMAT), 12)
    return bytes
  }
}

/** @returns null where the bytes are damaged @throws NewerFormatError */
export function decodeCheckpoint(bytes: Buffer, name: string): Checkpoint | null {
  if (bytes.length < HEAD_BYTES || !bytes.subarray(0, 8).equals(MAGIC)) return null
  const version = bytes.readUInt32LE(8)
  if (bytes.readUInt32LE(12) !== crc32(bytes.subarray(16), version)) return null
  requireKnownFormat(version, name)
  let at = HEAD_BYTES
  const segments: CheckpointSegment[] = []
  const segmentCount = bytes.readUInt32LE(at)
  at += 4
  for (let i = 0; i < segmentCount; i++, at += SEGMENT_BYTES) {
    segments.push({
      id: bytes.readUInt32LE(at),
      kind: bytes[at + 4]!,
      compacted: bytes[at + 5] === 1,
      size: bytes.readDoubleLE(at + 8),
    })
  }
  const queues: CheckpointQueue[] = []
  const queueCount = bytes.readUInt32LE(at)
  at += 4
  for (let i = 0; i < queueCount; i++) {
    const pages: IndexPage[] = []
    const id = bytes.readUIntLE(at, 6)
    const pageCount = bytes.readUInt32LE(at + 32)
    queues.push({
      id,
      lastNumber: bytes.readUIntLE(at + 6, 6),
      deliveredUpTo: bytes.readUIntLE(at + 12, 6),
      lastOrder: bytes.readUIntLE(at + 18, 6),
      trueUpTo: bytes.readDoubleLE(at + 24),
      pages,
    })
    at += QUEUE_BYTES
    for (let j = 0; j < pageCount; j++) at = decodePage(bytes, at, id, pages)
  }
  return {
    madeAt: bytes.readDoubleLE(16),
    replayFrom: bytes.readDoubleLE(24),
    nextSegmentId: bytes.readUInt32LE(32),
    highestQueueId: bytes.readUIntLE(36, 6),
    batchNumber: bytes.readUIntLE(42, 6),
    orderly: bytes[48] === 1,
    segments,
    queues,
  }
}

function decodePage(bytes: Buffer, at: number, queueId: number, pages: IndexPage[]): number {
  const page = new IndexPage(queueId, false, false)
  page.location = bytes.readDoubleLE(at)
  page.recordBytes = bytes.readUInt32LE(at + 8)
  page.first = bytes.readUIntLE(at + 12, 6)
  page.last = bytes.readUIntLE(at + 18, 6)
  page.rows = bytes.readUInt16LE(at + 24)
  page.live = bytes.readUInt16LE(at + 26)
  page.shared = bytes.readUInt16LE(at + 28)
  page.unready = bytes.readUInt16LE(at + 30)
  page.level = bytes.readInt16LE(at + 32)
  page.bodyBytes = bytes.readDoubleLE(at + 40)
  page.earliestExpiry = bytes.readDoubleLE(at + 48)
  let next = at + PAGE_BYTES
  for (let i = 0; i < bytes.readUInt16LE(at + 34); i++, next += USE_BYTES) {
    page.uses.push({
      segmentId: bytes.readUInt32LE(next),
      count: bytes.readUInt16LE(next + 4),
      bytes: bytes.readDoubleLE(next + 8),
    })
  }
  const hasBits = bytes[at + 36] === 1
  page.restoreBits(
    hasBits ? Uint32Array.from({ length: PAGE_ROWS / 32 }, (_, i) => bytes.readUInt32LE(next + i * 4)) : null,
  )
  pages.push(page)
  return hasBits ? next + BITS_BYTES : next
}
