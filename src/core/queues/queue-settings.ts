import { TTL_MAX_MS } from '../argument-checks.ts'
import { type Field, integerOf, numberOf, stringOf, type Table } from '../fields.ts'
import { stricterLimit } from '../policy-keys.ts'
import { isSwitchedOn } from '../is-switched-on.ts'
import { type GroupSettings, groupSettingsOf } from '../groups/group-settings.ts'
import type { EffectivePolicy } from '../policy.ts'
import { DEAD_LETTER_STRATEGIES, OVERFLOWS } from './arguments.ts'
import { type RetrySettings, retrySettingsOf } from './retry-settings.ts'

export type Overflow = 'drop-head' | 'reject-publish' | 'reject-publish-dlx'
export type DeadLetterStrategy = 'at-most-once' | 'at-least-once'
export type DelayedRetryType = 'disabled' | 'all' | 'failed' | 'returned'

/**
 * How long a returned message rests: min(minMs × max(1, delivery count), maxMs). The times are 0 when the type is
 * `disabled`.
 */
export interface DelayedRetry {
  readonly type: DelayedRetryType
  readonly minMs: number
  readonly maxMs: number
}

const QUORUM_DELIVERY_LIMIT = 20
const QUORUM_DISCONNECTED_TIMEOUT_MS = 60_000
const QUORUM_PRIORITY_MAX = 31
const QUORUM_PRIORITY_DEFAULT = 4

const NO_RETRY: DelayedRetry = { type: 'disabled', minMs: 0, maxMs: 0 }
const RETRY_TYPES: readonly string[] = ['disabled', 'all', 'failed', 'returned']

/** What a queue's arguments and the policies that match it come to. Numbers are -1 where there is no such limit. */
export class QueueSettings {
  readonly ttlMs: number
  readonly expiresMs: number
  readonly maxLength: number
  readonly maxLengthBytes: number
  readonly overflow: Overflow
  /** Null when the queue does not dead-letter; `''` is the default exchange. */
  readonly deadLetterExchange: string | null
  /** Null for the message's own routing keys. */
  readonly deadLetterRoutingKey: string | null
  /** What is in effect: at-least-once needs a dead letter exchange and the overflow `reject-publish`. */
  readonly deadLetterStrategy: DeadLetterStrategy
  /** The highest priority that is told apart; 0 when the queue has no priorities. */
  readonly maxPriority: number
  /** What a message without a priority has. */
  readonly defaultPriority: number
  readonly singleActiveConsumer: boolean
  readonly deliveryLimit: number
  /** -1 for the node's setting. */
  readonly consumerTimeoutMs: number
  readonly consumerDisconnectedTimeoutMs: number
  readonly delayedRetry: DelayedRetry
  /** Messages are kept until they are due. */
  readonly delaying: boolean
  /** Null where messages are not grouped. */
  readonly groups: GroupSettings | null
  /** Null where the queue does not retry by itself. */
  readonly retry: RetrySettings | null
  /** `x-queue-mode` or `queue-mode` says `lazy`: with a data directory, messages leave memory as soon as nobody wants them. */
  readonly lazy: boolean

  constructor(type: string, args: Table, policy: EffectivePolicy | null) {
    const quorum = type === 'quorum'
    const sources = new Sources(args, policy)
    this.ttlMs = timeOf(sources.smaller('message-ttl'))
    this.expiresMs = timeOf(sources.smaller('expires'))
    this.maxLength = sources.smaller('max-length')
    this.maxLengthBytes = sources.smaller('max-length-bytes')
    this.overflow = overflowOf(quorum, sources)
    this.deadLetterExchange = sources.argumentOrPolicy('dead-letter-exchange')
    this.deadLetterRoutingKey = sources.argumentOrPolicy('dead-letter-routing-key')
    const strategy = sources.argumentOrPolicy('dead-letter-strategy', DEAD_LETTER_STRATEGIES)
    const atLeastOnce =
      strategy === 'at-least-once' && this.deadLetterExchange !== null && this.overflow === 'reject-publish'
    this.deadLetterStrategy = atLeastOnce ? 'at-least-once' : 'at-most-once'
    const priority = integerOf(args.get('x-max-priority'))
    this.maxPriority = quorum ? QUORUM_PRIORITY_MAX : priority === null ? 0 : Math.max(1, priority)
    this.defaultPriority = quorum ? QUORUM_PRIORITY_DEFAULT : 0
    this.singleActiveConsumer = args.get('x-single-active-consumer')?.value === true
    this.retry = retrySettingsOf(sources)
    this.deliveryLimit = deliveryLimitOf(quorum, this.retry, sources)
    this.consumerTimeoutMs = sources.smaller('consumer-timeout')
    const disconnectedMs = sources.smaller('consumer-disconnected-timeout')
    this.consumerDisconnectedTimeoutMs =
      disconnectedMs === -1 && quorum ? QUORUM_DISCONNECTED_TIMEOUT_MS : disconnectedMs
    this.delayedRetry = delayedRetryOf(sources)
    this.delaying = isSwitchedOn('delayed-message', args, policy)
    this.groups = groupSettingsOf(args, policy)
    this.lazy = sources.argumentOrPolicy('queue-mode') === 'lazy'
  }
}

