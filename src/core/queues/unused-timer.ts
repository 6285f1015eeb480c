import type { Clock, Timer } from '../../util/clock.ts'
import type { Queue } from './queue.ts'

/** A queue's own expiry (`x-expires`): it goes when nobody has used it for so long. */
export class UnusedTimer {
  readonly #queue: Queue
  readonly #clock: Clock
  readonly #onUnused: () => void
  #lastUsed: number
  #timer: Timer | null = null

  constructor(queue: Queue, clock: Clock, onUnused: () => void) {
    this.#queue = queue
    this.#clock = clock
    this.#onUnused = onUnused
    this.#lastUsed = clock.now()
    this.#arm()
  }

  /** Somebody used the queue: the time starts again. */
  touch(): void {
    if (this.#queue.settings.expiresMs >= 0) this.#lastUsed = this.#clock.now()
  }

  /** The time has changed, and starts again. */
  restart(): void {
    this.#lastUsed = this.#clock.now()
    this.#arm()
  }

  close(): void {
    this.#timer?.cancel()
    this.#timer = null
  }

  #arm(): void {
    this.close()
    const { expiresMs } = this.#queue.settings
    if (expiresMs < 0 || this.#queue.deleted) return
    const dueIn = this.#lastUsed + expiresMs - this.#clock.now()
    this.#timer = this.#clock.schedule(Math.max(1, dueIn), { onTimer: (now) => this.#onTimer(now) })
  }

  #onTimer(now: number): void {
    const { consumerCount, settings } = this.#queue
    if (consumerCount > 0) this.#lastUsed = now
    if (now - this.#lastUsed >= settings.expiresMs) this.#onUnused()
    else this.#arm()
  }
}
