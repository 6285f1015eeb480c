import { badRequest } from '../api-error.ts'

/** A part of the past that a client asks for. */
export interface Range {
  readonly ageMs: number
  readonly incrementMs: number
}

/** As RabbitMQ names them in queries: `lengths_age` and `lengths_incr`, in seconds, and so on. */
const NAMES = ['lengths', 'msg_rates', 'data_rates', 'node_stats'] as const

/** What is asked for of each sort of numbers; null where only rates are. */
export type Ranges = Readonly<Record<(typeof NAMES)[number], Range | null>>

/** RabbitMQ's limit for one history. */
const SAMPLES_MAX = 500

/** @throws ApiError 400 for a range that is none or has too many samples; half a one, or one that is no number, is passed over */
export function rangesOf(query: unknown): Ranges {
  const given = query as Readonly<Record<string, string | undefined>>
  const ranges = NAMES.map((name) => [name, rangeOf(given[`${name}_age`], given[`${name}_incr`])])
  return Object.fromEntries(ranges) as Ranges
}

function rangeOf(ageText: string | undefined, incrementText: string | undefined): Range | null {
  const age = Number(ageText)
  const increment = Number(incrementText)
  if (!Number.isInteger(age) || !Number.isInteger(increment)) return null
  if (age <= 0 || increment <= 0 || age / increment > SAMPLES_MAX) {
    throw badRequest(`Invalid range parameters: age ${age}, incr ${increment}`)
  }
  return { ageMs: age * 1000, incrementMs: increment * 1000 }
}
