import { setImmediate } from 'node:timers/promises'
import type { StoreFiles } from '../files.ts'
import {
  encodeSegmentHeader,
  FOLDER,
  locationOf,
  readU48,
  RECORD_MESSAGE,
  RECORD_PAGE,
  SEGMENT_HEADER_BYTES,
} from './format.ts'
import type { IndexPage } from './index-page.ts'
import { encodeMoves, encodeMovesCopy } from './move-table.ts'
import type { QueueIndex } from './queue-index.ts'
import { eachRecord, messageBytes, targetAt, targetCount } from './record-reader.ts'
import { walkSegment, WINDOW_BYTES } from './segment-scan.ts'
import { isLoss, type Segment, type SegmentFile, type Segments } from './segments.ts'
import { monotonicClock } from '../../util/real-time.ts'

/** Time that one turn may be kept busy, in ms. */
const SLICE_MS = 1

export interface CompactorHost {
  readonly files: StoreFiles
  readonly segments: Segments
  findIndex(queueId: number): QueueIndex | undefined
  /** Whether the checkpoint on disk names the PAGE record at this location: a start would look for it. */
  isInCheckpoint(location: number): boolean
  /** A segment cannot be read, and stays as it is. */
  unreadable(segment: Segment, error: Error): void
  /** Resolves when everything recorded so far is safe. */
  whenSafe(): Promise<void>
  now(): number
}

interface Kept {
  readonly from: number
  to: number
}

/**
 * Writes a segment anew with only what is live in it. Records keep their locations: the new file has a table from the old offsets to its
 * own, so that no index has to change.
 */
export class Compactor {
  readonly #host: CompactorHost

  constructor(host: CompactorHost) {
    this.#host = host
  }

  async compact(segment: Segment): Promise<void> {
    const { segments } = this.#host
    let file: SegmentFile
    try {
      file = await segments.hold(segment)
    } catch (error) {
      this.#giveUp(segment, error as Error)
      return
    }
    try {
      await this.#compactFile(segment, file)
    } finally {
      segments.letGo(file)
    }
  }

  async #compactFile(segment: Segment, file: SegmentFile): Promise<void> {
    const runs: Kept[] = []
    const offsets: number[] = []
    try {
      await this.#findLive(segment, file, runs, offsets)
    } catch (error) {
      this.#giveUp(segment, error as Error)
      return
    }
    if (segment.live === 0) return
    // what says that the rest is dead must not be lost when the rest is
    await this.#host.whenSafe()
    await this.#rewrite(segment, file, runs, offsets)
  }

  /** A bad place on the disk is no reason to end: what is live beside it can still be delivered. @throws what says nothing of the bytes */
  #giveUp(segment: Segment, error: Error): void {
    if (!isLoss(error)) throw error
    segment.unreadable = true
    this.#host.unreadable(segment, error)
  }

  async #findLive(segment: Segment, file: SegmentFile, runs: Kept[], offsets: number[]): Promise<void> {
    let sliceEnds = monotonicClock() + SLICE_MS
    await walkSegment(this.#host.segments, file, segment.id, (bytes, at, place, offset) => {
      eachRecord(bytes, at, (inner) => {
        const beyond = inner - at
        if (this.#isLive(bytes, inner, locationOf(segment.id, offset + beyond))) {
          keep(runs, place + beyond, lengthOf(bytes, inner))
          offsets.push(offset + beyond, place + beyond)
        }
      })
      if (monotonicClock() < sliceEnds) return undefined
      return setImmediate().then(() => {
        sliceEnds = monotonicClock() + SLICE_MS
      })
    })
  }

  async #rewrite(segment: Segment, old: SegmentFile, runs: readonly Kept[], offsets: readonly number[]): Promise<void> {
    const { files, segments } = this.#host
    const { id, kind } = segment
    const header = encodeSegmentHeader({ id, kind, compacted: true, madeAt: this.#host.now() })
    const moves = movesOf(runs, offsets, SEGMENT_HEADER_BYTES + 8 + offsets.length * 4)
    const fresh = `${segment.name}.new`
    await files.remove(fresh)
    const file = await files.open(fresh, 'create', false)
    let size = 0
    const write = async (parts: readonly Buffer[]): Promise<void> => {
      await file.write(parts, size)
      for (const part of parts) size += part.length
    }
    try {
      const table = encodeMoves(moves)
      await write([header, table])
      await this.#copy(old, runs, write)
      await write([encodeMovesCopy(table, id)])
      await file.sync()
    } finally {
      await file.close()
    }
    await segments.replace(segment, fresh)
    await files.syncFolder(FOLDER)
    segment.fileBytes = size
  }

  /** Writes the parts of a file that are kept, window by window. */
  async #copy(from: SegmentFile, runs: readonly Kept[], write: (parts: Buffer[]) => Promise<void>): Promise<void> {
    const window = Buffer.allocUnsafeSlow(WINDOW_BYTES)
    let place = 0
    let length = 0
    let parts: Buffer[] = []
    for (const { from: start, to } of runs) {
      for (let at = start; at < to;) {
        if (at >= place + length) {
          if (parts.length > 0) await write(parts)
          parts = []
          place = at
          length = await this.#host.segments.read(from, window, window.length, place)
          if (length === 0) throw new Error(`${from.name} is shorter than it was`)
        }
        const end = Math.min(to, place + length)
        parts.push(window.subarray(at - place, end - place))
        at = end
      }
    }
    if (parts.length > 0) await write(parts)
  }

  #isLive(bytes: Buffer, at: number, location: number): boolean {
    if (bytes[at + 8] === RECORD_PAGE) {
      if (this.#host.isInCheckpoint(location)) return true
      const index = this.#host.findIndex(readU48(bytes, at + 12))
      if (index === undefined) return false
      const first = readU48(bytes, at + 18)
      const isHere = (page: IndexPage): boolean => page.location === location
      return index.logged.covering(first).some(isHere) || index.transient.covering(first).some(isHere)
    }
    if (bytes[at + 8] !== RECORD_MESSAGE) return false
    for (let i = 0; i < targetCount(bytes, at); i++) {
      const { queueId, number } = targetAt(bytes, at, i)
      const index = this.#host.findIndex(queueId)
      if (index === undefined) continue
      // rows that are on disk may be needed to tell: what cannot be told is kept
      if (index.logged.mayHave(number) || index.transient.mayHave(number)) return true
    }
    return false
  }
}

/** Adds bytes of the old file to what is kept of it. */
function keep(runs: Kept[], at: number, length: number): void {
  const last = runs.at(-1)
  if (last !== undefined && last.to === at) last.to = at + length
  else runs.push({ from: at, to: at + length })
}

/** Pairs of old and new offset. `offsets` has, for each kept record, its old offset and its place in the old file. */
function movesOf(runs: readonly Kept[], offsets: readonly number[], start: number): number[] {
  const moves: number[] = []
  let run = 0
  let to = start
  for (let i = 0; i < offsets.length; i += 2) {
    const at = offsets[i + 1]!
    while (at >= runs[run]!.to) {
      to += runs[run]!.to - runs[run]!.from
      run++
    }
    moves.push(offsets[i]!, to + at - runs[run]!.from)
  }
  return moves
}

const lengthOf = (bytes: Buffer, at: number): number =>
  bytes[at + 8] === RECORD_MESSAGE ? messageBytes(bytes, at) : 8 + bytes.readUInt32LE(at)
