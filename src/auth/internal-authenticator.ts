import type { Users } from '../core/users.ts'
import type { Authenticator, AuthFacts, AuthOutcome } from './authenticator.ts'

/** Asks the broker's own users. */
export class InternalAuthenticator implements Authenticator {
  readonly name = 'internal'
  readonly #users: Users

  constructor(users: Users) {
    this.#users = users
  }

  authenticatePassword(user: string, password: string, facts: AuthFacts): AuthOutcome {
    const reason = this.#users.refusalReason(user, password, facts)
    if (reason !== null) return { outcome: 'refused', reason }
    return { outcome: 'ok', tags: this.#users.get(user)!.tags }
  }
}
