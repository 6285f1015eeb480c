import type { Access, Verb } from '../core/access-control.ts'
import { accessRefused } from '../core/errors.ts'
import { refusalText, type TopicVariables } from '../core/permissions.ts'
import { UndecidedError } from '../core/undecided.ts'
import type { Clock, Timer, TimerTarget } from '../util/clock.ts'
import type { Answer, Decision, Grants } from './backend.ts'

/** Beyond it, the oldest are forgotten and have to be asked for again. */
const REMEMBERED_MAX = 4096

export interface GrantedAccessOptions {
  readonly user: string
  readonly vhost: string
  readonly variables?: TopicVariables
  readonly grants: Grants
  readonly clock: Clock
  /** After so many ms a decision is asked for again; null where it holds until the secret changes. */
  readonly refreshMs: number | null
  /** An answer was an error that the back end did not expect. */
  readonly onFault: (error: unknown) => void
  /** The session is over. */
  readonly onClose: (access: GrantedAccess) => void
}

interface Remembered {
  /** Null while the back end is asked. */
  decision: Decision | null
  answered: Promise<void>
  /** Since the last tick. */
  used: boolean
  /** Asked for since the last tick, or being asked. */
  fresh: boolean
}

/**
 * What one session may do, by the word of a back end, as far as it has been asked. What is unknown is asked, and throws an
 * `UndecidedError` meanwhile.
 *
 *     unknown ── asked ──▶ undecided ──▶ allowed: kept       ── a tick without use ──▶ forgotten
 *                              │                └─ used after a tick: asked again beside it; refused ──▶ forgotten
 *                              └──────▶ refused: told once ──▶ forgotten
 *
 * So a session that is at work is never held up by what has been decided already, and hears of a revocation within two ticks; an
 * error (the back end is down) leaves the last word as it is.
 */
export class GrantedAccess implements Access, TimerTarget {
  /** Rises when a decision may have been forgotten, so that whoever has remembered one on its own asks here again. */
  readonly basis = { version: 0 }
  readonly #options: GrantedAccessOptions
  readonly #remembered = new Map<string, Remembered>()
  #timer: Timer | null = null
  #closed = false

  constructor(options: GrantedAccessOptions) {
    this.#options = options
  }

  require(verb: Verb, kind: 'queue' | 'exchange', name: string): void {
    const decision = this.#decideResource(verb, kind, name)
    if (decision.outcome === 'allowed') return
    this.#remembered.delete(keyOf(verb, kind, name))
    throw this.#refusal(verb, kind, name, decision)
  }

  requireAny(kind: 'queue' | 'exchange', name: string): void {
    const refusals: Decision[] = []
    for (const verb of ANY) {
      const decision = this.#decideResource(verb, kind, name)
      if (decision.outcome === 'allowed') break
      refusals.push(decision)
    }
    // told now, or outweighed
    for (const verb of ANY.slice(0, refusals.length)) this.#remembered.delete(keyOf(verb, kind, name))
    if (refusals.length === ANY.length) throw this.#refusal('configure', kind, name, refusals[0]!)
  }

  requireTopic(verb: 'write' | 'read', exchange: string, routingKey: string): void {
    const key = `${verb}\0topic\0${exchange}\0${routingKey}`
    const known = this.#remembered.get(key)
    if (known !== undefined && known.fresh && known.decision?.outcome === 'allowed') {
      known.used = true
      return
    }
    const { vhost, grants, user, variables = {} } = this.#options
    const decision = this.#decide(key, known, () => grants.topic({ vhost, exchange, verb, routingKey, variables }))
    if (decision.outcome === 'allowed') return
    this.#remembered.delete(key)
    throw accessRefused(refusalText(verb, 'topic', routingKey, vhost, user, exchange) + decision.why)
  }

  #decideResource(verb: Verb, kind: 'queue' | 'exchange', given: string): Decision {
    const { vhost, grants } = this.#options
    const key = keyOf(verb, kind, given)
    const name = given === '' ? 'amq.default' : given
    return this.#decide(key, this.#remembered.get(key), () => grants.resource({ vhost, kind, name, verb }))
  }

  #refusal(verb: Verb, kind: 'queue' | 'exchange', name: string, decision: Decision): Error {
    const { vhost, user } = this.#options
    const why = decision.outcome === 'allowed' ? '' : decision.why
    return accessRefused(refusalText(verb, kind, name, vhost, user) + why)
  }

  #decide(key: string, known: Remembered | undefined, ask: () => Answer): Decision {
    if (known === undefined) return this.#ask(key, ask)
    if (known.decision === null) throw new UndecidedError(known.answered)
    known.used = true
    if (!known.fresh && known.decision.outcome === 'allowed') this.#askAgain(key, known, ask)
    return known.decision
  }

  #ask(key: string, ask: () => Answer): Decision {
    const answer = ask()
    if (!(answer instanceof Promise)) {
      if (answer.outcome === 'allowed') {
        this.#remember(key, { decision: answer, answered: AT_ONCE, used: true, fresh: true })
      }
      return answer
    }
    const asked: Remembered = { decision: null, answered: AT_ONCE, used: true, fresh: true }
    asked.answered = this.#settled(answer).then((decision) => {
      asked.decision = decision
    })
    this.#remember(key, asked)
    throw new UndecidedError(asked.answered)
  }

  #askAgain(key: string, known: Remembered, ask: () => Answer): void {
    known.fresh = true
    void this.#settled(Promise.resolve(ask())).then(({ outcome }) => {
      if (outcome !== 'refused' || this.#remembered.get(key) !== known) return
      this.#remembered.delete(key)
      this.basis.version++
    })
  }

  async #settled(answer: Promise<Decision>): Promise<Decision> {
    try {
      return await answer
    } catch (error) {
      this.#options.onFault(error)
      return { outcome: 'error', why: ', internal error' }
    }
  }

  #remember(key: string, what: Remembered): void {
    if (this.#closed) return
    if (this.#remembered.size >= REMEMBERED_MAX) this.#forgetOldest()
    this.#remembered.set(key, what)
    if (this.#timer === null) this.#startTimer()
  }

  /** What is being asked for is waited for, and stays. */
  #forgetOldest(): void {
    for (const [key, { decision }] of this.#remembered) {
      if (decision === null) continue
      this.#remembered.delete(key)
      return
    }
  }

  #startTimer(): void {
    const { clock, refreshMs } = this.#options
    if (refreshMs !== null) this.#timer = clock.schedule(refreshMs, this)
  }

  onTimer(): void {
    this.#timer = null
    for (const [key, known] of this.#remembered) {
      if (!known.used && known.decision !== null) this.#remembered.delete(key)
      known.used = false
      known.fresh = known.decision === null
    }
    this.basis.version++
    if (this.#remembered.size > 0) this.#startTimer()
  }

  /** The secret has changed: nothing that was decided holds any more. */
  forget(): void {
    this.#remembered.clear()
    this.basis.version++
  }

  close(): void {
    this.#closed = true
    this.#timer?.cancel()
    this.#remembered.clear()
    this.#options.onClose(this)
  }
}

const ANY: readonly Verb[] = ['configure', 'read', 'write']
const AT_ONCE = Promise.resolve()

const keyOf = (verb: Verb, kind: 'queue' | 'exchange', name: string): string => `${verb}\0${kind}\0${name}`
