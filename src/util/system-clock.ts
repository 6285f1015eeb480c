import type { Clock, Timer, TimerTarget } from './clock.ts'
import { TimerQueue, deadTimer } from './timer-queue.ts'
import * as realTime from './real-time.ts'

/** Node fires a timer with a longer delay at once: the longest sleep between two looks at the queue. */
const SLEEP_MAX_MS = 2 ** 31 - 1

/**
 * Real time. `now()` is the wall clock; timers run on the monotonic one, so that a wall clock that is set neither
 * fires them early nor holds them up.
 *
 * One Node timer serves them all. It does not keep the process alive: sockets do, a wait alone should not.
 *
 * @param timers what timers run on: Node's, but in tests of this clock itself
 */
export const systemClock = (timers: Timers = realTime): Clock => new SystemClock(timers)

type Timers = Pick<typeof realTime, 'monotonicClock' | 'setTimeout' | 'clearTimeout'>

class SystemClock implements Clock {
  readonly #queue = new TimerQueue()
  readonly #timers: Timers
  #alarm: NodeJS.Timeout | null = null
  /** When the alarm rings, on the monotonic clock; Infinity when it is not set. */
  #alarmAt = Infinity
  #closed = false

  constructor(timers: Timers) {
    this.#timers = timers
  }

  now(): number {
    return realTime.wallClock()
  }

  schedule(delayMs: number, target: TimerTarget): Timer {
    const delay = Math.max(0, delayMs)
    const dueAt = realTime.wallClock() + delay
    if (this.#closed) return deadTimer(dueAt)
    // `now()` is cut to whole ms and the two clocks do not tick together: a ms more, and no target sees a `now` before
    // its due time.
    const fireAt = this.#timers.monotonicClock() + delay + 1
    const timer = this.#queue.add(dueAt, fireAt, target)
    if (fireAt < this.#alarmAt) this.#arm(fireAt)
    return timer
  }

  close(): void {
    this.#closed = true
    this.#queue.clear()
    this.#disarm()
  }

  #arm(fireAt: number): void {
    this.#disarm()
    if (fireAt === Infinity) return
    this.#alarmAt = fireAt
    const sleep = Math.min(SLEEP_MAX_MS, Math.max(0, Math.ceil(fireAt - this.#timers.monotonicClock())))
    this.#alarm = this.#timers.setTimeout(() => this.#onAlarm(), sleep)
    this.#alarm.unref()
  }

  #disarm(): void {
    if (this.#alarm !== null) this.#timers.clearTimeout(this.#alarm)
    this.#alarm = null
    this.#alarmAt = Infinity
  }

  #onAlarm(): void {
    // A target that schedules with no delay falls due after `time`: the loop ends, whatever the targets do.
    const time = this.#timers.monotonicClock()
    this.#alarmAt = -Infinity // targets that schedule need not arm: we do, once, below
    try {
      for (;;) {
        const target = this.#queue.takeDue(time)
        if (target === null) break
        target.onTimer(realTime.wallClock())
      }
    } finally {
      this.#arm(this.#queue.next())
    }
  }
}
