import type { Timer } from '../util/clock.ts'
import { preconditionFailed } from './errors.ts'
import type { MessageCounters } from './message-counters.ts'
import type { Entry } from './queues/entry.ts'
import type { Session } from './session.ts'
import type { Settled } from './tracing/message-observer.ts'
import { Unacked } from './unacked.ts'

export const ACK = 0
export const REQUEUE = 1
export const REJECT_REQUEUE = 2
export const DISCARD = 3
export type Settlement = typeof ACK | typeof REQUEUE | typeof REJECT_REQUEUE | typeof DISCARD

const SETTLED: Readonly<Record<Settlement, Settled>> = {
  [ACK]: 'acknowledged',
  [REQUEUE]: 'returned',
  [REJECT_REQUEUE]: 'rejected',
  [DISCARD]: 'discarded',
}

interface PendingSettlement {
  readonly tag: number
  readonly entry: Entry
  readonly how: Settlement
}

/** The consuming half of a session: delivery tags, prefetch shared by the session, settlements and their transactions, time-outs. */
export class Deliveries {
  readonly unacked = new Unacked()
  /** What the client has asked to have its consumers share (AMQP: global qos), of which not every type of queue is capable; 0 for nothing. */
  sharedPrefetch = 0
  /** Deliveries allowed to all consumers of the session together, be it by that or by the protocol; 0 for no limit. */
  limit = 0
  /** Of them, how many are used up by what is settled already, where the protocol goes on counting it. */
  withheld = 0
  readonly #session: Session
  readonly #counters: MessageCounters
  #outstanding = 0
  #pending: PendingSettlement[] | null = null
  #timer: Timer | null = null

  /** @param counters of the session */
  constructor(session: Session, counters: MessageCounters) {
    this.#session = session
    this.#counters = counters
  }

  /** Deliveries that are not settled, or not for good: a transaction may still be rolled back. */
  *outstanding(): Generator<Entry> {
    for (const [, entry] of this.unacked.entries()) yield entry
    for (const { entry } of this.#pending ?? []) yield entry
  }

  /** Settlements that wait for the commit. */
  get uncommitted(): number {
    return this.#pending?.length ?? 0
  }

  hasCredit(): boolean {
    return this.limit === 0 || this.#outstanding + this.withheld < this.limit
  }

  /** Gives a delivery that is to be settled its tag. */
  add(entry: Entry): number {
    if (entry.consumer !== null) this.#outstanding++
    const { clock, startedAt, turnTime } = this.#session.broker
    const timeout = entry.queue.ackTimeoutOf(entry.consumer)
    const now = timeout > 0 ? clock.now() : turnTime.now
    // the difference of two doubles is a double, however small
    entry.deliveredAt = Math.floor(now - startedAt)
    if (timeout > 0) this.#watch(now + timeout)
    return this.unacked.add(entry)
  }

  /**
   * Settles one delivery, or all up to it; tag 0 with `multiple` means all.
   * @throws BrokerError preconditionFailed for a tag that is not outstanding; nothing is settled then
   */
  settle(tag: number, multiple: boolean, how: Settlement): void {
    if (!multiple) {
      const entry = this.unacked.take(tag)
      if (entry === null) throw preconditionFailed(`unknown delivery tag ${tag}`)
      this.#settleTaken(tag, entry, how)
    } else {
      if (tag !== 0 && !this.unacked.has(tag)) throw preconditionFailed(`unknown delivery tag ${tag}`)
      this.unacked.takeUpTo(tag === 0 ? Number.MAX_SAFE_INTEGER : tag, (open, entry) =>
        this.#settleTaken(open, entry, how),
      )
    }
  }

  #settleTaken(tag: number, entry: Entry, how: Settlement): void {
    if (this.#pending !== null) this.#pending.push({ tag, entry, how })
    else this.#apply(entry, how)
  }

  #apply(entry: Entry, how: Settlement): void {
    const { observer } = this.#session.vhost
    if (observer !== null) observer.settled(this.#session, entry, SETTLED[how])
    this.#release(entry)
    const { queue } = entry
    switch (how) {
      case ACK:
        this.#counters.acknowledged++
        if (entry.consumer !== null) entry.consumer.acknowledged++
        queue.acknowledge(entry)
        return
      case DISCARD:
        queue.discard(entry)
        return
      default:
        queue.requeue(entry, how === REJECT_REQUEUE ? 'rejected' : 'returned')
    }
  }

  #release(entry: Entry): void {
    if (entry.consumer === null) return
    const wasFull = !this.hasCredit()
    this.#outstanding--
    // its own consumer is woken by the queue, the others only if the shared limit held them
    if (wasFull) this.#session.wakeConsumers(entry.consumer)
  }

  /** Puts every unsettled delivery back into its queue, in the order of delivery. */
  requeueAll(kind: 'returned' | 'lost'): void {
    const pending = this.#pending ?? []
    if (kind === 'lost') {
      for (const { tag, entry } of pending) this.unacked.restore(tag, entry)
      this.#pending = null
    }
    const { observer } = this.#session.vhost
    this.unacked.takeUpTo(Number.MAX_SAFE_INTEGER, (_tag, entry) => {
      if (observer !== null) observer.settled(this.#session, entry, kind)
      this.#release(entry)
      entry.queue.requeue(entry, kind)
    })
  }

  // ---- transactions ----

  selectTransactions(): void {
    this.#pending ??= []
  }

  commit(): void {
    const pending = this.#pending!
    this.#pending = []
    for (const { entry, how } of pending) this.#apply(entry, how)
  }

  /** The settlements of the transaction did not happen: the deliveries are unsettled again, under their tags. */
  rollback(): void {
    for (const { tag, entry } of this.#pending ?? []) this.unacked.restore(tag, entry)
    this.#pending = []
  }

  // ---- time to acknowledge ----

  /** @param due when a delivery is late (ms since the epoch) */
  #watch(due: number): void {
    if (this.#timer !== null && this.#timer.dueAt <= due) return
    this.#timer?.cancel()
    const { clock } = this.#session.broker
    this.#timer = clock.schedule(due - clock.now(), { onTimer: (now) => this.#checkTimes(now) })
  }

  #checkTimes(now: number): void {
    this.#timer = null
    const late: { tag: number; entry: Entry; timeoutMs: number }[] = []
    let next = Infinity
    const { startedAt } = this.#session.broker
    for (const [tag, entry] of this.unacked.entries()) {
      const timeoutMs = entry.queue.ackTimeoutOf(entry.consumer)
      if (timeoutMs <= 0) continue
      const due = startedAt + entry.deliveredAt + timeoutMs
      if (due <= now) late.push({ tag, entry, timeoutMs })
      else next = Math.min(next, due)
    }
    if (next < Infinity) {
      const { clock } = this.#session.broker
      this.#timer = clock.schedule(next - now, { onTimer: (at) => this.#checkTimes(at) })
    }
    if (late.length > 0) this.#session.onAckTimeout(late)
  }

  /** Takes a delivery back whose time to acknowledge is over. */
  timeOut(tag: number, entry: Entry): void {
    if (this.unacked.take(tag) === null) return
    this.#session.vhost.observer?.settled(this.#session, entry, 'timedOut')
    this.#release(entry)
    entry.queue.requeue(entry, 'timedOut')
  }

  close(): void {
    this.#timer?.cancel()
    this.requeueAll('lost')
  }
}
