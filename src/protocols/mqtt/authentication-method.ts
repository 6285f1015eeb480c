import type { Identity, LoginFacts } from '../../core/identity.ts'

/** What a step of an exchange came to; `data` is for the client. */
export type AuthenticationStep =
  | { readonly outcome: 'continue'; readonly data: Buffer }
  | { readonly outcome: 'ok'; readonly identity: Identity; readonly data: Buffer | null }
  /** The reason is for the log. */
  | { readonly outcome: 'refused'; readonly reason: string }

/** One client's exchange. */
export interface AuthenticationExchange {
  /** @param data what the client sent with CONNECT or AUTH; null for nothing */
  next(data: Buffer | null): AuthenticationStep | Promise<AuthenticationStep>
}

/** A way to log in by enhanced authentication (MQTT 5.0, 4.12). */
export interface AuthenticationMethod {
  /** As clients name it in CONNECT. */
  readonly name: string
  /** For one CONNECT, or one re-authentication. */
  begin(facts: LoginFacts, username: string | null): AuthenticationExchange
}
