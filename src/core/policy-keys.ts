import { compilePcre, PatternError } from '../util/pcre.ts'
import { TTL_MAX_MS } from './argument-checks.ts'
import { CACHE_PERSISTENCES } from './deduplication/settings.ts'
import { isHeaderName } from './header-name.ts'
import { MIRRORING_KEYS } from './mirroring-policy.ts'
import { DEAD_LETTER_STRATEGIES, LEADER_LOCATORS, OVERFLOWS, QUEUE_MODES, isMaxAge } from './queues/arguments.ts'
import { ATTEMPTS_MAX } from './queues/retry-settings.ts'

/** Lists occur in keys of old that are kept and shown but have no effect (`ha-params`). */
export type PolicyValue = string | number | boolean | readonly string[]

export interface PolicyKey {
  readonly check: (value: unknown) => boolean
  /** What a refused value is not: `-1 is not a valid message TTL`. */
  readonly noun: string
  /** How an operator's value meets a user's; keys without this cannot be in an operator policy. */
  readonly merge?: (user: PolicyValue, operator: PolicyValue) => PolicyValue
  /** The queue types that a definition with this key does not apply to. */
  readonly unsupportedBy: readonly string[]
}

/** The lower of two limits. A negative one is no limit, so then the other counts. */
export const stricterLimit = (a: number, b: number): number => (a < 0 || b < 0 ? Math.max(a, b) : Math.min(a, b))

type Merge = NonNullable<PolicyKey['merge']>
const numeric =
  (merge: (user: number, operator: number) => number): Merge =>
  (user, operator) =>
    merge(user as number, operator as number)
const least = numeric(Math.min)
const greatest = numeric(Math.max)
const operatorWins: Merge = (_user, operator) => operator

const isText = (value: unknown): boolean => typeof value === 'string'
/** Routing keys travel as short strings. */
const isRoutingKey = (value: unknown): boolean => typeof value === 'string' && Buffer.byteLength(value) <= 255
/** Beyond 2^53 as well, as RabbitMQ takes them: such a limit is never met, and has no need to be exact. */
const isInteger = (value: unknown): boolean => Number.isInteger(value)
const isBoolean = (value: unknown): boolean => typeof value === 'boolean'
const atLeast =
  (min: number, max = Infinity) =>
  (value: unknown): boolean =>
    isInteger(value) && (value as number) >= min && (value as number) <= max
const isNumberFrom =
  (min: number, max: number) =>
  (value: unknown): boolean =>
    typeof value === 'number' && value >= min && value <= max
const among =
  (options: readonly string[]) =>
  (value: unknown): boolean =>
    typeof value === 'string' && options.includes(value)
/** Keys that depend on each other: `mirroringProblem` tells what is wrong with them. */
const checkedTogether = (): boolean => true

function isPattern(value: unknown): boolean {
  if (typeof value !== 'string') return false
  try {
    compilePcre(value)
    return true
  } catch (error) {
    if (error instanceof PatternError) return false
    throw error
  }
}

const SEGMENT_BYTES_MAX = 3_000_000_000

const ANY: readonly string[] = []
const NOT_STREAM = ['stream']
const QUORUM_ONLY = ['classic', 'stream']
const STREAM_ONLY = ['classic', 'quorum']
const CLASSIC_ONLY = ['quorum', 'stream']

const key = (check: PolicyKey['check'], noun: string, unsupportedBy: readonly string[], merge?: Merge): PolicyKey =>
  merge === undefined ? { check, noun, unsupportedBy } : { check, noun, unsupportedBy, merge }

/** The plugin rabbitmq-message-deduplication has its keys with `x-` in front. */
const DEDUPLICATION_KEYS: readonly (readonly [string, PolicyKey])[] = [
  ['message-deduplication', key(isBoolean, 'boolean for message deduplication', NOT_STREAM)],
  ['cache-size', key(atLeast(1), 'cache size', NOT_STREAM, least)],
  ['cache-ttl', key(atLeast(1), 'cache TTL', NOT_STREAM, least)],
  ['cache-persistence', key(among(CACHE_PERSISTENCES), 'cache persistence', NOT_STREAM)],
]

