/**
 * The files of the message store, format 1. All numbers are little-endian. `docs/storage-format.md` tells the story around it.
 *
 *     messages/00000001.journal   a segment of the journal: what must survive
 *     messages/00000002.paging    a segment for what only leaves memory: written without a sync, and found again only through a checkpoint
 *     messages/checkpoint         see checkpoint.ts
 *     messages/quarantine/        damaged bytes that were found, each under the name <segment>-<offset>
 *
 * Segment ids rise by one over both kinds and are never used again. A place in a segment is its *location*: segment id × 2^32 + offset.
 *
 * Segment:
 *
 *     0   8  "WARRENMQ"
 *     8   4  format version
 *     12  4  segment id
 *     16  8  when it was made, ms since the epoch (float64)
 *     24  1  kind: 1 journal, 2 paging
 *     25  1  1 when it was compacted, else 0
 *     26  34 0
 *     60  4  CRC-32 of the 60 bytes before: so in every format, since it tells a newer one from a damaged header
 *     64  …  records, one behind the other; a length of 0, or the end of the file, ends them
 *
 * A compacted segment keeps the locations of its records: between header and records it has
 *
 *     64  4  count
 *     68  8 × count   old offset, new offset: by old offset, ascending
 *     …   4  CRC-32 of count and pairs
 *
 * and behind its records, since without the table none of them would be found, a SKIP record with the table once more and its length (u32).
 *
 * Record:
 *
 *     0   4  length: bytes from the type on
 *     4   4  CRC-32 of these bytes, started with (segment id XOR length)
 *     8   1  type
 *
 * Numbers of messages and queue ids have 6 bytes (u48). By type:
 *
 *     MESSAGE 1      9 flags (bit 0: not to be recovered) | 10 u16 targets | 12 u32 head | 16 u32 properties | 20 u32 body lengths
 *                    24 targets × { u48 queue, u48 number, u48 expires at + 1 or 0, u8 level, u8 0 }
 *                    head, properties, body
 *     SETTLE 2       12 u32 count, count × { u48 queue, u48 first number, u32 how many }      these are gone
 *     UPDATE 3       12 u32 count, count × { u48 queue, u48 number, u48 due at, u32 delivery count, u32 acquired count,
 *                                            u8 state, u8 mark, u8 redelivered, u8 level + 1 or 0 where it stays }
 *     DELIVERED 4    12 u32 count, count × { u48 queue, u48 up to }                           these may have been delivered
 *     DROP 5         12 u32 count, count × { u48 queue, u48 from, u48 to, u8 level, u8 0 }    what is ready there is gone
 *     TRANSACTION 6  9 u8 × 3 0 | 12 whole records of types 1 and 2: valid together or not at all
 *     BATCH 7        12 u48 batch number | 18 u48 ms since the epoch | 24 u32 offset in this segment up to which all was on disk
 *                    before this batch was written                                            the first record of each write
 *     SKIP 8         anything: bytes that could not be read and are kept in the quarantine, or the second table of a compacted segment
 *     PAGE 9         10 u16 rows | 12 u48 queue | 18 u48 first number | 24 rows, see index-page.ts
 *     RELEVEL 10     12 u32 count, count × { u48 queue, 256 × u8 }                            what is there and had level i has the i-th
 *                                                                                             of these from now on
 */
import { crc32 } from 'node:zlib'
import { newerFormatText } from '../newer-format.ts'

export const FORMAT = 1
export const MAGIC = Buffer.from('WARRENMQ', 'latin1')
export const SEGMENT_HEADER_BYTES = 64
export const RECORD_HEADER_BYTES = 8
export const KIND_JOURNAL = 1
export const KIND_PAGING = 2

export const RECORD_MESSAGE = 1
export const RECORD_SETTLE = 2
export const RECORD_UPDATE = 3
export const RECORD_DELIVERED = 4
export const RECORD_DROP = 5
export const RECORD_TRANSACTION = 6
export const RECORD_BATCH = 7
export const RECORD_SKIP = 8
export const RECORD_PAGE = 9
export const RECORD_RELEVEL = 10

