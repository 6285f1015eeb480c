/**
 * Who a client is: one of these per back end. The internal one answers at once, others (a directory, a web service) when they
 * have asked.
 */
export interface Authenticator {
  /** As in `auth_backends`: `internal`, … */
  readonly name: string
  /** @throws (or rejects with) Error when the back end cannot be asked; the login is then refused */
  authenticatePassword(user: string, password: string, facts: AuthFacts): AuthOutcome | Promise<AuthOutcome>
}

/** What is known of the client that logs in. */
export interface AuthFacts {
  /** Whether the client is on this machine. */
  readonly loopback: boolean
}

export type AuthOutcome =
  | { readonly outcome: 'ok'; readonly tags: readonly string[] }
  /** The reason is for the log: clients are told the same for all refusals. */
  | { readonly outcome: 'refused'; readonly reason: string }
