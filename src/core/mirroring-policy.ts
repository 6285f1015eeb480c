import { erlangTerm } from '../util/erlang-term.ts'

type Definition = Readonly<Record<string, unknown>>

/** Of mirrored queues. They are kept and shown, and have no effect. */
export const MIRRORING_KEYS = [
  'queue-master-locator',
  'ha-mode',
  'ha-params',
  'ha-sync-mode',
  'ha-sync-batch-size',
  'ha-promote-on-shutdown',
  'ha-promote-on-failure',
] as const

const MASTER_LOCATORS = ['client-local', 'min-masters', 'random']

type MirroringKey = (typeof MIRRORING_KEYS)[number]

/**
 * What is wrong with a policy's keys for mirrored queues, in RabbitMQ's words, or null. What each may say depends on `ha-mode`; a policy that
 * passes here can be given to a RabbitMQ 3 as well.
 */
export function mirroringProblem(definition: Definition): string | null {
  const locator = definition['queue-master-locator']
  if (locator !== undefined && !isOneOf(locator, MASTER_LOCATORS)) {
    return `${erlangTerm(locator)} invalid queue-master-locator value`
  }
  const given = MIRRORING_KEYS.filter((key) => key !== 'queue-master-locator' && Object.hasOwn(definition, key))
  if (given.length === 0) return null
  if (!given.includes('ha-mode')) {
    return 'ha-mode must be specified to specify ha-params, ha-sync-mode or ha-promote-on-shutdown'
  }
  const mode = definition['ha-mode']
  if (!isOneOf(mode, ['all', 'exactly', 'nodes'])) return `${erlangTerm(mode)} is not a valid ha-mode value`
  const problem = PARAMS[mode as keyof typeof PARAMS](definition['ha-params'])
  if (problem !== null) return problem
  return given.map((key) => OTHERS[key]?.(definition[key]) ?? null).find((error) => error !== null) ?? null
}

type Check = (value: unknown) => string | null

/** @param value undefined where there is none */
const shown = (value: unknown): string => (value === undefined ? 'none' : erlangTerm(value))

const PARAMS = {
  all: (value) => (value === undefined ? null : 'ha-mode="all" does not take parameters'),
  exactly: (value) => (isPositive(value) ? null : `ha-mode="exactly" takes an integer, ${shown(value)} given`),
  nodes: (value) => {
    if (!Array.isArray(value)) return `ha-mode="nodes" takes a list, ${shown(value)} given`
    if (value.length === 0) return 'ha-mode="nodes" list must be non-empty'
    const others = value.filter((node) => typeof node !== 'string')
    return others.length === 0
      ? null
      : `ha-mode="nodes" takes a list of strings, ${erlangTerm(others)} was not a string`
  },
} satisfies Record<string, Check>

const oneOfTwo =
  (key: MirroringKey, one: string, other: string): Check =>
  (value) =>
    isOneOf(value, [one, other]) ? null : `${key} must be "${one}" or "${other}", got ${erlangTerm(value)}`

const OTHERS: Readonly<Partial<Record<MirroringKey, Check>>> = {
  'ha-sync-mode': oneOfTwo('ha-sync-mode', 'manual', 'automatic'),
  'ha-sync-batch-size': (value) =>
    isPositive(value) ? null : `ha-sync-batch-size takes an integer greater than 0, ${erlangTerm(value)} given`,
  'ha-promote-on-shutdown': oneOfTwo('ha-promote-on-shutdown', 'always', 'when-synced'),
  'ha-promote-on-failure': oneOfTwo('ha-promote-on-failure', 'always', 'when-synced'),
}

const isPositive = (value: unknown): boolean => Number.isInteger(value) && (value as number) > 0

const isOneOf = (value: unknown, options: readonly string[]): boolean =>
  typeof value === 'string' && options.includes(value)
