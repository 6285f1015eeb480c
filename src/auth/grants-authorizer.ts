import type { Access } from '../core/access-control.ts'
import type { Authorizer } from '../core/authorizer.ts'
import { notAllowed } from '../core/errors.ts'
import { type TopicVariables, vhostRefusalText } from '../core/permissions.ts'
import { UndecidedError } from '../core/undecided.ts'
import type { Clock } from '../util/clock.ts'
import type { Answer, Decision, Grants, ResourceCheck, TopicCheck } from './backend.ts'
import { ALLOWED, after } from './backend.ts'
import { GrantedAccess } from './granted-access.ts'

export interface GrantsAuthorizerOptions {
  readonly user: string
  /** All of them have to allow what is to be allowed; asked in this order. */
  readonly grants: readonly Grants[]
  readonly clock: Clock
  /** After so many ms a decision is asked for again; null where it holds until the secret changes. */
  readonly refreshMs: number | null
  /** An answer was an error that a back end did not expect. */
  readonly onFault: (error: unknown) => void
}

interface AboutVhost {
  /** Null while it is being asked for. */
  decision: Decision | null
  answered: Promise<void>
  /** ms since the epoch. */
  askedAt: number
}

/** Vhosts whose decisions are remembered; beyond it, the oldest are asked for again. */
const VHOSTS_MAX = 4096
/** For so long a refusal, or an error, is not asked for again. */
const REFUSED_MS = 10_000

/**
 * What one user may do by the word of back ends. Decisions about vhosts are remembered here, for requests over HTTP that ask again and
 * again; those about what is in a vhost, by session (`GrantedAccess`).
 */
export class GrantsAuthorizer implements Authorizer {
  readonly #options: GrantsAuthorizerOptions
  readonly #grants: Grants
  readonly #accesses = new Set<GrantedAccess>()
  readonly #vhosts = new Map<string, AboutVhost>()

  constructor(options: GrantsAuthorizerOptions) {
    this.#options = options
    const { grants } = options
    this.#grants = grants.length === 1 ? grants[0]! : new AllGrants(grants)
  }

  requireVhost(vhost: string): void {
    const decision = this.#decideVhost(vhost)
    if (decision.outcome === 'allowed') return
    throw notAllowed(vhostRefusalText(vhost, this.#options.user) + decision.why)
  }

  /** What is no longer new is asked for again beside its use; what is old, before. */
  #decideVhost(vhost: string): Decision {
    const { clock, refreshMs } = this.#options
    const known = this.#vhosts.get(vhost)
    if (known === undefined) return this.#askVhost(vhost)
    if (known.decision === null) throw new UndecidedError(known.answered)
    const age = clock.now() - known.askedAt
    const newFor = known.decision.outcome === 'allowed' ? (refreshMs ?? Infinity) : REFUSED_MS
    if (age >= 2 * newFor) return this.#askVhost(vhost)
    if (age >= newFor) {
      known.askedAt = clock.now()
      void this.#settled(this.#grants.vhost(vhost)).then((decision) => {
        // no answer leaves the last word as it is
        if (decision.outcome !== 'error') known.decision = decision
      })
    }
    return known.decision
  }

  #askVhost(vhost: string): Decision {
    this.#vhosts.delete(vhost)
    const answer = this.#grants.vhost(vhost)
    if (!(answer instanceof Promise)) return answer
    if (this.#vhosts.size >= VHOSTS_MAX) this.#vhosts.delete(this.#vhosts.keys().next().value!)
    const asked: AboutVhost = { decision: null, answered: Promise.resolve(), askedAt: this.#options.clock.now() }
    asked.answered = this.#settled(answer).then((decision) => {
      asked.decision = decision
    })
    this.#vhosts.set(vhost, asked)
    throw new UndecidedError(asked.answered)
  }

  async #settled(answer: Answer): Promise<Decision> {
    try {
      return await answer
    } catch (error) {
      this.#options.onFault(error)
      return { outcome: 'error', why: ', internal error' }
    }
  }

  openAccess(vhost: string, variables: TopicVariables = {}): Access {
    const { user, clock, refreshMs, onFault } = this.#options
    const onClose = (closed: GrantedAccess): unknown => this.#accesses.delete(closed)
    const access = new GrantedAccess({
      user,
      vhost,
      variables,
      grants: this.#grants,
      clock,
      refreshMs,
      onFault,
      onClose,
    })
    this.#accesses.add(access)
    return access
  }

  /** The secret has changed: all is asked anew. */
  forget(): void {
    this.#vhosts.clear()
    for (const access of this.#accesses) access.forget()
  }
}

/** The first that does not allow it has the word. */
class AllGrants implements Grants {
  readonly #grants: readonly Grants[]

  constructor(grants: readonly Grants[]) {
    this.#grants = grants
  }

  vhost(vhost: string): Answer {
    return this.#ask((grants) => grants.vhost(vhost))
  }

  resource(check: ResourceCheck): Answer {
    return this.#ask((grants) => grants.resource(check))
  }

  topic(check: TopicCheck): Answer {
    return this.#ask((grants) => grants.topic(check))
  }

  #ask(question: (grants: Grants) => Answer, from = 0): Answer {
    const grants = this.#grants[from]
    if (grants === undefined) return ALLOWED
    return after(question(grants), (decision) =>
      decision.outcome === 'allowed' ? this.#ask(question, from + 1) : decision,
    )
  }
}
