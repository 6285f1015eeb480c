import type { History } from './history.ts'
import type { Range } from './ranges.ts'
import type { Tier, Tiers } from './retention.ts'

export interface Sample {
  readonly sample: number
  /** ms since the epoch. */
  readonly timestamp: number
}

/** What stands beside a number, as `publish_details` beside `publish`. */
export interface Details {
  /** Per second, in the last interval. */
  readonly rate: number
  /** The newest first. */
  readonly samples?: readonly Sample[]
  /** Of the samples. */
  readonly avg?: number
  /** Per second, from the oldest to the newest sample. */
  readonly avg_rate?: number
}

/** Histories that are shown as one: those of several virtual hosts, say. */
export interface Past {
  readonly histories: readonly History[]
  readonly tiers: Tiers
  /** The last sampling time that is over, ms since the epoch: what has not changed since then stands still. */
  readonly at: number
}

/** Some series of some histories: their sum is shown. */
export interface Term {
  readonly past: Past
  readonly series: readonly number[]
}

/** @param series whose sum is shown */
export const detailsOf = (past: Past, series: readonly number[], range: Range | null): Details =>
  sumDetails([{ past, series }], range)

/** @param terms with the same resolutions; at least one */
export function sumDetails(terms: readonly Term[], range: Range | null): Details {
  if (range === null) return { rate: terms.reduce((sum, { past, series }) => sum + rateOf(past, series), 0) }
  const { past } = terms[0]!
  const samples = samplesOf(range, past, (time, tier) =>
    terms.reduce((sum, term) => sum + valueAt(term, time, tier), 0),
  )
  return { rate: lastRate(samples, range), samples, avg: mean(samples), avg_rate: rateOverAll(samples, range) }
}

export function rateOf({ histories, at }: Past, series: readonly number[]): number {
  let rate = 0
  for (const history of histories) {
    if (history.at >= at) for (const i of series) rate += history.rates[i]!
  }
  return rate
}

/**
 * A mean, as of the time that one operation takes. As in RabbitMQ, `rate` is the mean of the last interval, and samples are means since
 * the start.
 */
export function meanDetails(past: Past, total: number, count: number, range: Range | null): Details {
  const rate = ratio(rateOf(past, [total]), rateOf(past, [count]))
  if (range === null) return { rate }
  const at = (series: number, time: number, tier: Tier | undefined): number =>
    valueAt({ past, series: [series] }, time, tier)
  const samples = samplesOf(range, past, (time, tier) => ratio(at(total, time, tier), at(count, time, tier)))
  return { rate, samples, avg: mean(samples), avg_rate: rate }
}

export const ratio = (total: number, count: number): number => (count === 0 ? 0 : total / count)

function valueAt({ past, series }: Term, time: number, tier: Tier | undefined): number {
  let sum = 0
  for (const history of past.histories) for (const i of series) sum += history.valueAt(i, time, tier)
  return sum
}

function samplesOf(
  { ageMs, incrementMs }: Range,
  { at, tiers }: Past,
  value: (time: number, tier: Tier | undefined) => number,
): Sample[] {
  const tier = tiers.covering(ageMs)
  const newest = Math.floor(at / incrementMs) * incrementMs
  const samples: Sample[] = []
  for (let back = 0; back <= ageMs; back += incrementMs) {
    const timestamp = newest - back
    samples.push({ sample: value(timestamp, tier), timestamp })
  }
  return samples
}

const mean = (samples: readonly Sample[]): number =>
  samples.reduce((sum, { sample }) => sum + sample, 0) / samples.length

function lastRate([newest, before]: readonly Sample[], { incrementMs }: Range): number {
  return before === undefined ? 0 : (newest!.sample - before.sample) / (incrementMs / 1000)
}

function rateOverAll(samples: readonly Sample[], { incrementMs }: Range): number {
  const intervals = samples.length - 1
  if (intervals === 0) return 0
  return (samples[0]!.sample - samples[intervals]!.sample) / (intervals * (incrementMs / 1000))
}
