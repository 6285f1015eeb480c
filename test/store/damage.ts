import {
  KIND_JOURNAL,
  KIND_PAGING,
  PAGE_FIXED_BYTES,
  readU16,
  readU32,
  readU48,
  RECORD_BATCH,
  RECORD_DELIVERED,
  RECORD_HEADER_BYTES,
  RECORD_MESSAGE,
  RECORD_PAGE,
  RECORD_SETTLE,
  RECORD_SKIP,
  RECORD_UPDATE,
  SEGMENT_HEADER_BYTES,
} from '../../src/store/journal/format.ts'
import {
  deliveredAt,
  eachRecord,
  listCount,
  messageHeadAt,
  settleAt,
  targetAt,
  targetCount,
  updateAt,
} from '../../src/store/journal/record-reader.ts'
import type { ReadBack } from './driver.ts'
import { type Recovered, sameState } from './model.ts'

/** A part of a file, and what may be different when it is damaged. */
export interface Part {
  readonly what: 'header' | 'table' | 'checkpoint' | 'record'
  readonly from: number
  readonly to: number
  /** Where what all the rest depends on ends: of a record what says what it is of, of a transaction everything. */
  readonly headTo: number
  /** Of a record; else 0. */
  readonly type: number
  readonly queueIds: ReadonlySet<number>
  /** Whether it says something of a message. */
  names(queueId: number, number: number): boolean
}

const none = new Set<number>()
const plain = (what: Part['what'], from: number, to: number): Part => ({
  what,
  from,
  to,
  headTo: to,
  type: 0,
  queueIds: none,
  names: () => false,
})

/** The parts of a file of the store, whole. */
export function partsOf(name: string, bytes: Buffer): Part[] {
  const kind = name.endsWith('.journal') ? KIND_JOURNAL : name.endsWith('.paging') ? KIND_PAGING : 0
  if (kind === 0) return [plain('checkpoint', 0, bytes.length)]
  const parts = [plain('header', 0, SEGMENT_HEADER_BYTES)]
  let at = SEGMENT_HEADER_BYTES
  if (bytes[25] === 1) {
    at += 8 + readU32(bytes, at) * 8
    parts.push(plain('table', SEGMENT_HEADER_BYTES, at))
  }
  while (at < bytes.length && readU32(bytes, at) > 0) {
    parts.push(recordPart(bytes, at))
    at += RECORD_HEADER_BYTES + readU32(bytes, at)
  }
  return parts
}

function recordPart(bytes: Buffer, from: number): Part {
  const to = from + RECORD_HEADER_BYTES + readU32(bytes, from)
  const type = bytes[from + 8]!
  const headTo =
    type === RECORD_MESSAGE ? messageHeadAt(bytes, from) : type === RECORD_PAGE ? from + PAGE_FIXED_BYTES : to
  const named: { queueId: number; first: number; last: number }[] = []
  eachRecord(bytes, from, (at) => named.push(...namedIn(bytes, at)))
  return {
    what: 'record',
    from,
    to,
    headTo,
    type,
    queueIds: new Set(named.map(({ queueId }) => queueId)),
    names: (queueId, number) =>
      named.some((some) => some.queueId === queueId && number >= some.first && number <= some.last),
  }
}

function namedIn(bytes: Buffer, at: number): { queueId: number; first: number; last: number }[] {
  const list = <T>(of: (bytes: Buffer, at: number, i: number) => T): T[] =>
    Array.from({ length: listCount(bytes, at) }, (_, i) => of(bytes, at, i))
  switch (bytes[at + 8]) {
    case RECORD_MESSAGE:
      return Array.from({ length: targetCount(bytes, at) }, (_, i) => targetAt(bytes, at, i)).map(
        ({ queueId, number }) => ({ queueId, first: number, last: number }),
      )
    case RECORD_SETTLE:
      return list(settleAt).map(({ queueId, first, count }) => ({ queueId, first, last: first + count - 1 }))
    case RECORD_UPDATE:
      return list(updateAt).map(({ queueId, number }) => ({ queueId, first: number, last: number }))
    case RECORD_DELIVERED:
      return list(deliveredAt).map(({ queueId, upTo }) => ({ queueId, first: 0, last: upTo }))
    case RECORD_PAGE:
      return [
        {
          queueId: readU48(bytes, at + 12),
          first: readU48(bytes, at + 18),
          last: readU48(bytes, at + 18) + readU16(bytes, at + 10),
        },
      ]
    case RECORD_BATCH:
    case RECORD_SKIP:
      return []
    default:
      throw new Error(`a record of type ${bytes[at + 8]} is not expected here`)
  }
}

export interface Difference {
  readonly queueId: number
  readonly number: number
  readonly what: 'missing' | 'back' | 'changed'
}

/** What a store found that another one, on the same disk without the damage, did not, and the other way round. */
export function differences(whole: ReadBack, damaged: ReadBack): Difference[] {
  const all = ({ found }: ReadBack): Map<string, Recovered> =>
    new Map(
      found.flatMap(({ ready, unready }) => [...ready, ...unready]).map((one) => [`${one.queueId}/${one.number}`, one]),
    )
  const [before, after] = [all(whole), all(damaged)]
  const result: Difference[] = []
  for (const [key, { queueId, number, state }] of before) {
    const one = after.get(key)
    if (one === undefined) result.push({ queueId, number, what: 'missing' })
    else if (!sameState(one.state, state)) result.push({ queueId, number, what: 'changed' })
  }
  for (const [key, { queueId, number }] of after) {
    if (!before.has(key)) result.push({ queueId, number, what: 'back' })
  }
  return result
}
