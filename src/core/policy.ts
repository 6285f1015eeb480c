import { erlangPairs, erlangTerm } from '../util/erlang-term.ts'
import { compilePcre, type Pattern, PatternError } from '../util/pcre.ts'
import { mirroringProblem } from './mirroring-policy.ts'
import { binary, isObject, mandatory, number, optional, refuseInvalid, validateObject } from './parameter-validation.ts'
import { POLICY_KEYS } from './policy-keys.ts'
import type { PolicyValue } from './policy-keys.ts'

/** Users' policies, and those by which an operator limits what users may set. Of each sort one applies to an object. */
export type PolicyScope = 'user' | 'operator'

export interface Policy {
  readonly vhost: string
  readonly name: string
  /** A PCRE, not anchored. */
  readonly pattern: string
  /** `all`, `queues`, `exchanges`, `classic_queues`, `quorum_queues` or `streams`. */
  readonly applyTo: string
  readonly definition: ReadonlyMap<string, PolicyValue>
  /** Of several that match, the highest priority applies. */
  readonly priority: number
}

/** The shape of a policy in the HTTP API and in definitions. */
export interface PolicyJson {
  readonly vhost: string
  readonly name: string
  readonly pattern: string
  readonly 'apply-to': string
  readonly definition: Readonly<Record<string, PolicyValue>>
  readonly priority: number
}

/** What applies to one queue or exchange. A name is null when no policy of that scope matches. */
export interface EffectivePolicy {
  readonly name: string | null
  readonly operatorName: string | null
  readonly definition: ReadonlyMap<string, PolicyValue>
}

/** A policy that is not set yet, asked about queues and exchanges by their kind, name and type. */
export interface PolicyPreview {
  matches(kind: 'queue' | 'exchange', name: string, type: string): boolean
  /** Whether it, and none of the other policies that match, would apply. */
  wins(kind: 'queue' | 'exchange', name: string, type: string): boolean
}

interface Rule {
  readonly policy: Policy
  readonly regex: Pattern
}

const QUEUE_SCOPES: ReadonlyMap<string, string> = new Map([
  ['classic', 'classic_queues'],
  ['quorum', 'quorum_queues'],
  ['stream', 'streams'],
])
/** Of these a policy has one. */
const FEDERATION_KEYS: readonly string[] = [
  'federation-upstream',
  'federation-upstream-set',
  'federation-upstream-pattern',
]
const TOO_MANY_UPSTREAMS =
  'cannot specify federation-upstream, federation-upstream-set or federation-upstream-pattern together'
const APPLY_TO: readonly string[] = ['all', 'queues', 'exchanges', ...QUEUE_SCOPES.values()]

/** The policies of a broker. Whoever changes them has its queues and exchanges ask again for what applies to them. */
export class PolicySet {
  /** By virtual host, the rule to prefer first. */
  readonly #rules: Readonly<Record<PolicyScope, Map<string, Rule[]>>> = { user: new Map(), operator: new Map() }

  /**
   * Adds or replaces a policy. `body` is JSON with `pattern` and `definition`, and perhaps `priority` (0) and
   * `apply-to` (`all`); what else is in it is not looked at.
   * @throws BrokerError preconditionFailed with RabbitMQ's text
   */
  set(scope: PolicyScope, vhost: string, name: string, body: unknown): Policy {
    return this.#add(scope, parseRule(scope, vhost, name, body))
  }

  /**
   * Takes back what was kept by an earlier start. It was checked then, and is no reason not to start where more is refused by now.
   * @throws PatternError
   */
  restore(scope: PolicyScope, stored: PolicyJson): void {
    this.#add(scope, ruleOf(stored))
  }

  #add(scope: PolicyScope, rule: Rule): Policy {
    const { vhost, name } = rule.policy
    const rules = (this.#rules[scope].get(vhost) ?? []).filter((other) => other.policy.name !== name)
    rules.push(rule)
    rules.sort(byPreference)
    this.#rules[scope].set(vhost, rules)
    return rule.policy
  }

