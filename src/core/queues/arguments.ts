import { bool, expiry, headerName, integer, notNegative, positive, ttl, unacceptable } from '../argument-checks.ts'
import { DEDUPLICATION_CHECKS } from '../deduplication/settings.ts'
import { describeResource, preconditionFailed } from '../errors.ts'
import { erlangText } from '../erlang-text.ts'
import { equalFields, integerOf, longstr, numberOf, stringOf } from '../fields.ts'
import type { Field, Table } from '../fields.ts'
import { ATTEMPTS_MAX } from './retry-settings.ts'

/** What a declaration says of a queue, besides its type and its arguments. */
export interface QueueProperties {
  readonly name: string
  readonly vhost: string
  readonly durable: boolean
  readonly exclusive: boolean
  readonly autoDelete: boolean
  /** The client left the name to the broker. */
  readonly serverNamed: boolean
}

export interface QueueFacts extends QueueProperties {
  /** As `queueTypeOf` found it. */
  readonly type: string
  readonly arguments: Table
}

const QUEUE_TYPES: readonly string[] = ['classic', 'quorum', 'stream']

/** A type that was added has the arguments of classic queues. */
const ruledAs = (type: string): string => (QUEUE_TYPES.includes(type) ? type : 'classic')

const PRIORITY_MAX = 255
const ROUTING_KEY_BYTES_MAX = 255
const SEGMENT_BYTES_MAX = 3_000_000_000

/** Why the value is refused, as RabbitMQ prints it, or null. */
type Check = (field: Field, args: Table) => string | null

interface Rule {
  readonly types: readonly string[]
  readonly check: Check | null
}

const maxPriority: Check = (field) =>
  notNegative(field) ?? (integerOf(field)! > PRIORITY_MAX ? `{max_value_exceeded,${String(field.value)}}` : null)

const attempts: Check = (field) =>
  positive(field) ?? (integerOf(field)! > ATTEMPTS_MAX ? `{max_value_exceeded,${String(field.value)}}` : null)

const numberFrom =
  (min: number, max: number): Check =>
  (field) => {
    const value = numberOf(field)
    if (value === null) return `"expected number, got ${field.type}"`
    if (value < 0) return `{value_negative,${erlangText(field)}}`
    if (value < min) return `{value_too_small,${erlangText(field)}}`
    return value <= max ? null : `{value_too_large,${erlangText(field)}}`
  }

const oneOf =
  (values: readonly string[], refusal: (value: string) => string): Check =>
  (field) => {
    if (field.type !== 'longstr') return unacceptable(field)
    return values.includes(stringOf(field) ?? '') ? null : refusal(textOf(field))
  }

const routingKey: Check = (field, args) => {
  if (field.type !== 'longstr') return unacceptable(field)
  // a longer one could not be put into a delivery
  if (Buffer.byteLength(field.value) > ROUTING_KEY_BYTES_MAX) return 'routing_key_too_long'
  return args.has('x-dead-letter-exchange') ? null : 'routing_key_but_no_dlx_defined'
}

const queueVersion: Check = (field) =>
  integer(field) ??
  (['1', '2'].includes(String(field.value)) ? null : `"unsupported queue version '${String(field.value)}'"`)

/** Digits and one of Y M D h m s: how long a stream keeps what it has. */
export const isMaxAge = (text: string): boolean => /^0*[1-9][0-9]*[YMDhms]$/.test(text)

const maxAge: Check = (field) => {
  if (field.type !== 'longstr') return unacceptable(field)
  return isMaxAge(stringOf(field) ?? '') ? null : 'invalid_max_age'
}

export const OVERFLOWS: readonly string[] = ['drop-head', 'reject-publish', 'reject-publish-dlx']
export const DEAD_LETTER_STRATEGIES: readonly string[] = ['at-most-once', 'at-least-once']
export const QUEUE_MODES: readonly string[] = ['default', 'lazy']
export const LEADER_LOCATORS: readonly string[] = ['client-local', 'balanced', 'random', 'least-leaders', 'min-masters']

const CLASSIC = ['classic']
const QUORUM = ['quorum']
const STREAM = ['stream']
const CLASSIC_QUORUM = ['classic', 'quorum']

/**
 * Every argument that some type knows, in the order in which RabbitMQ checks and compares them. Classic queues know
 * more here than in RabbitMQ: delivery limit, delayed retry, consumer timeout and dead letter strategy.
 */
