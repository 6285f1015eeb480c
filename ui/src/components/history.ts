import type { Details, MessageStats, Sample } from '../api/types.ts'
import type { Series } from './chart.tsx'

/** Series with one time line. */
export interface History {
  /** Milliseconds since the epoch, ascending. */
  readonly times: readonly number[]
  readonly series: readonly Series[]
}

/**
 * A line of a chart: its name, and the details whose samples it shows, undefined where nothing was counted yet. `off` for
 * one that is not shown at first.
 */
export type Line = readonly [label: string, details: Details | undefined, off?: 'off']

/** Histories of what goes up and down: messages in a queue, bytes of memory. */
export function gaugeHistory(lines: readonly Line[]): History {
  return toHistory(lines, (samples) => samples.map(({ timestamp, sample }) => [timestamp, sample]))
}

/** Histories of counters, as rates per second between one sample and the next. */
export function rateHistory(lines: readonly Line[]): History {
  return toHistory(lines, (samples) =>
    samples.slice(1).map(({ timestamp, sample }, i): [number, number] => {
      const before = samples[i]!
      const seconds = (timestamp - before.timestamp) / 1000
      // A counter that has begun anew, as with a restart, must not look like a negative rate.
      return [timestamp, seconds > 0 ? Math.max(0, sample - before.sample) / seconds : 0]
    }),
  )
}

function toHistory(lines: readonly Line[], toPoints: (samples: readonly Sample[]) => [number, number][]): History {
  const points = lines.map(([, details]) => new Map(toPoints((details?.samples ?? []).toReversed())))
  const times = [...new Set(points.flatMap((line) => [...line.keys()]))].toSorted((a, b) => a - b)
  const series = lines.map(([label, , off], i) => ({
    label,
    values: times.map((time) => points[i]!.get(time) ?? null),
    off: off === 'off',
  }))
  return { times, series }
}

/** The two ways of delivering, with and without acknowledgement, as one. */
export function deliverDetails(stats: MessageStats | undefined): Details | undefined {
  return sumDetails(stats?.deliver_details, stats?.deliver_no_ack_details)
}

/** The two ways of getting as one. */
export function getDetails(stats: MessageStats | undefined): Details | undefined {
  return sumDetails(stats?.get_details, stats?.get_no_ack_details)
}

function sumDetails(a: Details | undefined, b: Details | undefined): Details | undefined {
  if (a === undefined || b === undefined) return a ?? b
  const others = new Map(b.samples?.map(({ timestamp, sample }) => [timestamp, sample]))
  const samples = (a.samples ?? []).map(({ timestamp, sample }) => ({
    timestamp,
    sample: sample + (others.get(timestamp) ?? 0),
  }))
  return { rate: a.rate + b.rate, samples }
}