/** Every key that a policy may have. The `ha-` keys and others of RabbitMQ 3 are accepted, and have no effect. */
export const POLICY_KEYS: ReadonlyMap<string, PolicyKey> = new Map([
  ['alternate-exchange', key(isText, 'alternate exchange name', ANY)],
  ['consumer-timeout', key(atLeast(0), 'consumer timeout', NOT_STREAM)],
  ['consumer-disconnected-timeout', key(atLeast(0), 'consumer disconnected timeout', QUORUM_ONLY)],
  ['dead-letter-exchange', key(isText, 'dead letter exchange name', NOT_STREAM)],
  ['dead-letter-routing-key', key(isRoutingKey, 'dead letter routing key', NOT_STREAM)],
  ['dead-letter-strategy', key(among(DEAD_LETTER_STRATEGIES), 'dead letter strategy', NOT_STREAM)],
  [
    'delayed-retry-type',
    key(among(['disabled', 'all', 'failed', 'returned']), 'delayed retry type', NOT_STREAM, operatorWins),
  ],
  ['delayed-message', key(isBoolean, 'boolean for delayed messages', NOT_STREAM)],
  ['delayed-retry-min', key(atLeast(0), 'delayed retry min', NOT_STREAM, greatest)],
  ['delayed-retry-max', key(atLeast(0), 'delayed retry max', NOT_STREAM, least)],
  ...DEDUPLICATION_KEYS,
  ...DEDUPLICATION_KEYS.map(([name, rule]) => [`x-${name}`, rule] as const),
  ['deduplication-header', key(isHeaderName, 'deduplication header name', NOT_STREAM)],
  ['publisher-deduplication', key(isBoolean, 'boolean for publisher deduplication', NOT_STREAM)],
  ['delivery-limit', key(isInteger, 'delivery limit', NOT_STREAM, numeric(stricterLimit))],
  ['expires', key(atLeast(1), 'queue expiry', NOT_STREAM, least)],
  ['initial-cluster-size', key(atLeast(0), 'cluster size', STREAM_ONLY)],
  ['max-age', key((value) => typeof value === 'string' && isMaxAge(value), 'max age', STREAM_ONLY)],
  ['max-length', key(atLeast(0), 'maximum length', NOT_STREAM, least)],
  ['max-length-bytes', key(atLeast(0), 'maximum length in bytes', ANY, least)],
  ['max-in-memory-length', key(atLeast(0), 'maximum memory in bytes', NOT_STREAM, least)],
  ['max-in-memory-bytes', key(atLeast(0), 'maximum memory in bytes', NOT_STREAM, least)],
  ['message-groups', key(isBoolean, 'boolean for message groups', NOT_STREAM)],
  ['message-groups-header', key(isHeaderName, 'header name for message groups', NOT_STREAM)],
  ['message-ttl', key(atLeast(0), 'message TTL', NOT_STREAM, least)],
  ['overflow', key(among(OVERFLOWS), 'overflow value', NOT_STREAM, operatorWins)],
  ['queue-leader-locator', key(among(LEADER_LOCATORS), 'queue leader locator value', ANY)],
  ['queue-mode', key(among(QUEUE_MODES), 'queue-mode value', CLASSIC_ONLY)],
  ['queue-version', key(atLeast(1, 2), 'queue-version value', CLASSIC_ONLY, operatorWins)],
  ['retry-max-attempts', key(atLeast(1, ATTEMPTS_MAX), 'number of attempts', NOT_STREAM, least)],
  ['retry-initial-delay', key(atLeast(0, TTL_MAX_MS), 'retry delay', NOT_STREAM, greatest)],
  ['retry-multiplier', key(isNumberFrom(1, Number.MAX_VALUE), 'retry multiplier', NOT_STREAM, greatest)],
  ['retry-max-delay', key(atLeast(0, TTL_MAX_MS), 'retry delay', NOT_STREAM, least)],
  ['retry-jitter', key(isNumberFrom(0, 1), 'retry jitter', NOT_STREAM, greatest)],
  ['stream-max-segment-size-bytes', key(atLeast(0, SEGMENT_BYTES_MAX), 'segment size', STREAM_ONLY)],
  ['stream-filter-size-bytes', key(atLeast(16, 255), 'filter size', STREAM_ONLY)],
  ['target-group-size', key(atLeast(1), 'target count', QUORUM_ONLY, greatest)],
  ['federation-upstream', key(isText, 'federation upstream name', ANY)],
  ['federation-upstream-set', key(isText, 'federation upstream set name', ANY)],
  ['federation-upstream-pattern', key(isPattern, 'federation upstream pattern name', ANY)],
  ['shards-per-node', key(atLeast(1), 'number of shards', ANY)],
  ['routing-key', key(isText, 'routing key', ANY)],
  ...MIRRORING_KEYS.map((name) => [name, key(checkedTogether, `${name} value`, CLASSIC_ONLY)] as const),
])
