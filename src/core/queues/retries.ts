import { type Field, long, longstr, type Table, timestamp } from '../fields.ts'
import type { RetryFacts } from '../message.ts'
import type { Entry } from './entry.ts'
import type { QueueHost } from './queue-host.ts'
import { retryDelayOf } from './queue-settings.ts'
import type { ReturnKind } from './queue-type.ts'
import { backOffMs } from './retry-settings.ts'

/** What is known of the returns of an entry: where its queue retries, or its consumer asked for a rest. */
export class Retries {
  /** How it came back last; null while it has not. */
  kind: ReturnKind | null = null
  /** When its last rest ends or ended (ms since the epoch), or 0. */
  dueAt = 0
  /** The rest that its consumer asked for, should it give it back (ms), or -1. */
  askedMs = -1
}

const KINDS: readonly ReturnKind[] = ['rejected', 'returned', 'lost', 'timedOut']
const NAMES: Readonly<Record<ReturnKind, string>> = {
  rejected: 'rejected',
  returned: 'returned',
  lost: 'lost',
  timedOut: 'timed_out',
}

/** `restAfterReturn` of a message that has been delivered too often. */
export const EXHAUSTED = -1

/**
 * Counts and notes the return of an entry, and says how long it rests: ms, or EXHAUSTED. What its consumer asked for comes first, then
 * the queue's back-off, then RabbitMQ's delayed retry. No rest is longer than the message's time to live.
 */
export function restAfterReturn(entry: Entry, kind: ReturnKind, { clock, random }: QueueHost): number {
  const { settings, rules } = entry.queue
  const { retry, deliveryLimit } = settings
  entry.acquiredCount++
  const counted = rules.counts(kind)
  if (counted) entry.deliveryCount++
  const { acquiredCount, deliveryCount } = entry
  const retries = retry === null ? entry.retries : (entry.retries ??= new Retries())
  const asked = retries === null ? -1 : note(entry, retries, kind, retry !== null)
  if (deliveryLimit >= 0 && deliveryCount > deliveryLimit) return EXHAUSTED
  if (retry !== null && retry.maxAttempts >= 0 && acquiredCount >= retry.maxAttempts) return EXHAUSTED
  let rest = asked
  if (rest < 0 && retry !== null && retry.initialDelayMs >= 0) rest = backOffMs(retry, acquiredCount, random)
  else if (rest < 0) rest = retryDelayOf(settings.delayedRetry, counted, deliveryCount)
  const now = clock.now()
  if (entry.expiresAt >= 0) rest = Math.min(rest, Math.max(0, entry.expiresAt - now))
  if (entry.retries !== null) entry.retries.dueAt = now + rest
  return rest
}

/** @returns the rest that the consumer asked for (ms), or -1; what it does not get, because it is gone, is forgotten */
function note(entry: Entry, retries: Retries, kind: ReturnKind, retrying: boolean): number {
  const asked = kind === 'rejected' || kind === 'returned' ? retries.askedMs : -1
  retries.askedMs = -1
  if (retrying || asked >= 0 || retries.kind !== null) retries.kind = kind
  else entry.retries = null
  return asked
}

// The log has a number of 8 bits with each state (`QueueLog.update`). Its high half says how an entry came back last; the low one is
// why it dies, where it does.
const KIND_SHIFT = 4

/** What of a mark says why a message dies. */
export const DEATH_BITS = (1 << KIND_SHIFT) - 1

/** How the log says how an entry came back last. */
export const markOfRetries = ({ kind }: Retries): number => (kind === null ? 0 : KINDS.indexOf(kind) + 1) << KIND_SHIFT

/** @param dueAt what the log has with the mark @returns null for an entry without retries */
export function retriesOfMark(mark: number, dueAt: number): Retries | null {
  const kind = KINDS[(mark >>> KIND_SHIFT) - 1]
  if (kind === undefined) return null
  const retries = new Retries()
  retries.kind = kind
  retries.dueAt = dueAt
  return retries
}

/** Null for an entry that has not come back, or to a queue that did not retry. */
export function retryFactsOf({ retries, acquiredCount }: Entry): RetryFacts | null {
  if (retries === null || retries.kind === null) return null
  return { count: acquiredCount, reason: NAMES[retries.kind], time: Math.floor(retries.dueAt / 1000) }
}

/** What an entry of `x-death` tells of retries; a delivery tells the same in headers with `x-` in front. */
export function retryFields({ count, reason, time }: RetryFacts): [string, Field][] {
  const fields: [string, Field][] = [
    ['retry-count', long(count)],
    ['last-retry-reason', longstr(reason)],
  ]
  if (time > 0) fields.push(['last-retry-time', timestamp(time)])
  return fields
}

export const RETRY_HEADERS: readonly string[] = ['x-retry-count', 'x-last-retry-reason', 'x-last-retry-time']

/** Adds what a delivery tells of its retries, if there were any. */
export function addRetryHeaders(headers: Table, entry: Entry): void {
  const facts = retryFactsOf(entry)
  if (facts === null) return
  for (const [name, field] of retryFields(facts)) headers.set(`x-${name}`, field)
}
