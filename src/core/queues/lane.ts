import { BinaryHeap } from '../../util/binary-heap.ts'
import { RingDeque } from '../../util/ring-deque.ts'
import type { Range } from '../../store/message-store.ts'
import type { Entry } from './entry.ts'

/** The index of the first entry with a higher number, in a ring in order of number. */
export function indexAfter(ring: RingDeque<Entry>, number: number): number {
  let low = 0
  for (let high = ring.size; low < high;) {
    const middle = (low + high) >>> 1
    if (ring.at(middle)!.number <= number) low = middle + 1
    else high = middle
  }
  return low
}

const byNumber = (a: Entry, b: Entry): number => a.number - b.number

/**
 * The messages of one priority.
 *
 *     returned │ head │ range (in the store only) │ tail
 *
 * Numbers rise from left to right: `head` has fresh messages in order of arrival, `returned` those that came back, each in its
 * old place. Range and tail are there while part of the lane is on disk (`paged`); what is published meanwhile goes to the tail.
 */
export class Lane {
  readonly level: number
  head = new RingDeque<Entry>()
  readonly returned = new BinaryHeap<Entry>(byNumber)
  /** READY entries in `head` and `returned`. */
  live = 0
  paged: PagedPart | null = null

  constructor(level: number) {
    this.level = level
  }
}

/** What of a lane lies behind its head. Everything in the range is READY; it may be empty, with `to` one below `from`. */
export class PagedPart {
  /** Nothing in the head has this number or a higher one. */
  from: number
  /** Nothing in the tail has this number or a lower one. */
  to: number
  /** Messages in the range, and their body bytes. */
  count = 0
  bytes = 0
  /** No message in the range expires before (ms since the epoch); -1 when none does. */
  expiresAt = -1
  tail = new RingDeque<Entry>()
  /** READY entries in the tail, and their body bytes. */
  tailLive = 0
  tailBytes = 0
  /** The store writes or copies a run of this lane. */
  writing = false
  /** What lies up to here in the tail has been shown to `QueueLog.gather`, and what lies from here on in the head. */
  gatheredTo = 0
  gatheredFrom = Infinity
  /** The head is to leave memory too, as far as nobody wants it: the queue is lazy. */
  shrinks = false

  constructor(from: number) {
    this.from = from
    this.to = from - 1
  }
}

/** What of a lane is in the store only, as the store names it. */
export const rangeOf = (lane: Lane, { from, to }: PagedPart): Range => ({ from, to, level: lane.level })
