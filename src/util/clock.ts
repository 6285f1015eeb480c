/**
 * Time, injected everywhere so that tests can move it. Times are milliseconds since the epoch; what is scheduled never fires
 * early, and fires late only by what the event loop is late.
 */
export interface Clock {
  now(): number
  /** Fires once, `delayMs` from now. Timers that are due together fire in the order of their due times. */
  schedule(delayMs: number, target: TimerTarget): Timer
  /** Cancels what is still scheduled and lets the process end. */
  close(): void
}

export interface TimerTarget {
  onTimer(now: number): void
}

export interface Timer {
  readonly dueAt: number
  cancel(): void
}
