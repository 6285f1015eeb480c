import type { Transport } from '../../../net/transport.ts'
import type { Clock, Timer, TimerTarget } from '../../../util/clock.ts'
import { writeHeartbeat } from './hot.ts'

/**
 * Heartbeats of one connection. Every half interval: a heartbeat is sent if nothing else was, and silence is counted; two whole intervals of
 * it mean that the peer is gone.
 */
export class Heartbeat implements TimerTarget {
  readonly #clock: Clock
  readonly #transport: Transport
  readonly intervalMs: number
  readonly #onSilence: () => void
  #timer: Timer
  #heard = true
  #silentTicks = 0
  #sentAt = 0

  constructor(clock: Clock, transport: Transport, intervalSec: number, onSilence: () => void) {
    this.#clock = clock
    this.#transport = transport
    this.intervalMs = intervalSec * 1000
    this.#onSilence = onSilence
    this.#timer = clock.schedule(this.intervalMs / 2, this)
  }

  received(): void {
    this.#heard = true
  }

  onTimer(): void {
    // while the broker itself does not read, it cannot hear
    if (this.#heard || this.#transport.paused) this.#silentTicks = 0
    else this.#silentTicks++
    this.#heard = false
    // two checks of a whole interval each: between two and three intervals of silence
    if (this.#silentTicks >= 4) {
      this.#onSilence()
      return
    }
    if (this.#transport.bytesOut === this.#sentAt) writeHeartbeat(this.#transport)
    this.#sentAt = this.#transport.bytesOut
    this.#timer = this.#clock.schedule(this.intervalMs / 2, this)
  }

  close(): void {
    this.#timer.cancel()
  }
}
