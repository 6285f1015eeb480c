import type { LoginFacts, LoginOutcome } from '../core/identity.ts'

/** Says who may log in; never rejects. */
export interface Logins {
  authenticatePassword(user: string, password: string, facts: LoginFacts): LoginOutcome | Promise<LoginOutcome>
  /** Of somebody whose certificate has been verified. */
  authenticateName(user: string, facts: LoginFacts): LoginOutcome | Promise<LoginOutcome>
  /** Counts a login that did not get as far as a name, and tells of it. */
  countBroken(facts: LoginFacts, reason: string): void
}
