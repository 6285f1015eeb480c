import type { LoginFacts, LoginOutcome } from '../core/identity.ts'
import type { LoginAttempts } from './login-attempts.ts'

export type { Identity, LoginFacts, LoginOutcome } from '../core/identity.ts'

/**
 * The one way to log in, for all protocols and for the HTTP API. It answers at once where the broker's own users are asked alone, and
 * otherwise when the back ends have answered; it never rejects. What the user may do is asked of the identity's `authorizer`.
 */
export interface Authenticator {
  /** By user name and password; the password may also be a token, whatever the user name is then. */
  authenticatePassword(user: string, password: string, facts: LoginFacts): LoginOutcome | Promise<LoginOutcome>
  /** By a token alone (HTTP: `Authorization: Bearer`). */
  authenticateToken(token: string, facts: LoginFacts): LoginOutcome | Promise<LoginOutcome>
  /** By a name that somebody else has verified, as from a certificate. */
  authenticateName(user: string, facts: LoginFacts): LoginOutcome | Promise<LoginOutcome>
  /** Counts a login that did not get as far as a name, and tells of it. */
  countBroken(facts: LoginFacts, reason: string): void
  readonly attempts: LoginAttempts
}
