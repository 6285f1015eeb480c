import { bool, expiry, type FieldCheck, headerName, positive, unacceptable } from '../argument-checks.ts'
import { describeResource, preconditionFailed } from '../errors.ts'
import { type Field, integerOf, stringOf, type Table } from '../fields.ts'
import { isHeaderName } from '../header-name.ts'
import type { EffectivePolicy } from '../policy.ts'

/** The exchange type of the plugin rabbitmq-message-deduplication: a fanout that keeps duplicates out. */
export const DEDUPLICATION_EXCHANGE = 'x-message-deduplication'
/** The header that is compared unless another one is named. */
const VALUE_HEADER = 'x-deduplication-header'
/** Values that are remembered unless a number is given: LavinMQ's. */
const CACHE_SIZE_DEFAULT = 128

/** What an exchange or a queue is to keep out. */
export interface DeduplicationSettings {
  /** The header whose values are compared; null where none are. */
  readonly header: string | null
  /** How many values are remembered, or -1 where it is only those of messages that are in the queue. */
  readonly cacheSize: number
  /** How long a value is remembered, in ms; -1 for as long as there is room. */
  readonly cacheTtlMs: number
  /** Whether what is remembered survives a restart, where its owner does. */
  readonly persistent: boolean
  /** Whether the numbers that publishers give their messages are compared. */
  readonly publishers: boolean
}

const persistence: FieldCheck = (field) => {
  if (field.type !== 'longstr') return unacceptable(field)
  return CACHE_PERSISTENCES.includes(stringOf(field) ?? '') ? null : 'invalid_cache_persistence'
}

export const CACHE_PERSISTENCES: readonly string[] = ['disk', 'memory']

/** The arguments of queues and exchanges about duplicates, and what each may be. */
export const DEDUPLICATION_CHECKS: ReadonlyMap<string, FieldCheck> = new Map([
  ['x-message-deduplication', bool],
  ['x-cache-size', positive],
  ['x-cache-ttl', expiry],
  ['x-cache-persistence', persistence],
  ['x-deduplication-header', headerName],
  ['x-publisher-deduplication', bool],
])

/** Those that must be equal when an exchange is declared again. */
export const DEDUPLICATION_ARGUMENTS: readonly string[] = [...DEDUPLICATION_CHECKS.keys()]

/**
 * Checks what an exchange's arguments say about duplicates.
 * @throws BrokerError preconditionFailed
 */
export function validateExchangeDeduplication(name: string, vhost: string, type: string, args: Table): void {
  if (type === DEDUPLICATION_EXCHANGE) validatePluginArguments(args)
  for (const [key, check] of DEDUPLICATION_CHECKS) {
    const field = args.get(key)
    if (field === undefined || (type === DEDUPLICATION_EXCHANGE && isDigits(field))) continue
    const reason = check(field)
    if (reason === null) continue
    throw preconditionFailed(`invalid arg '${key}' for ${describeResource('exchange', name, vhost)}: ${reason}`)
  }
}

/** The plugin's own texts. It takes numbers that are written as strings, which not all clients can avoid. */
function validatePluginArguments(args: Table): void {
  const size = numberOf(args.get('x-cache-size'))
  if (size === null || size <= 0) {
    throw preconditionFailed("Missing or invalid argument, 'x-cache-size' must be an integer greater than 0")
  }
  const ttlMs = args.has('x-cache-ttl') ? numberOf(args.get('x-cache-ttl')) : 1
  if (ttlMs === null || ttlMs <= 0) {
    throw preconditionFailed("Invalid argument, 'x-cache-ttl' must be an integer greater than 0")
  }
  const kept = args.get('x-cache-persistence')
  if (kept !== undefined && !CACHE_PERSISTENCES.includes(stringOf(kept) ?? '')) {
    throw preconditionFailed("Invalid argument, 'x-cache-persistence' must be either 'disk' or 'memory'")
  }
}

const isDigits = (field: Field): boolean => /^[0-9]{1,15}$/.test(stringOf(field) ?? '')

const numberOf = (field: Field | undefined): number | null =>
  field !== undefined && isDigits(field) ? Number(field.value) : integerOf(field)

/** What arguments and policy come to; null where nothing is kept out. @param type of the exchange or of the queue */
export function deduplicationOf(
  kind: 'queue' | 'exchange',
  type: string,
  args: Table,
  policy: EffectivePolicy | null,
): DeduplicationSettings | null {
  const comparesValues = type === DEDUPLICATION_EXCHANGE || isOn('message-deduplication', args, policy)
  const publishers = isOn('publisher-deduplication', args, policy)
  if (!comparesValues && !publishers) return null
  const cacheSize = smaller('cache-size', args, policy)
  const cacheTtlMs = smaller('cache-ttl', args, policy)
  const isWindow = kind === 'exchange' || cacheSize > 0 || cacheTtlMs > 0
  const kept = stringOf(args.get('x-cache-persistence')) ?? fromPolicy('cache-persistence', policy)
  const named = stringOf(args.get('x-deduplication-header')) ?? fromPolicy('deduplication-header', policy)
  return {
    header: comparesValues ? (isHeaderName(named) ? (named as string) : VALUE_HEADER) : null,
    cacheSize: isWindow && cacheSize <= 0 ? CACHE_SIZE_DEFAULT : cacheSize,
    cacheTtlMs,
    persistent: kept !== 'memory',
    publishers,
  }
}

/** The plugin's policies have the names of the arguments. */
const fromPolicy = (key: string, policy: EffectivePolicy | null): unknown =>
  policy?.definition.get(key) ?? policy?.definition.get(`x-${key}`)

function isOn(key: string, args: Table, policy: EffectivePolicy | null): boolean {
  const argument = args.get(`x-${key}`)
  return argument?.type === 'bool' ? argument.value : fromPolicy(key, policy) === true
}

function smaller(key: string, args: Table, policy: EffectivePolicy | null): number {
  const argument = numberOf(args.get(`x-${key}`))
  const given = fromPolicy(key, policy)
  if (typeof given !== 'number') return argument ?? -1
  return argument === null ? given : Math.min(argument, given)
}

export const sameDeduplication = (a: DeduplicationSettings, b: DeduplicationSettings): boolean =>
  a.header === b.header &&
  a.cacheSize === b.cacheSize &&
  a.cacheTtlMs === b.cacheTtlMs &&
  a.persistent === b.persistent &&
  a.publishers === b.publishers
