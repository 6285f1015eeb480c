import type { Clock } from '../util/clock.ts'

/** Failures in a row of one name from one address after which these two have to wait. */
const FAILURES_MAX = 10
/** The same of all names together: behind a proxy, or on one machine, many share an address, and one script's mistake is not to lock them out. */
const FAILURES_OF_ADDRESS_MAX = 100
/** For how long, and after how long without a failure they are forgotten. */
const WINDOW_MS = 60_000
/** Names and addresses are the client's choice, so their number is bounded. */
const KEYS_MAX = 10_000

/** Slows down who guesses passwords: after so many failures, a name is refused unheard from an address for a while. */
export class LoginAttempts {
  readonly #ofNames: Failures
  readonly #ofAddresses: Failures

  constructor(clock: Clock) {
    this.#ofNames = new Failures(clock, FAILURES_MAX)
    this.#ofAddresses = new Failures(clock, FAILURES_OF_ADDRESS_MAX)
  }

  /** ms to wait; 0 where one may try. @param name null for a token */
  waitMs(address: string, name: string | null): number {
    return Math.max(this.#ofNames.waitMs(keyOf(address, name)), this.#ofAddresses.waitMs(address))
  }

  failed(address: string, name: string | null): void {
    this.#ofNames.failed(keyOf(address, name))
    this.#ofAddresses.failed(address)
  }

  /** Of the address it changes nothing: who has one password may still guess others'. */
  succeeded(address: string, name: string | null): void {
    this.#ofNames.forget(keyOf(address, name))
  }
}

/** Names may be as long as a header may be; no user's is longer than this. */
const NAME_CHARACTERS = 255

const keyOf = (address: string, name: string | null): string => `${address} ${(name ?? '').slice(0, NAME_CHARACTERS)}`

class Failures {
  readonly #clock: Clock
  readonly #max: number
  readonly #counts = new Map<string, { count: number; lastAt: number }>()

  constructor(clock: Clock, max: number) {
    this.#clock = clock
    this.#max = max
  }

  waitMs(key: string): number {
    const found = this.#counts.get(key)
    if (found === undefined) return 0
    const left = found.lastAt + WINDOW_MS - this.#clock.now()
    if (left <= 0) this.#counts.delete(key)
    return left > 0 && found.count >= this.#max ? left : 0
  }

  failed(key: string): void {
    const count = (this.#counts.get(key)?.count ?? 0) + 1
    this.#counts.delete(key)
    if (this.#counts.size >= KEYS_MAX) this.#counts.delete(this.#counts.keys().next().value!)
    this.#counts.set(key, { count, lastAt: this.#clock.now() })
  }

  forget(key: string): void {
    this.#counts.delete(key)
  }
}