/** How long a message rests that has come back, in ms. @param counted whether the return counts towards the delivery limit */
export function retryDelayOf({ type, minMs, maxMs }: DelayedRetry, counted: boolean, deliveryCount: number): number {
  if (type === 'disabled' || minMs <= 0) return 0
  if ((type === 'failed' && !counted) || (type === 'returned' && counted)) return 0
  const most = maxMs > 0 ? maxMs : minMs
  return Math.min(minMs * Math.max(1, deliveryCount), most)
}

export const computeQueueSettings = (type: string, args: Table, policy: EffectivePolicy | null): QueueSettings =>
  new QueueSettings(type, args, policy)

function overflowOf(quorum: boolean, sources: Sources): Overflow {
  if (!quorum) return (sources.argumentOrPolicy('overflow', OVERFLOWS) ?? 'drop-head') as Overflow
  const overflow = (sources.policyOrArgument('overflow', OVERFLOWS) ?? 'drop-head') as Overflow
  return overflow === 'reject-publish-dlx' ? 'drop-head' : overflow
}

/** Who says how many attempts there are needs no limit that nobody has asked for. */
function deliveryLimitOf(quorum: boolean, retry: RetrySettings | null, sources: Sources): number {
  const given = sources.merged('delivery-limit', stricterLimit)
  if (given === null) return quorum && (retry === null || retry.maxAttempts < 0) ? QUORUM_DELIVERY_LIMIT : -1
  return given < 0 ? -1 : given
}

/** The numbers merge as those of a user's and an operator's policy do: the longer minimum, the shorter maximum. */
function delayedRetryOf(sources: Sources): DelayedRetry {
  const type = (sources.policyOrArgument('delayed-retry-type', RETRY_TYPES) ?? 'disabled') as DelayedRetryType
  const minMs = timeOf(sources.merged('delayed-retry-min', Math.max) ?? 0)
  if (type === 'disabled' || minMs <= 0) return NO_RETRY
  const maxMs = timeOf(sources.merged('delayed-retry-max', Math.min) ?? minMs)
  return { type, minMs, maxMs: maxMs > 0 ? maxMs : minMs }
}

/** Policies may say more than arguments, and more than the store can write down. */
const timeOf = (ms: number): number => Math.min(ms, TTL_MAX_MS)

type Merge = (argument: number, policy: number) => number

/** The two places where a setting may come from; the argument's key is the policy's with `x-` in front. */
export class Sources {
  readonly #args: Table
  readonly #policy: EffectivePolicy | null

  constructor(args: Table, policy: EffectivePolicy | null) {
    this.#args = args
    this.#policy = policy
  }

  merged(key: string, merge: Merge): number | null {
    return this.#merged(key, merge, integerOf)
  }

  /** For what need not be an integer. */
  mergedReal(key: string, merge: Merge): number | null {
    return this.#merged(key, merge, numberOf)
  }

  #merged(key: string, merge: Merge, read: (field: Field | undefined) => number | null): number | null {
    const argument = read(this.#args.get(`x-${key}`))
    const policy = this.#policy?.definition.get(key)
    if (typeof policy !== 'number') return argument
    return argument === null ? policy : merge(argument, policy)
  }

  smaller(key: string): number {
    return this.merged(key, Math.min) ?? -1
  }

  argumentOrPolicy(key: string, known?: readonly string[]): string | null {
    return this.#argument(key, known) ?? this.#fromPolicy(key, known)
  }

  policyOrArgument(key: string, known?: readonly string[]): string | null {
    return this.#fromPolicy(key, known) ?? this.#argument(key, known)
  }

  #argument(key: string, known: readonly string[] | undefined): string | null {
    return ifKnown(stringOf(this.#args.get(`x-${key}`)), known)
  }

  #fromPolicy(key: string, known: readonly string[] | undefined): string | null {
    const value = this.#policy?.definition.get(key)
    return typeof value === 'string' ? ifKnown(value, known) : null
  }
}

const ifKnown = (value: string | null, known: readonly string[] | undefined): string | null =>
  value !== null && known !== undefined && !known.includes(value) ? null : value
