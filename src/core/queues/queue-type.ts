import type { Message } from '../message.ts'
import type { QueueSettings } from './queue-settings.ts'

/** How a delivery came back to its queue. */
export type ReturnKind =
  /** The consumer said that it failed. */
  | 'rejected'
  /** The consumer gave it back. */
  | 'returned'
  /** The session or its connection ended. */
  | 'lost'
  /** The time to acknowledge ran out. */
  | 'timedOut'

/**
 * What one type of queue does otherwise than the others. The rest (ready messages, TTL, limits, dead letters, consumers, credit) is
 * `Queue`, written once.
 */
export interface QueueType {
  readonly name: string
  /** The name that RabbitMQ's error texts print. */
  readonly moduleName: string
  /** Every message counts as persistent. */
  readonly alwaysPersistent: boolean
  /** Whether what comes back is delivered before all else, in the order of its return; otherwise it goes back to its place. */
  readonly returnsFirst: boolean
  /** Whether a consumer of higher priority takes over from the single active one. */
  readonly activePreempts: boolean
  /** Whether a consumer may ask to be the only one. */
  readonly exclusiveConsumers: boolean
  /** Whether a prefetch limit shared by a whole session can be kept. */
  readonly sharedPrefetch: boolean
  /** Whether `if-unused` and `if-empty` work on deletion. */
  readonly conditionalDelete: boolean
  /** Whether single messages can be fetched while one consumer alone is served. */
  readonly getBesideActive: boolean
  /** Whether a declaration counts the consumers that wait for the single active one to go. */
  readonly declaresInactive: boolean
  /** Whether the node's default time to acknowledge applies; a queue's or consumer's own always does. */
  readonly defaultAckTimeout: boolean
  /** Whether it has only what it can deliver at once: all else is dropped, and counted. */
  readonly keepsNothing?: boolean
  /** Number of priorities: 1 for none. */
  levels(settings: QueueSettings): number
  /** 0 (lowest) to levels - 1. */
  levelOf(message: Message, settings: QueueSettings): number
  /** Whether a return of this kind counts towards the delivery limit. */
  counts(kind: ReturnKind): boolean
}