const RULES: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ['x-expires', { types: CLASSIC_QUORUM, check: expiry }],
  ['x-message-ttl', { types: CLASSIC_QUORUM, check: ttl }],
  ['x-dead-letter-exchange', { types: CLASSIC_QUORUM, check: null }],
  ['x-dead-letter-routing-key', { types: CLASSIC_QUORUM, check: routingKey }],
  [
    'x-dead-letter-strategy',
    { types: CLASSIC_QUORUM, check: oneOf(DEAD_LETTER_STRATEGIES, () => 'invalid_dlx_strategy') },
  ],
  ['x-max-length', { types: CLASSIC_QUORUM, check: notNegative }],
  ['x-max-length-bytes', { types: QUEUE_TYPES, check: notNegative }],
  ['x-max-in-memory-length', { types: QUORUM, check: notNegative }],
  ['x-max-in-memory-bytes', { types: QUORUM, check: notNegative }],
  ['x-max-priority', { types: CLASSIC, check: maxPriority }],
  ['x-overflow', { types: CLASSIC_QUORUM, check: oneOf(OVERFLOWS, () => 'invalid_overflow') }],
  ['x-queue-mode', { types: CLASSIC, check: oneOf(QUEUE_MODES, (mode) => `"unsupported queue mode '${mode}'"`) }],
  ['x-queue-version', { types: CLASSIC, check: queueVersion }],
  ['x-single-active-consumer', { types: CLASSIC_QUORUM, check: bool }],
  ['x-queue-type', { types: QUEUE_TYPES, check: null }],
  ['x-quorum-initial-group-size', { types: QUORUM, check: positive }],
  ['x-max-age', { types: STREAM, check: maxAge }],
  ['x-stream-max-segment-size-bytes', { types: STREAM, check: notNegative }],
  ['x-stream-filter-size-bytes', { types: STREAM, check: null }],
  ['x-initial-cluster-size', { types: STREAM, check: positive }],
  ['x-queue-leader-locator', { types: QUEUE_TYPES, check: oneOf(LEADER_LOCATORS, () => 'invalid_queue_locator_arg') }],
  ['x-queue-master-locator', { types: CLASSIC, check: null }],
  ['x-delayed-message', { types: CLASSIC_QUORUM, check: bool }],
  ['x-message-groups', { types: CLASSIC_QUORUM, check: bool }],
  ['x-message-groups-header', { types: CLASSIC_QUORUM, check: headerName }],
  ['x-delivery-limit', { types: CLASSIC_QUORUM, check: null }],
  ['x-consumer-timeout', { types: CLASSIC_QUORUM, check: notNegative }],
  ['x-consumer-disconnected-timeout', { types: QUORUM, check: notNegative }],
  ['x-delayed-retry-type', { types: CLASSIC_QUORUM, check: null }],
  ['x-delayed-retry-min', { types: CLASSIC_QUORUM, check: null }],
  ['x-delayed-retry-max', { types: CLASSIC_QUORUM, check: null }],
  ...[...DEDUPLICATION_CHECKS].map(([key, check]): [string, Rule] => [key, { types: CLASSIC_QUORUM, check }]),
  ['x-retry-max-attempts', { types: CLASSIC_QUORUM, check: attempts }],
  ['x-retry-initial-delay', { types: CLASSIC_QUORUM, check: ttl }],
  ['x-retry-multiplier', { types: CLASSIC_QUORUM, check: numberFrom(1, Number.MAX_VALUE) }],
  ['x-retry-max-delay', { types: CLASSIC_QUORUM, check: ttl }],
  ['x-retry-jitter', { types: CLASSIC_QUORUM, check: numberFrom(0, 1) }],
])

const describeQueue = (queue: QueueProperties): string => describeResource('queue', queue.name, queue.vhost)

/**
 * The type of the queue that a declaration asks for: its `x-queue-type`; else the virtual host's default, else the
 * node's, if the queue's properties suit that type; else classic. `stream` is a known name here, whoever can serve
 * it.
 * @param isAdded whether there is such a type besides RabbitMQ's
 * @throws BrokerError preconditionFailed when `x-queue-type` names no type
 */
export function queueTypeOf(
  args: Table,
  vhostDefault: string | null,
  nodeDefault: string | null,
  queue: QueueProperties,
  isAdded: (type: string) => boolean = () => false,
): string {
  const field = args.get('x-queue-type')
  if (field !== undefined && field.type !== 'longstr') throw invalidArgument('x-queue-type', queue, unacceptable(field))
  if (field !== undefined && !isUnset(textOf(field))) {
    const type = textOf(field)
    if (QUEUE_TYPES.includes(type) || isAdded(type)) return type
    throw invalidArgument('x-queue-type', queue, `"unsupported queue type '${type}'"`)
  }
  const fallback = [vhostDefault, nodeDefault].find((type) => type !== null && QUEUE_TYPES.includes(type)) ?? 'classic'
  return fallback === 'classic' || (unsuitedProperty(queue) === null && !queue.serverNamed) ? fallback : 'classic'
}

/** The arguments to store and compare: with the type that `queueTypeOf` found, if the client named none. */
export function injectQueueType(args: Table, type: string): Table {
  const current = args.get('x-queue-type')
  if (current !== undefined && !isUnset(textOf(current))) return args
  return new Map(args).set('x-queue-type', longstr(type))
}

const isUnset = (type: string): boolean => type === '' || type === 'undefined'

/** The first property that only classic queues may have, or null. */
function unsuitedProperty(queue: QueueProperties): string | null {
  if (queue.autoDelete) return 'auto-delete'
  if (queue.exclusive) return 'exclusive-owner'
  return queue.durable ? null : 'non-durable'
}