export const MESSAGE_FIXED_BYTES = 24
export const TARGET_BYTES = 20
export const LIST_FIXED_BYTES = 16
export const SETTLE_BYTES = 16
export const UPDATE_BYTES = 30
export const DELIVERED_BYTES = 12
export const DROP_BYTES = 20
export const LEVELS = 256
export const RELEVEL_BYTES = 6 + LEVELS
export const TRANSACTION_FIXED_BYTES = 12
export const BATCH_BYTES = 28
export const PAGE_FIXED_BYTES = 24

export const FLAG_TRANSIENT = 1

export const FOLDER = 'messages'
export const QUARANTINE = `${FOLDER}/quarantine`
export const CHECKPOINT = `${FOLDER}/checkpoint`

const TWO_32 = 0x1_0000_0000

export const locationOf = (segmentId: number, offset: number): number => segmentId * TWO_32 + offset
export const segmentOf = (location: number): number => Math.floor(location / TWO_32)
/** A small integer, where the remainder alone would be a double. */
export const offsetOf = (location: number): number => (location % TWO_32) >>> 0

export const segmentName = (id: number, kind: number): string =>
  `${FOLDER}/${String(id).padStart(8, '0')}.${kind === KIND_JOURNAL ? 'journal' : 'paging'}`

export const checksum = (bytes: Uint8Array, segmentId: number, length: number): number =>
  crc32(bytes, (segmentId ^ length) >>> 0)

export interface SegmentHeader {
  readonly id: number
  readonly kind: number
  readonly compacted: boolean
  readonly madeAt: number
}

export function encodeSegmentHeader({ id, kind, compacted, madeAt }: SegmentHeader): Buffer {
  const bytes = Buffer.alloc(SEGMENT_HEADER_BYTES)
  MAGIC.copy(bytes)
  bytes.writeUInt32LE(FORMAT, 8)
  bytes.writeUInt32LE(id, 12)
  bytes.writeDoubleLE(madeAt, 16)
  bytes[24] = kind
  bytes[25] = compacted ? 1 : 0
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 60)), 60)
  return bytes
}

/** The files were written by a newer version of the program. */
export class NewerFormatError extends Error {}

/** @returns null where the bytes are no header @throws NewerFormatError */
export function decodeSegmentHeader(bytes: Buffer, name: string): SegmentHeader | null {
  if (bytes.length < SEGMENT_HEADER_BYTES || !bytes.subarray(0, 8).equals(MAGIC)) return null
  // before the version is believed: one flipped bit of it must not keep the broker from starting
  if (bytes.readUInt32LE(60) !== crc32(bytes.subarray(0, 60))) return null
  requireKnownFormat(bytes.readUInt32LE(8), name)
  return { id: bytes.readUInt32LE(12), kind: bytes[24]!, compacted: bytes[25] === 1, madeAt: bytes.readDoubleLE(16) }
}

/** @throws NewerFormatError */
export function requireKnownFormat(version: number, name: string): void {
  if (version <= FORMAT) return
  throw new NewerFormatError(newerFormatText(name, version, FORMAT))
}

export function writeU48(bytes: Buffer, at: number, value: number): void {
  writeU32(bytes, at, value)
  const high = Math.floor(value / TWO_32)
  bytes[at + 4] = high
  bytes[at + 5] = high >>> 8
}

export const readU48 = (bytes: Buffer, at: number): number =>
  readU32(bytes, at) + (bytes[at + 4]! | (bytes[at + 5]! << 8)) * TWO_32

export function writeU32(bytes: Buffer, at: number, value: number): void {
  bytes[at] = value
  bytes[at + 1] = value >>> 8
  bytes[at + 2] = value >>> 16
  bytes[at + 3] = value >>> 24
}

export const readU32 = (bytes: Buffer, at: number): number =>
  (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0

export function writeU16(bytes: Buffer, at: number, value: number): void {
  bytes[at] = value
  bytes[at + 1] = value >>> 8
}

export const readU16 = (bytes: Buffer, at: number): number => bytes[at]! | (bytes[at + 1]! << 8)
