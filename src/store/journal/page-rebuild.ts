import { locationOf, readU32, RECORD_HEADER_BYTES, RECORD_MESSAGE, SEGMENT_HEADER_BYTES } from './format.ts'
import { type IndexPage, Row } from './index-page.ts'
import { eachRecord, targetAt, targetCount } from './record-reader.ts'
import { scanSegment, WHOLLY_SYNCED } from './segment-scan.ts'
import { isLoss, type Segment, type Segments } from './segments.ts'

/**
 * Finds the rows of an index page that cannot be read in the messages themselves: their records name queue and number. Counts and
 * states of messages that had come back are not found again.
 * @returns the page's rows in order, null for one that was not found; or null where it cannot be told which row is which
 */
export async function findRows(page: IndexPage, segments: Segments): Promise<(Row | null)[] | null> {
  const found = new Map<number, Row>()
  for (const { segmentId, count } of page.uses) {
    const segment = segments.byId.get(segmentId)
    if (segment === undefined || count === 0) continue
    try {
      await findIn(segment, segments, page, found)
    } catch (error) {
      // with the segment its messages are lost, whatever becomes of the page
      if (!isLoss(error)) throw error
    }
  }
  if (page.contiguous) return Array.from({ length: page.rows }, (_, i) => found.get(page.first + i) ?? null)
  const rows = [...found.values()].toSorted((a, b) => a.number - b.number)
  return rows.length === page.rows ? rows : null
}

async function findIn(segment: Segment, segments: Segments, page: IndexPage, found: Map<number, Row>): Promise<void> {
  await scanSegment(segments, segment, SEGMENT_HEADER_BYTES, WHOLLY_SYNCED, (bytes, at, offset) => {
    eachRecord(bytes, at, (inner) => {
      if (bytes[inner + 8] === RECORD_MESSAGE) {
        takeTargets(page, bytes, inner, locationOf(segment.id, offset + inner - at), found)
      }
    })
    return undefined
  })
}

function takeTargets(page: IndexPage, bytes: Buffer, at: number, location: number, found: Map<number, Row>): void {
  const sharers = targetCount(bytes, at)
  for (let i = 0; i < sharers; i++) {
    const { queueId, number, expiresAt, level } = targetAt(bytes, at, i)
    if (queueId !== page.queueId || number < page.first || number > page.last) continue
    const row = new Row()
    row.number = number
    row.location = location
    row.expiresAt = expiresAt
    row.level = level
    row.recordBytes = RECORD_HEADER_BYTES + readU32(bytes, at)
    row.bodyBytes = readU32(bytes, at + 20)
    row.sharers = sharers
    found.set(number, row)
  }
}
