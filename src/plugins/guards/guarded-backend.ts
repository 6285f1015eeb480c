import {
  type Answer,
  type AuthBackend,
  type BackendOutcome,
  type BackendUser,
  type Credentials,
  type Decision,
  failedBy,
  type Grants,
} from '../../auth/backend.ts'
import type { LoginFacts, Renewal } from '../../core/identity.ts'
import { type PluginGuard, requireFunctions } from './plugin-guard.ts'
import { withinStopTime } from './stop-time.ts'

const FAILED = 'internal error of the plugin'

/** A back end that answers what it may answer, whatever the plugin's does: its mistakes are refusals. */
export class GuardedBackend implements AuthBackend {
  readonly name: string
  readonly #backend: AuthBackend
  readonly #guard: PluginGuard

  /** @throws TypeError when it is none */
  constructor(backend: AuthBackend, guard: PluginGuard) {
    this.name = backend.name
    requireFunctions(`back end '${this.name}'`, backend, ['authenticate', 'authorize', 'close'])
    this.#backend = backend
    this.#guard = guard
  }

  authenticate(who: Credentials, facts: LoginFacts): BackendOutcome | Promise<BackendOutcome> {
    return this.#ask('authenticate', () => this.#backend.authenticate(who, facts))
  }

  authorize(who: Credentials, facts: LoginFacts): BackendOutcome | Promise<BackendOutcome> {
    return this.#ask('authorize', () => this.#backend.authorize(who, facts))
  }

  async close(): Promise<void> {
    try {
      await withinStopTime(this.#backend.close())
    } catch (error) {
      this.#guard.report(this.#what('close'), error)
    }
  }

  #what(call: string): string {
    return `${call}() of back end '${this.name}'`
  }

  #ask(call: string, ask: () => unknown): BackendOutcome | Promise<BackendOutcome> {
    return this.#answer(
      this.#what(call),
      ask,
      (answer) => this.#checked(answer),
      () => ({ outcome: 'error', reason: FAILED }),
    )
  }

  /** @throws TypeError when it is no outcome */
  #checked(answer: unknown): BackendOutcome {
    const outcome = answer as BackendOutcome | null | undefined
    if (outcome?.outcome === 'ok') {
      checkUser(outcome.user)
      return { outcome: 'ok', user: this.#guarded(outcome.user) }
    }
    if (outcome?.outcome !== 'refused' && outcome?.outcome !== 'error') {
      throw new TypeError(`its answer has no outcome 'ok', 'refused' or 'error'`)
    }
    return { outcome: outcome.outcome, reason: String(outcome.reason) }
  }

  #guarded({ name, tags, grants, expiresAt, renew }: BackendUser): BackendUser {
    return {
      name,
      tags,
      expiresAt,
      grants: this.#guardedGrants(grants),
      renew: renew === null ? null : (secret) => this.#renew(renew, secret),
    }
  }

  #guardedGrants(grants: Grants): Grants {
    const decide = (call: string, ask: () => unknown): Answer =>
      this.#answer<Decision>(this.#what(`grants.${call}`), ask, checkedDecision, () => failedBy(this.name, FAILED))
    return {
      vhost: (vhost) => decide('vhost', () => grants.vhost(vhost)),
      resource: (check) => decide('resource', () => grants.resource(check)),
      topic: (check) => decide('topic', () => grants.topic(check)),
    }
  }

  async #renew(renew: NonNullable<BackendUser['renew']>, secret: string): Promise<Renewal> {
    try {
      return await renew(secret)
    } catch (error) {
      this.#guard.report(this.#what('renew'), error)
      return { outcome: 'refused', reason: FAILED }
    }
  }

  #answer<T>(what: string, ask: () => unknown, check: (answer: unknown) => T, failed: () => T): T | Promise<T> {
    const give = (error: unknown): T => {
      this.#guard.report(what, error)
      return failed()
    }
    try {
      const answer = ask()
      if (!isThenable(answer)) return check(answer)
      return Promise.resolve(answer).then(check).catch(give)
    } catch (error) {
      return give(error)
    }
  }
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function'

/** @throws TypeError */
function checkUser(user: BackendUser | undefined): void {
  if (typeof user?.name !== 'string' || user.name === '') throw new TypeError('the user of its answer has no name')
  const { tags, expiresAt, renew } = user
  if (!Array.isArray(tags) || tags.some((tag) => typeof tag !== 'string')) {
    throw new TypeError('the tags of its user have to be a list of texts')
  }
  requireFunctions('the grants of its user', user.grants, ['vhost', 'resource', 'topic'])
  if (expiresAt !== null && typeof expiresAt !== 'number') {
    throw new TypeError('expiresAt of its user has to be a number or null')
  }
  if (renew !== null && typeof renew !== 'function')
    throw new TypeError('renew of its user has to be a function or null')
}

/** @throws TypeError */
function checkedDecision(answer: unknown): Decision {
  const decision = answer as Decision | null | undefined
  if (decision?.outcome === 'allowed') return decision
  if (decision?.outcome !== 'refused' && decision?.outcome !== 'error') {
    throw new TypeError('its answer has to be ALLOWED, REFUSED or another decision')
  }
  return { outcome: decision.outcome, why: decision.why ?? '' }
}
