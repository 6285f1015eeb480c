import { loginEventFacts } from '../core/event-facts.ts'
import type { BrokerEvents } from '../core/events.ts'
import { type Identity, InternalIdentity, type LoginFacts, type LoginOutcome, type Renewal } from '../core/identity.ts'
import type { Permissions } from '../core/permissions.ts'
import type { Users } from '../core/users.ts'
import type { Log } from '../telemetry/log.ts'
import type { Clock } from '../util/clock.ts'
import type { Authenticator } from './authenticator.ts'
import { type AuthBackend, after, type BackendOutcome, type BackendUser, type Credentials } from './backend.ts'
import { GrantsAuthorizer } from './grants-authorizer.ts'
import { PermissionGrants } from './internal-backend.ts'
import type { LoginAttempts } from './login-attempts.ts'

/** One entry of `auth_backends`. */
export interface ChainLink {
  /** Says who somebody is. */
  readonly authn: AuthBackend
  /** Say what they may do, all of them; null: `authn` does that, too. */
  readonly authz: readonly AuthBackend[] | null
}

export interface ChainParts {
  readonly users: Users
  readonly permissions: Permissions
  /** Of what is remembered. */
  readonly clock: Clock
  readonly log: Log
  readonly events: BrokerEvents
  readonly attempts: LoginAttempts
}

/** After so long a session asks again whether it still may do what it goes on doing. */
const REFRESH_MS = 60_000

/** Asks back ends in turn, until one knows who it is. */
export class BackendChain implements Authenticator {
  readonly attempts: LoginAttempts
  readonly #links: readonly ChainLink[]
  readonly #parts: ChainParts

  constructor(links: readonly ChainLink[], parts: ChainParts) {
    this.#links = links
    this.#parts = parts
    this.attempts = parts.attempts
  }

  authenticatePassword(user: string, password: string, facts: LoginFacts): LoginOutcome | Promise<LoginOutcome> {
    return this.#login({ user, password, isToken: false }, facts)
  }

  authenticateToken(token: string, facts: LoginFacts): LoginOutcome | Promise<LoginOutcome> {
    return this.#login({ user: '', password: token, isToken: true }, facts)
  }

  authenticateName(user: string, facts: LoginFacts): LoginOutcome | Promise<LoginOutcome> {
    return this.#login({ user, password: null, isToken: false }, facts)
  }

  countBroken(facts: LoginFacts, reason: string): void {
    this.#count('', facts, reason)
  }

  /** Closes connections to back ends. */
  async close(): Promise<void> {
    const backends = new Set(this.#links.flatMap(({ authn, authz }) => [authn, ...(authz ?? [])]))
    for (const backend of backends) await backend.close()
  }

  #login(who: Credentials, facts: LoginFacts): LoginOutcome | Promise<LoginOutcome> {
    const outcome = after(this.#ask(who, facts, 0, []), (found) => this.#admit(found, who, facts))
    if (!(outcome instanceof Promise)) return outcome
    return outcome.catch((error: unknown) => {
      this.#onFault(error)
      return { outcome: 'refused', reason: `user '${who.user}' - internal error` }
    })
  }

  #onFault(err: unknown): void {
    this.#parts.log.error('internal error of a login back end', { err })
  }

