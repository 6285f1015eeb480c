import type { Clock, Timer, TimerTarget } from '../../util/clock.ts'

/** Who has to say something. */
export interface Heard {
  /** When something came last. */
  heardAt: number
  /** Whether nothing is read: then nothing can be heard. */
  readonly isDeaf: boolean
  onSilence(keepAliveSec: number): void
}

/** A client that is silent for one and a half times its keep alive is gone (MQTT 5.0, 3.1.2.10). */
export class KeepAlive implements TimerTarget {
  readonly #clock: Clock
  readonly #client: Heard
  readonly #keepAliveSec: number
  #timer: Timer

  constructor(clock: Clock, client: Heard, keepAliveSec: number) {
    this.#clock = clock
    this.#client = client
    this.#keepAliveSec = keepAliveSec
    this.#timer = clock.schedule(keepAliveSec * 1500, this)
  }

  onTimer(now: number): void {
    const client = this.#client
    if (client.isDeaf) client.heardAt = now
    const dueIn = client.heardAt + this.#keepAliveSec * 1500 - now
    if (dueIn <= 0) client.onSilence(this.#keepAliveSec)
    else this.#timer = this.#clock.schedule(dueIn, this)
  }

  close(): void {
    this.#timer.cancel()
  }
}
