import type { Clock, Timer } from '../../util/clock.ts'
import type { Entry } from './entry.ts'
import { HELD } from './entry.ts'

/** The messages of a queue that wait: for their next try after a failure, or for a dead-letter target that takes them. */
export class HeldMessages {
  count = 0
  bytes = 0
  readonly #clock: Clock
  readonly #timers = new Map<Timer, Entry>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Keeps an entry for so many ms, and hands it to `then`. */
  hold(entry: Entry, delayMs: number, then: (entry: Entry) => void): void {
    entry.state = HELD
    this.count++
    this.bytes += entry.message.bodyLength
    const timer = this.#clock.schedule(delayMs, {
      onTimer: () => {
        this.#timers.delete(timer)
        this.count--
        this.bytes -= entry.message.bodyLength
        then(entry)
      },
    })
    this.#timers.set(timer, entry)
  }

  /** Nobody waits any longer. */
  close(end: (entry: Entry) => void): void {
    const entries = [...this.#timers]
    this.#timers.clear()
    this.count = 0
    this.bytes = 0
    for (const [timer, entry] of entries) {
      timer.cancel()
      end(entry)
    }
  }
}
