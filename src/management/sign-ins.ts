import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../util/clock.ts'
import type { Identity } from '../core/identity.ts'

const TOKEN_BYTES = 32
/** Sign-ins at a time; the one that was used longest ago goes. */
const SIGN_INS_MAX = 10_000

export interface SignIn {
  readonly user: Identity
  readonly token: string
  /** What a request has to repeat in a header, which another site's page cannot. */
  readonly csrfToken: string
  usedAt: number
}

/** Who is signed in to the console by a cookie. In memory: a restart ends them. */
export class SignIns {
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #byToken = new Map<string, SignIn>()

  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock
    this.#timeoutMs = timeoutMs
  }

  begin(user: Identity): SignIn {
    this.#sweep()
    const signIn = { user, token: newToken(), csrfToken: newToken(), usedAt: this.#clock.now() }
    this.#byToken.set(signIn.token, signIn)
    return signIn
  }

  /** Null for one that there is not, that was not used for too long, or whose token has expired. */
  find(token: string): SignIn | null {
    const found = this.#byToken.get(token)
    if (found === undefined) return null
    this.#byToken.delete(token)
    const now = this.#clock.now()
    if (now - found.usedAt >= this.#timeoutMs || now >= (found.user.expiresAt ?? Infinity)) return null
    found.usedAt = now
    // the order of the map is that of use
    this.#byToken.set(token, found)
    return found
  }

  end(token: string): void {
    this.#byToken.delete(token)
  }

  /** The user is gone, or has another password. */
  endAllOf(user: string): void {
    for (const [token, signIn] of this.#byToken) if (signIn.user.name === user) this.#byToken.delete(token)
  }

  #sweep(): void {
    const now = this.#clock.now()
    for (const [token, { usedAt }] of this.#byToken) {
      if (now - usedAt < this.#timeoutMs && this.#byToken.size < SIGN_INS_MAX) return
      this.#byToken.delete(token)
    }
  }
}

const newToken = (): string => randomBytes(TOKEN_BYTES).toString('base64url')

export function isCsrfToken(signIn: SignIn, given: unknown): boolean {
  if (typeof given !== 'string' || given.length !== signIn.csrfToken.length) return false
  return timingSafeEqual(Buffer.from(given), Buffer.from(signIn.csrfToken))
}
