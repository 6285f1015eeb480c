import {
  checksum,
  readU16,
  readU32,
  readU48,
  RECORD_HEADER_BYTES,
  DELIVERED_BYTES,
  DROP_BYTES,
  LEVELS,
  LIST_FIXED_BYTES,
  MESSAGE_FIXED_BYTES,
  RECORD_DELIVERED,
  RECORD_DROP,
  RECORD_MESSAGE,
  RECORD_RELEVEL,
  RECORD_SETTLE,
  RECORD_TRANSACTION,
  RECORD_UPDATE,
  RELEVEL_BYTES,
  SETTLE_BYTES,
  TARGET_BYTES,
  TRANSACTION_FIXED_BYTES,
  UPDATE_BYTES,
} from './format.ts'
import type { Drop, Update } from './record-writer.ts'

/** @returns bytes of the whole record at `at`, or 0 where there is none that is valid and whole before `end` */
export function validRecord(bytes: Buffer, at: number, end: number, segmentId: number): number {
  if (end - at <= RECORD_HEADER_BYTES) return 0
  const length = readU32(bytes, at)
  const whole = RECORD_HEADER_BYTES + length
  if (length === 0 || whole > end - at) return 0
  const sum = checksum(bytes.subarray(at + RECORD_HEADER_BYTES, at + whole), segmentId, length)
  return sum === readU32(bytes, at + 4) && hasKnownShape(bytes, at, length) ? whole : 0
}

/** What a checksum cannot know: a record of a type that does not hold what it says would be our own mistake. */
function hasKnownShape(bytes: Buffer, at: number, length: number): boolean {
  switch (bytes[at + 8]) {
    case RECORD_MESSAGE:
      return messageBytes(bytes, at) === RECORD_HEADER_BYTES + length
    case RECORD_SETTLE:
      return readU32(bytes, at + 12) * SETTLE_BYTES + LIST_FIXED_BYTES === RECORD_HEADER_BYTES + length
    case RECORD_UPDATE:
      return readU32(bytes, at + 12) * UPDATE_BYTES + LIST_FIXED_BYTES === RECORD_HEADER_BYTES + length
    default:
      return true
  }
}

/** Bytes of the MESSAGE record at `at`, by what its own lengths say. */
export function messageBytes(bytes: Buffer, at: number): number {
  const targets = readU16(bytes, at + 10) * TARGET_BYTES
  return MESSAGE_FIXED_BYTES + targets + readU32(bytes, at + 12) + readU32(bytes, at + 16) + readU32(bytes, at + 20)
}

/** Where the head of the MESSAGE record at `at` begins. */
export const messageHeadAt = (bytes: Buffer, at: number): number =>
  at + MESSAGE_FIXED_BYTES + readU16(bytes, at + 10) * TARGET_BYTES

/** What a MESSAGE record says of one queue. */
export interface MessageTarget {
  readonly queueId: number
  readonly number: number
  /** -1 for never. */
  readonly expiresAt: number
  readonly level: number
}

export const targetCount = (bytes: Buffer, at: number): number => readU16(bytes, at + 10)

export function targetAt(bytes: Buffer, at: number, index: number): MessageTarget {
  const p = at + MESSAGE_FIXED_BYTES + index * TARGET_BYTES
  const expires = readU48(bytes, p + 12)
  return {
    queueId: readU48(bytes, p),
    number: readU48(bytes, p + 6),
    expiresAt: expires === 0 ? -1 : expires - 1,
    level: bytes[p + 18]!,
  }
}

export const listCount = (bytes: Buffer, at: number): number => readU32(bytes, at + 12)

export function settleAt(bytes: Buffer, at: number, index: number): { queueId: number; first: number; count: number } {
  const p = at + LIST_FIXED_BYTES + index * SETTLE_BYTES
  return { queueId: readU48(bytes, p), first: readU48(bytes, p + 6), count: readU32(bytes, p + 12) }
}

