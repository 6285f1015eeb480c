import type { Transport } from '../../net/transport.ts'
import type { Clock, Timer, TimerTarget } from '../../util/clock.ts'

/** A client that is silent for one and a half times its keep alive is gone (MQTT 5.0, 3.1.2.10). */
export class KeepAlive implements TimerTarget {
  readonly #clock: Clock
  readonly #transport: Transport
  readonly #silenceMs: number
  readonly #onSilence: () => void
  #timer: Timer
  #heardAt: number

  constructor(clock: Clock, transport: Transport, keepAliveSec: number, onSilence: () => void) {
    this.#clock = clock
    this.#transport = transport
    this.#silenceMs = keepAliveSec * 1500
    this.#onSilence = onSilence
    this.#heardAt = clock.now()
    this.#timer = clock.schedule(this.#silenceMs, this)
  }

  heard(): void {
    this.#heardAt = this.#clock.now()
  }

  onTimer(now: number): void {
    // while the broker itself does not read, it cannot hear
    if (this.#transport.paused) this.#heardAt = now
    const dueIn = this.#heardAt + this.#silenceMs - now
    if (dueIn <= 0) this.#onSilence()
    else this.#timer = this.#clock.schedule(dueIn, this)
  }

  close(): void {
    this.#timer.cancel()
  }
}
