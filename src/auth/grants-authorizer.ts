import type { Access } from '../core/access-control.ts'
import type { Authorizer } from '../core/authorizer.ts'
import { notAllowed } from '../core/errors.ts'
import { vhostRefusalText } from '../core/permissions.ts'
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

/** What one user may do by the word of back ends. Decisions are remembered by session (`GrantedAccess`); those about vhosts are not. */
export class GrantsAuthorizer implements Authorizer {
  readonly #options: GrantsAuthorizerOptions
  readonly #grants: Grants
  readonly #accesses = new Set<GrantedAccess>()
  /** Null while it is being asked for. */
  readonly #vhosts = new Map<string, { decision: Decision | null; readonly answered: Promise<void> }>()

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

  #decideVhost(vhost: string): Decision {
    const known = this.#vhosts.get(vhost)
    if (known !== undefined) {
      if (known.decision === null) throw new UndecidedError(known.answered)
      this.#vhosts.delete(vhost)
      return known.decision
    }
    const answer = this.#grants.vhost(vhost)
    if (!(answer instanceof Promise)) return answer
    const settled = answer.catch((error: unknown): Decision => {
      this.#options.onFault(error)
      return { outcome: 'error', why: ', internal error' }
    })
    const asked: { decision: Decision | null; answered: Promise<void> } = {
      decision: null,
      answered: Promise.resolve(),
    }
    asked.answered = settled.then((decision) => {
      asked.decision = decision
    })
    this.#vhosts.set(vhost, asked)
    throw new UndecidedError(asked.answered)
  }

  openAccess(vhost: string): Access {
    const { user, clock, refreshMs, onFault } = this.#options
    const onClose = (closed: GrantedAccess): unknown => this.#accesses.delete(closed)
    const access = new GrantedAccess({ user, vhost, grants: this.#grants, clock, refreshMs, onFault, onClose })
    this.#accesses.add(access)
    return access
  }

  /** The secret has changed: sessions ask anew. */
  forget(): void {
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
