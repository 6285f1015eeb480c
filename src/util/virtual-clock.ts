import type { Clock, Timer, TimerTarget } from './clock.ts'
import { parseDuration } from './duration.ts'
import { TimerQueue, deadTimer } from './timer-queue.ts'
import { setImmediate } from './real-time.ts'

/** Where a virtual clock starts when the test does not care: always the same, so that what it prints is too. */
const DEFAULT_START_MS = Date.UTC(2025, 0, 1)

/**
 * How often the event loop goes round after each step. A message that crosses a socket within the process takes a
 * turn or two, so this covers a few round trips between a client and the broker; it does not wait for disks, threads
 * or other processes.
 */
const SETTLE_TURNS = 10

/** Steps without progress after which a test is told that its timers chase each other. */
const STEPS_AT_ONE_INSTANT_MAX = 10_000

/** Time that stands still until it is moved. */
export interface VirtualClock extends Clock {
  /**
   * Moves time on by a number of ms or by text such as `30m` or `1h30m`, stopping at each due time on the way: there
   * it fires what is due, in the order of due times (equal ones in the order of scheduling), and lets the event loop
   * go round ten times, so that what the timers caused can cross the sockets of this process. Timers that are
   * scheduled meanwhile fire too if they fall due on the way. Calls that overlap run one after another. Resolves when
   * time has arrived and the loop has gone round once more.
   * @throws RangeError when the duration cannot be read; whatever a timer's target throws
   */
  advance(duration: string | number): Promise<void>
  /**
   * Moves time on to an instant, given as a Date, as text that Date understands, or as ms since the epoch; else as
   * `advance`.
   * @throws RangeError when the instant is in the past or no instant
   */
  set(instant: Date | string | number): Promise<void>
}

/**
 * @param startMs ms since the epoch; by default the start of 2025 (UTC)
 * @throws RangeError when it is no number
 */
export function virtualClock(startMs: number = DEFAULT_START_MS): VirtualClock {
  if (Number.isFinite(startMs)) return new ManualClock(startMs)
  throw new RangeError(`virtualClock cannot start at ${String(startMs)}: give milliseconds since the epoch`)
}

class ManualClock implements VirtualClock {
  readonly #queue = new TimerQueue()
  #now: number
  #closed = false
  /** The last of the moves that were asked for, be it over or not. */
  #moves: Promise<void> = Promise.resolve()

  constructor(startMs: number) {
    this.#now = startMs
  }

  now(): number {
    return this.#now
  }

  schedule(delayMs: number, target: TimerTarget): Timer {
    const dueAt = this.#now + Math.max(0, delayMs)
    return this.#closed ? deadTimer(dueAt) : this.#queue.add(dueAt, dueAt, target)
  }

  close(): void {
    this.#closed = true
    this.#queue.clear()
  }

  async advance(duration: string | number): Promise<void> {
    const ms = parseDuration(duration)
    await this.#enqueue(() => this.#moveTo(this.#now + ms))
  }

  async set(instant: Date | string | number): Promise<void> {
    const target = new Date(instant).getTime()
    if (Number.isNaN(target)) throw new RangeError(`'${String(instant)}' is not a point in time`)
    await this.#enqueue(() => this.#moveTo(target))
  }

  async #enqueue(move: () => Promise<void>): Promise<void> {
    const moved = this.#moves.then(move)
    this.#moves = moved.catch(() => {})
    await moved
  }

  async #moveTo(target: number): Promise<void> {
    if (target < this.#now) {
      throw new RangeError(
        `time does not go back from ${new Date(this.#now).toISOString()} to ${new Date(target).toISOString()}`,
      )
    }
    await settle() // what is on its way may still schedule something from the present time
    let stepsHere = 0
    for (let dueAt = this.#queue.next(); dueAt <= target; dueAt = this.#queue.next()) {
      stepsHere = dueAt > this.#now ? 0 : stepsHere + 1
      if (stepsHere > STEPS_AT_ONE_INSTANT_MAX)
        throw new Error('timers keep scheduling timers without letting time pass')
      this.#now = Math.max(this.#now, dueAt)
      this.#fireDue()
      await settle()
    }
    this.#now = target
    await settle()
  }

  /** Fires what is due now, but not what that schedules: it comes with the next step, after the loop went round. */
  #fireDue(): void {
    const mark = this.#queue.mark
    for (;;) {
      const target = this.#queue.takeDue(this.#now, mark)
      if (target === null) break
      target.onTimer(this.#now)
    }
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < SETTLE_TURNS; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
}
