import { crc32 } from 'node:zlib'
import {
  readU32,
  readU48,
  RECORD_BATCH,
  RECORD_HEADER_BYTES,
  RECORD_RELEVEL,
  RECORD_SKIP,
  SEGMENT_HEADER_BYTES,
} from './format.ts'
import { validRecord } from './record-reader.ts'
import type { Segment, SegmentFile, Segments } from './segments.ts'

/** What is read of a file at a time, where not all of it is needed at once. */
export const WINDOW_BYTES = 4 * 1024 * 1024

/** Bytes that are no record, where one should be. */
export interface Damage {
  /** In the file as it is. */
  readonly offset: number
  readonly length: number
  /** What the lengths in it claim to be one record: what queues it names may be found in there. */
  readonly bytes: Buffer
  /** It is in what was written last, which nothing shows to have been on disk. */
  readonly isTail: boolean
}

export interface Scan {
  /** The whole file. */
  readonly bytes: Buffer
  /** Where the last record ends that counts. */
  readonly end: number
  readonly damages: readonly Damage[]
  /** The number of the last batch, or 0. */
  readonly batchNumber: number
}

/** Calls for each valid record: where it is in the file, and its offset as locations have it. May be asynchronous. */
export type Visit = (bytes: Buffer, at: number, offset: number) => Promise<void> | undefined

/** All of a segment was on disk before something else was written. */
export const WHOLLY_SYNCED = Infinity

/**
 * Visits the records of a segment from an offset on, and says what is damaged.
 * @param syncedTo where in the file that which is known to have been on disk ends: WHOLLY_SYNCED, unless it is the segment that was written
 * to last, whose end may be torn. What was written last counts up to the first hole in it, and no further: a record must not be had without
 * those that came before it
 */
export async function scanSegment(
  segments: Segments,
  segment: Segment,
  from: number,
  syncedTo: number,
  visit: Visit,
): Promise<Scan> {
  const file = await segments.hold(segment)
  let bytes: Buffer
  try {
    bytes = await segments.readAll(file)
  } finally {
    segments.letGo(file)
  }
  const offsetAt = offsets(file)
  const start = Math.max(from, offsetAt.start)
  const found = findDamages(bytes, start, segment.id)
  const synced = Math.max(syncedTo, found.synced)
  const damages = found.damages.map((damage) => ({ ...damage, isTail: damage.offset >= synced }))
  const torn = damages.findIndex(({ isTail }) => isTail)
  const end = torn < 0 ? found.end : damages[torn]!.offset
  let next = 0
  for (let at = Math.min(start, bytes.length); at < end;) {
    if (damages[next]?.offset === at) {
      at += damages[next++]!.length
      continue
    }
    const waits = bytes[at + 8] === RECORD_BATCH ? undefined : visit(bytes, at, offsetAt.of(at))
    if (waits !== undefined) await waits
    at += RECORD_HEADER_BYTES + readU32(bytes, at)
  }
  const judged = torn < 0 ? damages : [...damages.slice(0, torn), tailFrom(bytes, end)]
  return { bytes, end, damages: judged, batchNumber: found.batchNumber }
}

const tailFrom = (bytes: Buffer, offset: number): Damage => ({
  offset,
  length: bytes.length - offset,
  bytes: bytes.subarray(offset),
  isTail: true,
})

interface Found {
  readonly damages: Omit<Damage, 'isTail'>[]
  /** Where the last valid record ends. */
  readonly end: number
  /** Up to here everything was on disk before the last batch was written. */
  readonly synced: number
  readonly batchNumber: number
}

