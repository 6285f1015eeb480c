import { type Details, detailsOf, type Past } from './details.ts'
import type { Range } from './ranges.ts'
import type { Shown } from './series.ts'

/** Numbers by RabbitMQ's names, each with its details beside it. */
export type Stats = Record<string, number | Details>

export const PUBLISH_GROUP = ['publish', 'confirm', 'return_unroutable', 'drop_unroutable'] as const
export const DELIVER_GROUP = [
  'deliver',
  'deliver_no_ack',
  'get',
  'get_no_ack',
  'get_empty',
  'deliver_get',
  'redeliver',
  'ack',
] as const

/** Where numbers come from. */
export interface StatsSource {
  /** As of now, in the order of the series. */
  readonly values: readonly number[]
  readonly shown: Shown
  /** Null where there are no rates. */
  readonly past: Past | null
  readonly range: Range | null
}

/** All of `keys`. */
export function statsOf(keys: readonly string[], { values, shown, past, range }: StatsSource): Stats {
  const stats: Stats = {}
  for (const key of keys) {
    const series = shown[key]!
    stats[key] = series.reduce((sum, i) => sum + values[i]!, 0)
    if (past !== null) stats[`${key}_details`] = detailsOf(past, series, range)
  }
  return stats
}

/**
 * `message_stats`: as in RabbitMQ, keys come in groups, and a group is there when something of it has happened.
 * @returns undefined when nothing has
 */
export function messageStatsOf(groups: readonly (readonly string[])[], source: StatsSource): Stats | undefined {
  const { values, shown } = source
  const isThere = (keys: readonly string[]): boolean => keys.some((key) => shown[key]!.some((i) => values[i]! > 0))
  const keys = groups.filter(isThere).flat()
  return keys.length === 0 ? undefined : statsOf(keys, source)
}
