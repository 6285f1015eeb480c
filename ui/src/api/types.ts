/** Arguments of queues, exchanges, bindings and consumers, and headers of messages, as JSON. */
export type Arguments = Readonly<Record<string, unknown>>

/** A moment of a sampled history. */
export interface Sample {
  readonly sample: number
  /** Milliseconds since the epoch. */
  readonly timestamp: number
}

/** What goes with a counter: its rate, and its history where that was asked for. */
export interface Details {
  /** Per second. */
  readonly rate: number
  /** Newest first. */
  readonly samples?: readonly Sample[]
}

type CounterName =
  | 'ack'
  | 'confirm'
  | 'deliver'
  | 'deliver_get'
  | 'deliver_no_ack'
  | 'disk_reads'
  | 'disk_writes'
  | 'drop_unroutable'
  | 'get'
  | 'get_empty'
  | 'get_no_ack'
  | 'publish'
  | 'publish_in'
  | 'publish_out'
  | 'redeliver'
  | 'return_unroutable'

/** Counters of messages, of which only those are there that have counted something, each with its details. */
export type MessageStats = { readonly [name in CounterName]?: number } & {
  readonly [name in `${CounterName}_details`]?: Details
}

/** The rate of one counter; null where it has counted nothing yet. */
export function rateOf(stats: MessageStats | undefined, name: CounterName): number | null {
  return stats?.[`${name}_details`]?.rate ?? null
}
