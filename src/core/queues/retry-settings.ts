import type { Sources } from './queue-settings.ts'

/** How a queue retries what failed. */
export interface RetrySettings {
  /** Deliveries in all, the first included; -1 for no limit. */
  readonly maxAttempts: number
  /** How long a message rests after its first failure, in ms; -1 where something else decides how long. */
  readonly initialDelayMs: number
  /** By what each rest is longer than the one before: 1 or more. */
  readonly multiplier: number
  readonly maxDelayMs: number
  /** Share of a rest that is random, 0 to 1. */
  readonly jitter: number
}

/** Deliveries are counted up to here: the log has 16 bits for them. */
export const ATTEMPTS_MAX = 0xffff

const MULTIPLIER = 2
const MAX_DELAY_MS = 24 * 60 * 60 * 1000

/** Null where a queue does not retry. Where argument and policy meet, the gentler one holds. */
export function retrySettingsOf(sources: Sources): RetrySettings | null {
  const maxAttempts = sources.merged('retry-max-attempts', Math.min) ?? -1
  const initialDelayMs = sources.merged('retry-initial-delay', Math.max) ?? -1
  if (maxAttempts < 0 && initialDelayMs < 0) return null
  return {
    maxAttempts,
    initialDelayMs,
    multiplier: sources.mergedReal('retry-multiplier', Math.max) ?? MULTIPLIER,
    maxDelayMs: sources.merged('retry-max-delay', Math.min) ?? Math.max(MAX_DELAY_MS, initialDelayMs),
    jitter: sources.mergedReal('retry-jitter', Math.max) ?? 0,
  }
}

/**
 * How long a message rests, in ms.
 * @param failures how often it has failed, this time included
 * @param random gives numbers from 0 to 1, 1 excluded
 */
export function backOffMs(settings: RetrySettings, failures: number, random: () => number): number {
  const { initialDelayMs, multiplier, maxDelayMs, jitter } = settings
  // 0 × Infinity, which the power may come to, is no number
  if (initialDelayMs <= 0) return 0
  const whole = Math.min(initialDelayMs * multiplier ** (failures - 1), maxDelayMs)
  return jitter === 0 ? Math.round(whole) : Math.round(whole * (1 - jitter * random()))
}
