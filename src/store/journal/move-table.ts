import { crc32 } from 'node:zlib'
import type { StoreFile } from '../files.ts'
import { checksum, RECORD_HEADER_BYTES, RECORD_SKIP, SEGMENT_HEADER_BYTES } from './format.ts'

/** The table between header and records of a compacted segment. */
export function encodeMoves(moves: readonly number[]): Buffer {
  const bytes = Buffer.alloc(8 + moves.length * 4)
  bytes.writeUInt32LE(moves.length / 2)
  for (let i = 0; i < moves.length; i++) bytes.writeUInt32LE(moves[i]!, 4 + i * 4)
  bytes.writeUInt32LE(crc32(bytes.subarray(0, -4)), bytes.length - 4)
  return bytes
}

/** The table once more, as a record that readers pass over: it ends with where the copy begins. */
export function encodeMovesCopy(table: Buffer, segmentId: number): Buffer {
  const length = 1 + table.length + 4
  const bytes = Buffer.alloc(RECORD_HEADER_BYTES + length)
  bytes[RECORD_HEADER_BYTES] = RECORD_SKIP
  table.copy(bytes, RECORD_HEADER_BYTES + 1)
  bytes.writeUInt32LE(table.length, bytes.length - 4)
  bytes.writeUInt32LE(length)
  bytes.writeUInt32LE(checksum(bytes.subarray(RECORD_HEADER_BYTES), segmentId, length), 4)
  return bytes
}

function decodeMoves(bytes: Buffer): Uint32Array | null {
  const isWhole = bytes.length >= 8 && bytes.length === 8 + bytes.readUInt32LE() * 8
  if (!isWhole || bytes.readUInt32LE(bytes.length - 4) !== crc32(bytes.subarray(0, -4))) return null
  const moves = new Uint32Array((bytes.length - 8) / 4)
  bytes.copy(Buffer.from(moves.buffer), 0, 4, bytes.length - 4)
  return moves
}

/** The tables of a compacted segment: `null` for one that is damaged. */
export interface MoveTables {
  readonly first: Uint32Array | null
  readonly second: Uint32Array | null
}

/** The second one is only looked at where the first one is damaged. */
export async function readMoves(reader: StoreFile): Promise<MoveTables> {
  const size = await reader.size()
  const part = async (from: number, length: number): Promise<Buffer> => {
    const bytes = Buffer.alloc(Math.max(0, Math.min(length, size - from)))
    return bytes.subarray(0, await reader.read(bytes, 0, bytes.length, from))
  }
  const number = async (at: number): Promise<number> => {
    const bytes = at < 0 ? Buffer.alloc(0) : await part(at, 4)
    return bytes.length < 4 ? 0 : bytes.readUInt32LE()
  }
  const count = await number(SEGMENT_HEADER_BYTES)
  const first = decodeMoves(await part(SEGMENT_HEADER_BYTES, 8 + count * 8))
  if (first !== null) return { first, second: null }
  const length = await number(size - 4)
  const from = size - 4 - length
  return { first: null, second: from < SEGMENT_HEADER_BYTES ? null : decodeMoves(await part(from, length)) }
}