  /** RabbitMQ's order: who is known may still be in the wrong place, and no other back end is asked then. */
  #admit(found: LoginOutcome, { user }: Credentials, facts: LoginFacts): LoginOutcome {
    const name = found.outcome === 'ok' ? found.identity.name : user
    const misplaced = found.outcome === 'ok' ? this.#parts.users.loopbackRefusal(name, facts) : null
    const outcome: LoginOutcome =
      misplaced === null ? found : { outcome: 'refused', reason: misplaced, misplaced: true }
    this.#count(name, facts, outcome.outcome === 'ok' ? null : outcome.reason)
    return outcome
  }

  /** @param error why it has failed; null for a login that succeeded */
  #count(user: string, facts: LoginFacts, error: string | null): void {
    this.attempts.count({ ...facts, user }, error === null)
    const { connection, address } = facts
    if (connection === undefined) return
    const tell = (name: string, more: Record<string, unknown>): void =>
      this.#parts.events.emit(name, null, () => ({ ...loginEventFacts(user, address, connection()), ...more }))
    if (error === null) tell('user.authentication.success', {})
    else tell('user.authentication.failure', { error })
  }

  /** @param reasons of the back ends before */
  #ask(who: Credentials, facts: LoginFacts, from: number, reasons: string[]): LoginOutcome | Promise<LoginOutcome> {
    const link = this.#links[from]
    if (link === undefined) return { outcome: 'refused', reason: reasons.join('; ') }
    return after(this.#askLink(link, who, facts), (found) => {
      if (found.outcome === 'ok') return found
      return this.#ask(who, facts, from + 1, [...reasons, found.reason])
    })
  }

  #askLink({ authn, authz }: ChainLink, who: Credentials, facts: LoginFacts): LoginOutcome | Promise<LoginOutcome> {
    return after(authn.authenticate(who, facts), (known) => {
      if (known.outcome !== 'ok') return refusal(authn, 'authenticating', who, known)
      if (authz === null) return this.#known(known.user, [known.user], [])
      const named = { ...who, user: known.user.name }
      return this.#authorize(authz, named, facts, [], (users) => this.#known(known.user, users, known.user.tags))
    })
  }

  #authorize(
    authz: readonly AuthBackend[],
    who: Credentials,
    facts: LoginFacts,
    users: readonly BackendUser[],
    done: (users: readonly BackendUser[]) => LoginOutcome,
  ): LoginOutcome | Promise<LoginOutcome> {
    const backend = authz[users.length]
    if (backend === undefined) return done(users)
    return after(backend.authorize(who, facts), (found) => {
      if (found.outcome !== 'ok') return refusal(backend, 'authorizing', who, found)
      return this.#authorize(authz, who, facts, [...users, found.user], done)
    })
  }

  /** @param authz those whose grants count @param tags besides theirs */
  #known({ name }: BackendUser, authz: readonly BackendUser[], tags: readonly string[]): LoginOutcome {
    const all = (): string[] => unique([...tags, ...authz.flatMap((user) => user.tags)])
    const grants = authz.map((user) => user.grants)
    const { permissions, clock } = this.#parts
    // the broker's own permissions alone: known at once, and every change of them is
    if (grants.length === 1 && grants[0] instanceof PermissionGrants) {
      return { outcome: 'ok', identity: new InternalIdentity(name, all, permissions) }
    }
    // a token says the same for as long as it is valid
    const refreshMs = authz.every(({ renew }) => renew !== null) ? null : REFRESH_MS
    const onFault = (error: unknown): void => this.#onFault(error)
    const authorizer = new GrantsAuthorizer({ user: name, grants, clock, refreshMs, onFault })
    const identity: Identity = {
      name,
      tags: all(),
      authorizer,
      expiresAt: earliest(authz.map(({ expiresAt }) => expiresAt)),
      renew: async (secret) => {
        const renewal = await renewAll(authz, tags, secret)
        if (renewal.outcome === 'ok') authorizer.forget()
        return renewal
      },
    }
    return { outcome: 'ok', identity }
  }
}

/** As RabbitMQ logs it. */
function refusal(
  { name }: AuthBackend,
  doing: string,
  { user }: Credentials,
  { outcome, reason }: Exclude<BackendOutcome, { outcome: 'ok' }>,
): LoginOutcome {
  return { outcome: 'refused', reason: outcome === 'error' ? `${name} failed ${doing} ${user}: ${reason}` : reason }
}

/** Those without anything that expires take any secret. */
async function renewAll(users: readonly BackendUser[], besides: readonly string[], secret: string): Promise<Renewal> {
  const all = [...besides]
  const ends: (number | null)[] = []
  for (const user of users) {
    const { tags, expiresAt } = user
    const renewal = user.renew === null ? ({ outcome: 'ok', tags, expiresAt } as const) : await user.renew(secret)
    if (renewal.outcome !== 'ok') return renewal
    all.push(...renewal.tags)
    ends.push(renewal.expiresAt)
  }
  return { outcome: 'ok', tags: unique(all), expiresAt: earliest(ends) }
}

const unique = (tags: readonly string[]): string[] => [...new Set(tags)]

function earliest(times: readonly (number | null)[]): number | null {
  const known = times.filter((time) => time !== null)
  return known.length === 0 ? null : Math.min(...known)
}