function findDamages(bytes: Buffer, start: number, segmentId: number): Found {
  const damages: Found['damages'] = []
  let end = Math.min(start, bytes.length)
  let synced = SEGMENT_HEADER_BYTES
  let batchNumber = 0
  for (let at = start; at < bytes.length;) {
    const length = validRecord(bytes, at, bytes.length, segmentId)
    if (length === 0) {
      const next = findRecord(bytes, at + 1, segmentId)
      if (next < 0 && isEmpty(bytes, at)) break
      const to = next < 0 ? bytes.length : next
      damages.push({ offset: at, length: to - at, bytes: bytes.subarray(at, to) })
      at = to
      continue
    }
    if (bytes[at + 8] === RECORD_BATCH) {
      synced = readU32(bytes, at + 24)
      batchNumber = readU48(bytes, at + 12)
    }
    at += length
    end = at
  }
  return { damages, end, synced, batchNumber }
}

/** Offsets as they were when the segment was written, for places that are asked for in rising order. */
function offsets({ moved }: SegmentFile): { start: number; of: (place: number) => number } {
  if (moved === null) return { start: SEGMENT_HEADER_BYTES, of: (place) => place }
  let pair = 0
  const of = (place: number): number => {
    while (pair < moved.length && moved[pair + 1]! < place) pair += 2
    return moved[pair + 1] === place ? moved[pair]! : place
  }
  return { start: SEGMENT_HEADER_BYTES + 8 + moved.length * 4, of }
}

/** Calls for each valid record: `bytes` is a part of the file, `at` the record in it, `place` the record in the file, `offset` as locations have it. */
export type Walk = (bytes: Buffer, at: number, place: number, offset: number) => Promise<void> | undefined

/** Visits the valid records of a segment that is written no more, with only a part of it in memory at a time. */
export async function walkSegment(segments: Segments, file: SegmentFile, segmentId: number, walk: Walk): Promise<void> {
  const offsetAt = offsets(file)
  let window = Buffer.allocUnsafeSlow(WINDOW_BYTES)
  for (let place = offsetAt.start; ;) {
    const length = await segments.read(file, window, window.length, place)
    const bytes = window.subarray(0, length)
    const isEnd = length < window.length
    let at = 0
    while (at < length) {
      const record = validRecord(bytes, at, length, segmentId)
      if (record > 0) {
        const waits = walk(bytes, at, place + at, offsetAt.of(place + at))
        if (waits !== undefined) await waits
        at += record
      } else if (isEnd) {
        const next = findRecord(bytes, at + 1, segmentId)
        if (next < 0) return
        at = next
      } else break
    }
    if (isEnd) return
    // it is cut by the end of the window, or damaged: which of the two shows when the window is large enough
    if (at === 0) window = Buffer.allocUnsafeSlow(window.length * 2)
    else if (window.length > WINDOW_BYTES) window = Buffer.allocUnsafeSlow(WINDOW_BYTES)
    place += at
  }
}

/** Nothing but zeros: the file was made longer, and nothing came. */
function isEmpty(bytes: Buffer, from: number): boolean {
  for (let i = from; i < bytes.length; i++) if (bytes[i] !== 0) return false
  return true
}

function findRecord(bytes: Buffer, from: number, segmentId: number): number {
  const last = bytes.length - RECORD_HEADER_BYTES - 1
  for (let at = from; at <= last; at++) {
    const type = bytes[at + 8]!
    if (type === 0 || type > RECORD_RELEVEL) continue
    if (validRecord(bytes, at, bytes.length, segmentId) > 0) return at
  }
  return -1
}

/** A record that makes a reader pass over damaged bytes: its head, to be put over theirs. */
export function skipRecord(damaged: Buffer, segmentId: number): Buffer {
  const length = damaged.length - RECORD_HEADER_BYTES
  const head = Buffer.alloc(RECORD_HEADER_BYTES + 1)
  head[8] = RECORD_SKIP
  head.writeUInt32LE(length)
  const body = Buffer.concat([head.subarray(8), damaged.subarray(RECORD_HEADER_BYTES + 1)])
  head.writeUInt32LE(crc32(body, (segmentId ^ length) >>> 0), 4)
  return head
}
