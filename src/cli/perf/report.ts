import type { PerfConfig } from './config.ts'
import type { Counters } from './counters.ts'
import type { Histogram, Percentiles } from './histogram.ts'

/** What was counted, and in how long. */
export interface Figures {
  readonly seconds: number
  readonly counters: Counters
}

export interface LineStyle {
  readonly compact: boolean
  readonly millis: boolean
}

/** How it goes, in PerfTest's words. @param elapsedSec since the start */
export function progressLine(config: PerfConfig, elapsedSec: number, figures: Figures, style: LineStyle): string {
  const { counters } = figures
  const { producers, consumers } = config
  const rate = (value: number): string => `${Math.round(value / figures.seconds)}${style.compact ? '' : ' msg/s'}`
  const parts = [`${style.compact ? '' : `id: ${config.id}, `}time ${elapsedSec.toFixed(3)} s`]
  if (producers.count > 0) {
    parts.push(`sent: ${rate(counters.sent)}`)
    if (producers.mandatory) parts.push(`returned: ${rate(counters.returned)}`)
    if (producers.confirm !== null)
      parts.push(`confirmed: ${rate(counters.confirmed)}`, `nacked: ${rate(counters.nacked)}`)
  }
  if (consumers.count > 0) parts.push(`received: ${rate(counters.received)}`)
  const latencies: [name: string, histogram: Histogram][] = []
  if (producers.confirm !== null) latencies.push(['confirm', counters.confirmLatency])
  if (consumers.count > 0) latencies.push(['consumer', counters.consumerLatency])
  const known = latencies.filter(([, histogram]) => histogram.total > 0)
  if (known.length > 0) {
    const shown = known.map(([, histogram]) => latencyText(histogram.percentiles()!, style.millis)).join(', ')
    const names = known.map(([name]) => name).join('/')
    parts.push(`min/median/75th/95th/99th ${names} latency: ${shown} ${style.millis ? 'ms' : 'µs'}`)
  }
  return parts.join(', ')
}

function latencyText({ min, median, p75, p95, p99 }: Percentiles, millis: boolean): string {
  return [min, median, p75, p95, p99].map((us) => String(millis ? Math.round(us / 100) / 10 : Math.round(us))).join('/')
}

/** The averages at the end, in PerfTest's words. */
export function summaryLines(config: PerfConfig, figures: Figures, style: LineStyle): string[] {
  const { counters, seconds } = figures
  const average = (value: number): string => `${Math.round(value / seconds)} msg/s`
  const lines = []
  if (config.producers.count > 0) lines.push(`id: ${config.id}, sending rate avg: ${average(counters.sent)}`)
  if (config.producers.confirm !== null)
    lines.push(`id: ${config.id}, confirm rate avg: ${average(counters.confirmed)}`)
  if (config.consumers.count > 0) lines.push(`id: ${config.id}, receiving rate avg: ${average(counters.received)}`)
  for (const [name, histogram] of [
    ['confirm', counters.confirmLatency],
    ['consumer', counters.consumerLatency],
  ] as const) {
    const percentiles = histogram.percentiles()
    if (percentiles === null) continue
    const shown = `${latencyText(percentiles, style.millis)} ${style.millis ? 'ms' : 'µs'}`
    lines.push(`id: ${config.id}, ${name} latency min/median/75th/95th/99th ${shown}`)
  }
  return lines
}

/** For machines: totals and rates of the whole run. Latencies in µs. */
export function resultJson(config: PerfConfig, figures: Figures, stoppedBy: string): object {
  const { counters, seconds } = figures
  const count = (value: number): object => ({
    count: value,
    rate: seconds === 0 ? 0 : Math.round((value / seconds) * 10) / 10,
  })
  return {
    id: config.id,
    stopped_by: stoppedBy,
    seconds: Math.round(seconds * 1000) / 1000,
    sent: count(counters.sent),
    confirmed: count(counters.confirmed),
    nacked: count(counters.nacked),
    returned: count(counters.returned),
    received: count(counters.received),
    consumer_latency_us: percentilesJson(counters.consumerLatency),
    confirm_latency_us: percentilesJson(counters.confirmLatency),
  }
}

function percentilesJson(histogram: Histogram): object | null {
  const percentiles = histogram.percentiles()
  if (percentiles === null) return null
  return Object.fromEntries(
    Object.entries(percentiles as unknown as Record<string, number>).map(([name, us]) => [name, Math.round(us)]),
  )
}

const CSV_COLUMNS = ['min', 'median', 'p75', 'p95', 'p99'] as const

export const CSV_HEADER = [
  'id',
  'time (s)',
  'published (msg/s)',
  'returned (msg/s)',
  'confirmed (msg/s)',
  'nacked (msg/s)',
  'received (msg/s)',
  ...CSV_COLUMNS.map((name) => `${name} consumer latency (µs)`),
  ...CSV_COLUMNS.map((name) => `${name} confirm latency (µs)`),
].join(',')

export function csvLine(config: PerfConfig, elapsedSec: number, { counters, seconds }: Figures): string {
  const rate = (value: number): number => Math.round(value / seconds)
  const latencies = (histogram: Histogram): (number | string)[] => {
    const percentiles = histogram.percentiles()
    return CSV_COLUMNS.map((name) => (percentiles === null ? '' : Math.round(percentiles[name])))
  }
  return [
    config.id,
    elapsedSec.toFixed(3),
    ...[counters.sent, counters.returned, counters.confirmed, counters.nacked, counters.received].map(rate),
    ...latencies(counters.consumerLatency),
    ...latencies(counters.confirmLatency),
  ].join(',')
}
