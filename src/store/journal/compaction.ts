import { setImmediate } from 'node:timers/promises'
import type { StoreFiles } from './files.ts'
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
import type { QueueIndex } from './queue-index.ts'
import { eachRecord, messageBytes, targetAt, targetCount } from './record-reader.ts'
import { scanSegment } from './segment-scan.ts'
import { encodeMoves, type Segment, type Segments } from './segments.ts'

/** Time that one turn may be kept busy, in ms. */
const SLICE_MS = 3

export interface CompactorHost {
  readonly files: StoreFiles
  readonly segments: Segments
  findIndex(queueId: number): QueueIndex | undefined
  /** Whether the checkpoint on disk names the PAGE record at this location: a start would look for it. */
  isInCheckpoint(location: number): boolean
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
    const { files, segments } = this.#host
    const runs: Kept[] = []
    const offsets: number[] = []
    let sliceEnds = performance.now() + SLICE_MS
    const { bytes } = await scanSegment(segments, segment, SEGMENT_HEADER_BYTES, false, (whole, at, offset) => {
      eachRecord(whole, at, (inner) => this.#keepIfLive(segment, whole, inner, offset + inner - at, runs, offsets))
      if (performance.now() < sliceEnds) return undefined
      return setImmediate().then(() => {
        sliceEnds = performance.now() + SLICE_MS
      })
    })
    if (segment.live === 0) return
    // what says that the rest is dead must not be lost when the rest is
    await this.#host.whenSafe()
    const { id, kind } = segment
    const header = encodeSegmentHeader({ id, kind, compacted: true, madeAt: this.#host.now() })
    const moves = movesOf(runs, offsets, SEGMENT_HEADER_BYTES + 8 + offsets.length * 4)
    const parts = [header, encodeMoves(moves), ...runs.map(({ from, to }) => bytes.subarray(from, to))]
    const fresh = `${segment.name}.new`
    await files.remove(fresh)
    const file = await files.open(fresh, 'create', false)
    try {
      await file.write(parts, 0)
      await file.sync()
    } finally {
      await file.close()
    }
    await segments.replace(segment, fresh)
    await files.syncFolder(FOLDER)
    segment.fileBytes = parts.reduce((sum, part) => sum + part.length, 0)
  }

  #keepIfLive(segment: Segment, bytes: Buffer, at: number, offset: number, runs: Kept[], offsets: number[]): void {
    if (!this.#isLive(bytes, at, locationOf(segment.id, offset))) return
    const end = at + lengthOf(bytes, at)
    const last = runs.at(-1)
    if (last !== undefined && last.to === at) last.to = end
    else runs.push({ from: at, to: end })
    offsets.push(offset, at)
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
      for (const list of [index.logged, index.transient]) {
        for (const page of list.covering(number)) {
          // rows that are on disk may be needed to tell: what cannot be told is kept
          if (!page.resident && !page.contiguous) return true
          const row = page.rowOf(number)
          if (row >= 0 && page.isLive(row)) return true
        }
      }
    }
    return false
  }
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