/**
 * Checks the arguments and properties of a queue to be created against what its type allows. Arguments that no type
 * knows are accepted.
 * @throws BrokerError preconditionFailed
 */
export function validateQueueArguments(queue: QueueFacts): void {
  const { type, arguments: args } = queue
  const ruled = ruledAs(type)
  if (queue.serverNamed && ruled !== 'classic') {
    throw preconditionFailed(`Cannot declare a server-named queue for type ${moduleOf(type)}`)
  }
  const dlx = args.get('x-dead-letter-exchange')
  if (dlx !== undefined && dlx.type !== 'longstr') {
    const where = describeQueue(queue)
    throw preconditionFailed(`invalid type '${dlx.type}' for arg 'x-dead-letter-exchange' in ${where}`)
  }
  for (const [key, rule] of RULES) {
    const field = args.get(key)
    if (field === undefined || rule.check === null || !rule.types.includes(ruled)) continue
    const reason = rule.check(field, args)
    if (reason !== null) throw invalidArgument(key, queue, reason)
  }
  for (const key of args.keys()) {
    if (RULES.get(key)?.types.includes(ruled) !== false) continue
    throw preconditionFailed(`invalid arg '${key}' for ${describeQueue(queue)} of queue type ${moduleOf(type)}`)
  }
  if (ruled === 'classic') return
  const unsuited = unsuitedProperty(queue)
  if (unsuited !== null) throw preconditionFailed(`invalid property '${unsuited}' for ${describeQueue(queue)}`)
  if (type === 'stream') checkStreamSizes(args)
}

const invalidArgument = (key: string, queue: QueueProperties, reason: string): Error =>
  preconditionFailed(`invalid arg '${key}' for ${describeQueue(queue)}: ${reason}`)

/** How the texts name a type: by the Erlang module that implements it. */
const moduleOf = (type: string): string => `rabbit_${type}_queue`

function checkStreamSizes(args: Table): void {
  if ((integerOf(args.get('x-stream-max-segment-size-bytes')) ?? 0) > SEGMENT_BYTES_MAX) {
    throw preconditionFailed('Exceeded max value for x-stream-max-segment-size-bytes')
  }
  const filter = args.get('x-stream-filter-size-bytes')
  if (filter === undefined) return
  const bytes = integerOf(filter)
  if (bytes === null) throw preconditionFailed('Invalid type for x-stream-filter-size-bytes')
  if (bytes < 16 || bytes > 255) throw preconditionFailed('Invalid value for x-stream-filter-size-bytes')
}

const COMPARED: ReadonlyMap<string, readonly string[]> = new Map(
  QUEUE_TYPES.map((type) => [type, [...RULES].filter(([, rule]) => rule.types.includes(type)).map(([key]) => key)]),
)

/** The arguments that must be equal when a queue of this type is declared again. */
export const comparedArguments = (type: string): readonly string[] => COMPARED.get(ruledAs(type))!

/**
 * Compares the arguments of something that exists with those of another declaration of it. An absent `x-queue-type`
 * counts as classic.
 * @throws BrokerError preconditionFailed for the first of `keys` that differs
 */
export function checkArgumentEquivalence(
  kind: 'queue' | 'exchange',
  name: string,
  vhost: string,
  keys: readonly string[],
  current: Table,
  received: Table,
): void {
  for (const key of keys) {
    const was = current.get(key)
    const is = received.get(key)
    if (was === undefined && is === undefined) continue
    if (was !== undefined && is !== undefined && (equalFields(was, is) || erlangText(was) === erlangText(is))) continue
    if (key === 'x-queue-type' && typeNameOf(was) === typeNameOf(is)) continue
    throw preconditionFailed(inequivalentArgumentText(kind, name, vhost, key, was, is))
  }
}

const typeNameOf = (field: Field | undefined): string =>
  field === undefined || isUnset(textOf(field)) ? 'classic' : textOf(field)

/**
 * `inequivalent arg 'K' for queue 'Q' in vhost 'V': received '2000' but current is '1000'`, or `none` where one is
 * absent.
 */
function inequivalentArgumentText(
  kind: 'queue' | 'exchange',
  name: string,
  vhost: string,
  key: string,
  current: Field | undefined,
  received: Field | undefined,
): string {
  const print = (field: Field | undefined, other: Field | undefined): string => {
    if (field === undefined) return 'none'
    return other === undefined ? `the value '${textOf(field)}' of type '${field.type}'` : `'${textOf(field)}'`
  }
  const subject = `inequivalent arg '${key}' for ${describeResource(kind, name, vhost)}`
  return `${subject}: received ${print(received, current)} but current is ${print(current, received)}`
}

/** Strings bare, everything else as an Erlang term. Bytes that are not UTF-8 print as Latin-1. */
function textOf(field: Field): string {
  if (field.type !== 'longstr' && field.type !== 'binary') return erlangText(field)
  return typeof field.value === 'string' ? field.value : Buffer.from(field.value).toString('latin1')
}
