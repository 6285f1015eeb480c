import { createHmac, randomBytes } from 'node:crypto'
import type { LoginFacts } from '../core/identity.ts'
import type { Clock } from '../util/clock.ts'
import {
  type Answer,
  after,
  type AuthBackend,
  type BackendOutcome,
  type BackendUser,
  type Credentials,
  type Grants,
  type ResourceCheck,
  type TopicCheck,
} from './backend.ts'

export interface CacheSettings {
  readonly ttlMs: number
  /** Whether refusals are kept, too. Errors never are. */
  readonly refusals: boolean
}

/** Beyond it the oldest are forgotten: names and passwords are the clients' choice. */
const ENTRIES_MAX = 16_384

/** Keeps for a while what another back end has answered, for all connections together. */
export class CacheBackend implements AuthBackend {
  readonly name = 'rabbit_auth_backend_cache'
  readonly #authn: AuthBackend
  readonly #authz: AuthBackend
  readonly #answers: Answers
  /** Users with a token, each of which belongs to one connection. */
  readonly #taken = new WeakSet<BackendUser>()

  /** @param authn who is asked who somebody is @param authz who is asked what they may do, be it the same */
  constructor(authn: AuthBackend, authz: AuthBackend, settings: CacheSettings, clock: Clock) {
    this.#authn = authn
    this.#authz = authz
    this.#answers = new Answers(settings, clock)
  }

  authenticate(who: Credentials, facts: LoginFacts): BackendOutcome | Promise<BackendOutcome> {
    return this.#login('authenticate', this.#authn, who, facts)
  }

  authorize(who: Credentials, facts: LoginFacts): BackendOutcome | Promise<BackendOutcome> {
    return this.#login('authorize', this.#authz, who, facts)
  }

  #login(
    what: 'authenticate' | 'authorize',
    backend: AuthBackend,
    who: Credentials,
    facts: LoginFacts,
  ): BackendOutcome | Promise<BackendOutcome> {
    const key = this.#answers.keyOf(JSON.stringify([what, who.user, who.password, who.isToken, facts.address]))
    const found = this.#answers.get(key, () => backend[what](who, facts), keepsLogin)
    return after(found, (outcome) => {
      if (outcome.outcome !== 'ok') return outcome
      if (outcome.user.renew !== null) {
        // whoever asked at the same time has the same answer
        if (this.#taken.has(outcome.user)) return backend[what](who, facts)
        this.#taken.add(outcome.user)
        return outcome
      }
      const grants = new CachedGrants(outcome.user.grants, this.#answers, key)
      const { name, tags, expiresAt, renew } = outcome.user
      return { outcome: 'ok', user: { name, tags, grants, expiresAt, renew } }
    })
  }

  async close(): Promise<void> {
    await this.#authn.close()
    if (this.#authz !== this.#authn) await this.#authz.close()
  }
}

type Keeps<T> = (answer: T) => 'yes' | 'refusal' | 'no'

function keepsLogin(outcome: BackendOutcome): ReturnType<Keeps<BackendOutcome>> {
  if (outcome.outcome === 'ok') return outcome.user.renew === null ? 'yes' : 'no'
  return outcome.outcome === 'refused' ? 'refusal' : 'no'
}

class CachedGrants implements Grants {
  readonly #grants: Grants
  readonly #answers: Answers
  /** Of the login: who else logs in in the same way has the same grants. */
  readonly #login: string

  constructor(grants: Grants, answers: Answers, login: string) {
    this.#grants = grants
    this.#answers = answers
    this.#login = login
  }

  vhost(vhost: string): Answer {
    return this.#get(['vhost', vhost], () => this.#grants.vhost(vhost))
  }

  resource(check: ResourceCheck): Answer {
    const { vhost, kind, name, verb } = check
    return this.#get(['resource', vhost, kind, name, verb], () => this.#grants.resource(check))
  }

  topic(check: TopicCheck): Answer {
    const { vhost, exchange, verb, routingKey, variables = {} } = check
    const named = Object.entries(variables).flat()
    return this.#get(['topic', vhost, exchange, verb, routingKey, ...named], () => this.#grants.topic(check))
  }

  #get(question: readonly string[], ask: () => Answer): Answer {
    return this.#answers.get(JSON.stringify([this.#login, ...question]), ask, ({ outcome }) => {
      if (outcome === 'allowed') return 'yes'
      return outcome === 'refused' ? 'refusal' : 'no'
    })
  }
}

/** What was answered, until it is too old; a question that is being asked is not asked twice. */
class Answers {
  readonly #settings: CacheSettings
  readonly #clock: Clock
  readonly #kept = new Map<string, { readonly answer: unknown; readonly until: number }>()
  readonly #asked = new Map<string, Promise<unknown>>()
  readonly #secret = randomBytes(32)

  constructor(settings: CacheSettings, clock: Clock) {
    this.#settings = settings
    this.#clock = clock
  }

  /** Passwords are not kept. */
  keyOf(login: string): string {
    return createHmac('sha256', this.#secret).update(login).digest('base64')
  }

  get<T>(key: string, ask: () => T | Promise<T>, keeps: Keeps<T>): T | Promise<T> {
    const kept = this.#kept.get(key)
    if (kept !== undefined) {
      if (this.#clock.now() < kept.until) return kept.answer as T
      this.#kept.delete(key)
    }
    const asked = this.#asked.get(key)
    if (asked !== undefined) return asked as Promise<T>
    const answer = ask()
    if (!(answer instanceof Promise)) return this.#keep(key, answer, keeps)
    const settled = answer.then((value) => this.#keep(key, value, keeps)).finally(() => this.#asked.delete(key))
    this.#asked.set(key, settled)
    return settled
  }

  #keep<T>(key: string, answer: T, keeps: Keeps<T>): T {
    const kind = keeps(answer)
    if (kind === 'yes' || (kind === 'refusal' && this.#settings.refusals)) {
      if (this.#kept.size >= ENTRIES_MAX) this.#kept.delete(this.#kept.keys().next().value!)
      this.#kept.set(key, { answer, until: this.#clock.now() + this.#settings.ttlMs })
    }
    return answer
  }
}
