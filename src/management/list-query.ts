import { Type } from 'typebox'

// What lists and numbers can be asked for, for the schemas of routes. What is not named here is passed over.

const text = (description: string) => Type.Optional(Type.String({ description }))

/** Parameters of every list. */
export const LIST_QUERY = {
  page: text('page to answer, from 1; without it everything is answered'),
  page_size: text('rows of a page, 1 to 500; 100 unless given'),
  name: text('rows whose name has this in it'),
  use_regex: text('`true`: `name` is a regular expression'),
  sort: text('column to sort by, as `a.b` where it lies deeper'),
  sort_reverse: text('`true`: the largest first'),
  columns: text('columns to answer, separated by commas'),
  pagination: text('`true`: answer a page also where none is asked for'),
}

/** Parts of the past: see `rangesOf`. */
export const RANGE_QUERY = Object.fromEntries(
  ['lengths', 'msg_rates', 'data_rates', 'node_stats'].flatMap((name) => [
    [`${name}_age`, text('how long a history is answered, in seconds')],
    [`${name}_incr`, text('seconds between two of its samples')],
  ]),
)

export const STATS_QUERY = {
  disable_stats: text('`true`: only what is configured'),
  enable_queue_totals: text('`true`, with `disable_stats`: how many messages there are as well'),
}

/** A schema of several of these together. */
export const querySchema = (...parts: readonly Record<string, ReturnType<typeof text>>[]) =>
  Type.Object(Object.assign({}, ...parts) as Record<string, ReturnType<typeof text>>)
