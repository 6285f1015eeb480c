import type { Verb } from '../core/access-control.ts'
import type { LoginFacts, Renewal } from '../core/identity.ts'
import type { TopicVariables } from '../core/permissions.ts'

/** One of the back ends that `auth_backends` names: knows users, or what they may do, or both. */
export interface AuthBackend {
  /** RabbitMQ's name for it, as texts and logs have it: `rabbit_auth_backend_http`. */
  readonly name: string
  /** Who somebody is, and what they may do. May reject only with a mistake of its own. */
  authenticate(who: Credentials, facts: LoginFacts): BackendOutcome | Promise<BackendOutcome>
  /** What somebody may do whom another back end has authenticated under this name. Likewise. */
  authorize(who: Credentials, facts: LoginFacts): BackendOutcome | Promise<BackendOutcome>
  /** The broker stops. */
  close(): void | Promise<void>
}

export interface Credentials {
  /** Empty where there is nothing but a token. */
  readonly user: string
  /** Null where a certificate has said who it is. */
  readonly password: string | null
  /** The password is a token, whose holder has not given a name. */
  readonly isToken: boolean
}

/** The reasons are for the log. An error is a refusal, too: the back end could not be asked, or its answer not understood. */
export type BackendOutcome =
  | { readonly outcome: 'ok'; readonly user: BackendUser }
  | { readonly outcome: 'refused' | 'error'; readonly reason: string }

export interface BackendUser {
  readonly name: string
  readonly tags: readonly string[]
  readonly grants: Grants
  /** In ms since the epoch; null for never. */
  readonly expiresAt: number | null
  /** Takes a new secret; the grants go by it from then on. Null where nothing expires: any secret does then. */
  readonly renew: ((secret: string) => Promise<Renewal>) | null
}

/** What a back end lets one user do. An answer may reject only with a mistake of the back end's own. */
export interface Grants {
  vhost(vhost: string): Answer
  resource(check: ResourceCheck): Answer
  /** For topic exchanges, besides `resource`. */
  topic(check: TopicCheck): Answer
}

export interface ResourceCheck {
  readonly vhost: string
  readonly kind: 'queue' | 'exchange'
  /** The default exchange is `amq.default`. */
  readonly name: string
  readonly verb: Verb
}

export interface TopicCheck {
  readonly vhost: string
  readonly exchange: string
  readonly verb: 'write' | 'read'
  readonly routingKey: string
  /** What patterns may name besides user and virtual host. */
  readonly variables?: TopicVariables
}

export type Answer = Decision | Promise<Decision>

/** `why` goes behind the text of the refusal that the client is given. */
export type Decision = { readonly outcome: 'allowed' } | { readonly outcome: 'refused' | 'error'; readonly why: string }

export const ALLOWED: Decision = { outcome: 'allowed' }
export const REFUSED: Decision = { outcome: 'refused', why: '' }

export const decisionOf = (allowed: boolean): Decision => (allowed ? ALLOWED : REFUSED)

/** A refusal of which the client may know the reason. */
export const refusedBy = (backend: string, reason: string): Decision => ({
  outcome: 'refused',
  why: ` by backend ${backend}: ${reason}`,
})

/** The back end could not be asked, or its answer not understood. */
export const failedBy = (backend: string, reason: string): Decision => ({
  outcome: 'error',
  why: `, backend ${backend} returned an error: ${reason}`,
})

/** Goes on with a value: at once if it is there, else when it comes. */
export function after<T, R>(value: T | Promise<T>, next: (value: T) => R | Promise<R>): R | Promise<R> {
  return value instanceof Promise ? afterPromise(value, next) : next(value)
}

async function afterPromise<T, R>(value: Promise<T>, next: (value: T) => R | Promise<R>): Promise<R> {
  return next(await value)
}
