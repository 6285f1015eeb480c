import type { Clock } from './clock.ts'
import { PHASE_FLUSH, type Turn, type TurnTask } from './turn.ts'

/** The time when it was first asked for in this turn of the event loop: near enough for what happens per message, and not a look at the clock. */
export class TurnTime implements TurnTask {
  scheduled = false
  readonly #clock: Clock
  readonly #turn: Turn
  #now = 0

  constructor(clock: Clock, turn: Turn) {
    this.#clock = clock
    this.#turn = turn
  }

  /** ms since the epoch */
  get now(): number {
    if (!this.scheduled) {
      this.#now = this.#clock.now()
      this.#turn.schedule(PHASE_FLUSH, this)
    }
    return this.#now
  }

  /** From now on the clock is asked anew. */
  runAtTurnEnd(): void {}
}