export function updateAt(bytes: Buffer, at: number, index: number): Update {
  const p = at + LIST_FIXED_BYTES + index * UPDATE_BYTES
  return {
    queueId: readU48(bytes, p),
    number: readU48(bytes, p + 6),
    dueAt: readU48(bytes, p + 12),
    deliveryCount: readU32(bytes, p + 18),
    acquiredCount: readU32(bytes, p + 22),
    state: bytes[p + 26]!,
    mark: bytes[p + 27]!,
    redelivered: bytes[p + 28] === 1,
    level: bytes[p + 29]! - 1,
  }
}

export function deliveredAt(bytes: Buffer, at: number, index: number): { queueId: number; upTo: number } {
  const p = at + LIST_FIXED_BYTES + index * DELIVERED_BYTES
  return { queueId: readU48(bytes, p), upTo: readU48(bytes, p + 6) }
}

export function dropAt(bytes: Buffer, at: number, index: number): Drop {
  const p = at + LIST_FIXED_BYTES + index * DROP_BYTES
  return { queueId: readU48(bytes, p), from: readU48(bytes, p + 6), to: readU48(bytes, p + 12), level: bytes[p + 18]! }
}

/** @returns by level, the one that it becomes */
export function relevelAt(bytes: Buffer, at: number, index: number): { queueId: number; levels: number[] } {
  const p = at + LIST_FIXED_BYTES + index * RELEVEL_BYTES
  return { queueId: readU48(bytes, p), levels: [...bytes.subarray(p + 6, p + 6 + LEVELS)] }
}

/** Calls `visit` with the place of each record of a TRANSACTION, or with that of the record itself where it is none. */
export function eachRecord(bytes: Buffer, at: number, visit: (at: number) => void): void {
  if (bytes[at + 8] !== RECORD_TRANSACTION) {
    visit(at)
    return
  }
  const end = at + RECORD_HEADER_BYTES + readU32(bytes, at)
  for (let inner = at + TRANSACTION_FIXED_BYTES; inner < end; inner += RECORD_HEADER_BYTES + readU32(bytes, inner)) {
    visit(inner)
  }
}

/** Of each type of record: where its list begins, and how long an item is, which begins with the id of a queue. */
const LISTS: Readonly<Record<number, readonly [fixedBytes: number, itemBytes: number]>> = {
  [RECORD_MESSAGE]: [MESSAGE_FIXED_BYTES, TARGET_BYTES],
  [RECORD_SETTLE]: [LIST_FIXED_BYTES, SETTLE_BYTES],
  [RECORD_UPDATE]: [LIST_FIXED_BYTES, UPDATE_BYTES],
  [RECORD_DELIVERED]: [LIST_FIXED_BYTES, DELIVERED_BYTES],
  [RECORD_DROP]: [LIST_FIXED_BYTES, DROP_BYTES],
  [RECORD_RELEVEL]: [LIST_FIXED_BYTES, RELEVEL_BYTES],
}

/**
 * The ids of the queues that a record names, as far as it is one that names queues. It may be damaged, and `bytes` end before it does:
 * what its counts and lengths say is not believed beyond that.
 */
export function queuesOf(bytes: Buffer, at: number): Set<number> {
  const ids = new Set<number>()
  const isTransaction = bytes[at + 8] === RECORD_TRANSACTION
  let inner = isTransaction ? at + TRANSACTION_FIXED_BYTES : at
  do {
    const type = bytes[inner + 8]!
    const [fixed, itemBytes] = LISTS[type] ?? [0, 0]
    const count = fixed === 0 ? 0 : type === RECORD_MESSAGE ? targetCount(bytes, inner) : listCount(bytes, inner)
    for (let i = 0, item = inner + fixed; i < count && item + itemBytes <= bytes.length; i++, item += itemBytes) {
      ids.add(readU48(bytes, item))
    }
    inner += RECORD_HEADER_BYTES + readU32(bytes, inner)
  } while (isTransaction && inner + RECORD_HEADER_BYTES < bytes.length)
  return ids
}