  /** False when there was none. */
  delete(scope: PolicyScope, vhost: string, name: string): boolean {
    const rules = this.#rules[scope].get(vhost) ?? []
    const at = rules.findIndex((rule) => rule.policy.name === name)
    if (at !== -1) rules.splice(at, 1)
    return at !== -1
  }

  deleteVhost(vhost: string): void {
    this.#rules.user.delete(vhost)
    this.#rules.operator.delete(vhost)
  }

  get(scope: PolicyScope, vhost: string, name: string): Policy | null {
    return this.#rules[scope].get(vhost)?.find((rule) => rule.policy.name === name)?.policy ?? null
  }

  /** Of one virtual host or of all, the preferred ones first. */
  list(scope: PolicyScope, vhost?: string): Policy[] {
    const vhosts = vhost === undefined ? [...this.#rules[scope].values()] : [this.#rules[scope].get(vhost) ?? []]
    return vhosts.flatMap((rules) => rules.map((rule) => rule.policy))
  }

  /** @param type the queue's or the exchange's type */
  effectivePolicy(kind: 'queue' | 'exchange', vhost: string, name: string, type: string): EffectivePolicy | null {
    const user = this.#match('user', kind, vhost, name, type)
    const operator = this.#match('operator', kind, vhost, name, type)
    if (user === null && operator === null) return null
    return {
      name: user?.name ?? null,
      operatorName: operator?.name ?? null,
      definition: mergeDefinitions(user?.definition, operator?.definition),
    }
  }

  /**
   * What a policy would apply to, before it is set. `body` is as for `set`, and a policy of the same name counts as replaced.
   * @throws BrokerError preconditionFailed
   */
  preview(scope: PolicyScope, vhost: string, name: string, body: unknown): PolicyPreview {
    const rule = parseRule(scope, vhost, name, body)
    const others = (this.#rules[scope].get(vhost) ?? []).filter(({ policy }) => policy.name !== name)
    const matches = (kind: 'queue' | 'exchange', of: string, type: string): boolean => isMatch(rule, kind, of, type)
    const wins = (kind: 'queue' | 'exchange', of: string, type: string): boolean =>
      [rule, ...others].toSorted(byPreference).find((other) => isMatch(other, kind, of, type)) === rule
    return { matches, wins }
  }

  #match(scope: PolicyScope, kind: 'queue' | 'exchange', vhost: string, name: string, type: string): Policy | null {
    const rules = this.#rules[scope].get(vhost) ?? []
    return rules.find((rule) => isMatch(rule, kind, name, type))?.policy ?? null
  }
}

const isMatch = ({ policy, regex }: Rule, kind: 'queue' | 'exchange', name: string, type: string): boolean =>
  applies(policy, kind, type) && regex.test(name)

/** RabbitMQ leaves the order of equal priorities open; here it is at least always the same. */
const byPreference = ({ policy: a }: Rule, { policy: b }: Rule): number =>
  b.priority - a.priority || (a.name < b.name ? -1 : 1)

/**
 * A queue's type must support every key of the definition: else the policy is passed over, and the next one may
 * match.
 */
function applies(policy: Policy, kind: 'queue' | 'exchange', type: string): boolean {
  const { applyTo } = policy
  if (kind === 'exchange') return applyTo === 'all' || applyTo === 'exchanges'
  if (applyTo !== 'all' && applyTo !== 'queues' && applyTo !== QUEUE_SCOPES.get(type)) return false
  for (const key of policy.definition.keys()) if (POLICY_KEYS.get(key)?.unsupportedBy.includes(type)) return false
  return true
}

function mergeDefinitions(
  user: ReadonlyMap<string, PolicyValue> = new Map(),
  operator: ReadonlyMap<string, PolicyValue> = new Map(),
): ReadonlyMap<string, PolicyValue> {
  const merged = new Map(user)
  for (const [key, value] of operator) {
    const given = user.get(key)
    const merge = POLICY_KEYS.get(key)?.merge
    merged.set(key, given === undefined || merge === undefined ? value : merge(given, value))
  }
  return merged
}

export const policyToJson = (policy: Policy): PolicyJson => ({
  vhost: policy.vhost,
  name: policy.name,
  pattern: policy.pattern,
  'apply-to': policy.applyTo,
  definition: Object.fromEntries(policy.definition),
  priority: policy.priority,
})

function parseRule(scope: PolicyScope, vhost: string, name: string, body: unknown): Rule {
  const given = isObject(body) ? body : {}
  // null is a value, and a wrong one
  const fields: Record<string, unknown> = { priority: 0, 'apply-to': 'all' }
  for (const key of ['priority', 'apply-to', 'pattern', 'definition'])
    if (given[key] !== undefined) fields[key] = given[key]
  const checkPattern = (key: string, value: unknown): string | null => {
    if (typeof value !== 'string') return `${key} should be a binary but was ${erlangTerm(value)}`
    try {
      compilePcre(value)
      return null
    } catch (error) {
      if (!(error instanceof PatternError)) throw error
      return `${key} should be regular expression but is invalid: ${error.message}`
    }
  }
  const errors = validateObject(
    name,
    {
      priority: mandatory(number),
      pattern: mandatory(checkPattern),
      'apply-to': optional(checkApplyTo),
      definition: mandatory((_key, value) => checkDefinition(scope, value)),
    },
    fields,
  )
  refuseInvalid(errors)
  return ruleOf({ ...(fields as Omit<PolicyJson, 'vhost' | 'name'>), vhost, name })
}

function ruleOf({ vhost, name, pattern, 'apply-to': applyTo, definition, priority }: PolicyJson): Rule {
  const policy: Policy = { vhost, name, pattern, applyTo, definition: new Map(Object.entries(definition)), priority }
  return { policy, regex: compilePcre(pattern) }
}

function checkApplyTo(key: string, value: unknown): string | null {
  if (typeof value !== 'string') return binary(key, value)
  if (APPLY_TO.includes(value)) return null
  return (
    `apply-to '${value}' unrecognised; should be one of: 'queues', 'classic_queues', ` +
    "'quorum_queues', 'streams', 'exchanges', or 'all'"
  )
}

function checkDefinition(scope: PolicyScope, definition: unknown): string | null {
  if (!isObject(definition)) return `definition must be a dictionary: ${erlangTerm(definition)}`
  // in RabbitMQ's order: of several mistakes it tells the first
  const entries = Object.entries(definition).toSorted(([a], [b]) => (a < b ? -1 : 1))
  if (entries.length === 0) return 'no policy provided'
  const isKnown = ([key]: readonly [string, unknown]): boolean => {
    const rule = POLICY_KEYS.get(key)
    return rule !== undefined && (scope === 'user' || rule.merge !== undefined)
  }
  const known = entries.filter(isKnown)
  const federation = known.filter(([key]) => FEDERATION_KEYS.includes(key))
  const problem =
    (scope === 'user' ? mirroringProblem(definition) : null) ??
    valueProblem(known.filter((entry) => !federation.includes(entry))) ??
    (federation.length > 1 ? TOO_MANY_UPSTREAMS : valueProblem(federation))
  if (problem !== null || known.length === entries.length) return problem
  const unknown = Object.fromEntries(entries.filter((entry) => !isKnown(entry)))
  return `${erlangPairs(unknown)} are not recognised policy settings`
}

function valueProblem(entries: readonly (readonly [key: string, value: unknown])[]): string | null {
  for (const [key, value] of entries) {
    const rule = POLICY_KEYS.get(key)!
    if (!rule.check(value)) return `${erlangTerm(value)} is not a valid ${rule.noun}`
  }
  return null
}
