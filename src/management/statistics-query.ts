import { type TSchema, Type } from 'typebox'

// What statistics can be asked for, besides what `LIST_QUERY` has; for the descriptions of routes.

/** Parts of the past: see `rangesOf`. */
export const RANGE_QUERY: Readonly<Record<string, TSchema>> = Object.fromEntries(
  ['lengths', 'msg_rates', 'data_rates', 'node_stats'].flatMap((name) => [
    [`${name}_age`, Type.Integer({ minimum: 1, description: 'Answers a history so long, in seconds' })],
    [`${name}_incr`, Type.Integer({ minimum: 1, description: 'Seconds between two of its samples' })],
  ]),
)

export const STATS_QUERY: Readonly<Record<string, TSchema>> = {
  disable_stats: Type.Boolean({ description: 'Only what is configured' }),
  enable_queue_totals: Type.Boolean({ description: 'With `disable_stats`: how many messages there are as well' }),
}
