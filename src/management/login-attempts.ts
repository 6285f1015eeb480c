import type { Clock } from '../util/clock.ts'

/** Failures in a row from one address after which it has to wait. */
const FAILURES_MAX = 10
/** For how long, and after how long without a failure they are forgotten. */
const WINDOW_MS = 60_000
/** Addresses are the client's choice, so their number is bounded. */
const ADDRESSES_MAX = 10_000

/** Slows down who guesses passwords: after so many failures, an address is refused unheard for a while. */
export class LoginAttempts {
  readonly #clock: Clock
  readonly #failures = new Map<string, { count: number; lastAt: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** ms that the address has to wait; 0 when it may try. */
  waitMs(address: string): number {
    const found = this.#failures.get(address)
    if (found === undefined) return 0
    const left = found.lastAt + WINDOW_MS - this.#clock.now()
    if (left <= 0) this.#failures.delete(address)
    return left > 0 && found.count >= FAILURES_MAX ? left : 0
  }

  failed(address: string): void {
    const count = (this.#failures.get(address)?.count ?? 0) + 1
    this.#failures.delete(address)
    if (this.#failures.size >= ADDRESSES_MAX) this.#failures.delete(this.#failures.keys().next().value!)
    this.#failures.set(address, { count, lastAt: this.#clock.now() })
  }

  succeeded(address: string): void {
    this.#failures.delete(address)
  }
}
