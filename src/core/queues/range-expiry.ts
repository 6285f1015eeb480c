import type { LoadedMessage, LoadVisitor, QueueEntry, QueueLog } from '../../store/message-store.ts'
import type { Timer, TimerTarget } from '../../util/clock.ts'
import type { Entry } from './entry.ts'
import { type Lane, type PagedPart, rangeOf } from './lane.ts'
import type { Pager } from './pager.ts'
import type { QueueHost } from './queue-host.ts'
import type { Queue } from './queue.ts'

/** Expired messages taken out of a range in one go. */
const EXPIRED_MAX = 1000
/** The store expected something to have expired that had not. */
const EXPIRY_RETRY_MS = 100

/** Ends messages in time that are in the store only, within the ranges of a pager: they are read for it, as dead letters need them. */
export class RangeExpiry implements TimerTarget {
  readonly #pager: Pager
  readonly #queue: Queue
  readonly #host: QueueHost
  readonly #log: QueueLog
  /** At the earliest expiry in a range. */
  #timer: Timer | null = null

  constructor(pager: Pager, queue: Queue, host: QueueHost, log: QueueLog) {
    this.#pager = pager
    this.#queue = queue
    this.#host = host
    this.#log = log
  }

  /** A range may have come or gone, or been read from. */
  arm(): void {
    const due = this.#earliest()
    if (this.#timer !== null && this.#timer.dueAt === due) return
    this.close()
    if (due === Infinity) return
    const { clock } = this.#host
    this.#timer = clock.schedule(Math.max(0, due - clock.now()), this)
  }

  #earliest(): number {
    const { ready } = this.#pager
    let earliest = Infinity
    if (ready.pagedCount === 0) return earliest
    for (const { lane, paged } of this.#ranges()) {
      if (!this.#pager.isLoading(lane.level)) earliest = Math.min(earliest, paged.expiresAt)
    }
    return earliest
  }

  /** Those with something that expires. */
  *#ranges(): Generator<{ readonly lane: Lane; readonly paged: PagedPart }> {
    for (const lane of this.#pager.ready.lanes) {
      const paged = lane?.paged ?? null
      if (paged !== null && paged.count > 0 && paged.expiresAt >= 0) yield { lane: lane!, paged }
    }
  }

  close(): void {
    this.#timer?.cancel()
    this.#timer = null
  }

  onTimer(now: number): void {
    this.#timer = null
    if (this.#queue.deleted) return
    for (const { lane, paged } of this.#ranges()) {
      if (paged.expiresAt > now || this.#pager.isLoading(lane.level)) continue
      this.#pager.begin(lane.level, 0)
      this.#log.loadExpired(rangeOf(lane, paged), now, EXPIRED_MAX, new ExpiredLoad(this, this.#pager, lane, paged))
    }
    this.arm()
  }

  /** Called by the load of a range. */
  loaded(lane: Lane, paged: PagedPart, message: LoadedMessage): Entry | null {
    if (lane.paged !== paged || this.#queue.deleted) return null
    const entry = this.#queue.entryOf(message)
    this.#pager.ready.lost(paged, 1, entry.message.bodyLength)
    return entry
  }

  /** Called by the load of a range. */
  loadEnded(lane: Lane, paged: PagedPart, expired: readonly Entry[]): void {
    this.#pager.ended(lane.level, 0)
    for (const entry of expired) this.#queue.expireLoaded(entry)
    if (this.#queue.deleted) return
    if (lane.paged === paged) {
      if (paged.count === 0) this.#pager.ready.close(lane)
      else {
        const next = this.#log.earliestExpiry(rangeOf(lane, paged))
        const now = this.#host.clock.now()
        paged.expiresAt = next >= 0 && next <= now && expired.length === 0 ? now + EXPIRY_RETRY_MS : next
      }
    }
    this.#pager.goOn()
  }
}

/** What has expired of a range. */
class ExpiredLoad implements LoadVisitor {
  readonly #expiry: RangeExpiry
  readonly #pager: Pager
  readonly #lane: Lane
  readonly #paged: PagedPart
  readonly #expired: Entry[] = []

  constructor(expiry: RangeExpiry, pager: Pager, lane: Lane, paged: PagedPart) {
    this.#expiry = expiry
    this.#pager = pager
    this.#lane = lane
    this.#paged = paged
  }

  onLoaded(message: LoadedMessage): QueueEntry | null {
    const entry = this.#expiry.loaded(this.#lane, this.#paged, message)
    if (entry !== null) this.#expired.push(entry)
    return entry
  }

  onLost(_number: number, _level: number, bodyLength: number): void {
    this.#pager.lost(this.#lane, this.#paged, 1, bodyLength)
  }

  onLoadEnd(): void {
    this.#expiry.loadEnded(this.#lane, this.#paged, this.#expired)
  }
}
