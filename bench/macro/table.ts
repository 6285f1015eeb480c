import { BASE, brokersOf, type Row, type Summary } from './summary.ts'
import type { Spread } from './statistics.ts'

/** The rows as a Markdown table: medians with lowest and highest, ratios to RabbitMQ, and what they are meant to be. */
export function drawTable(rows: readonly Row[]): string {
  const brokers = brokersOf(rows)
  const withRatio = brokers.some((broker) => rows.some((row) => row.brokers.get(broker)?.ratio))
  const columns = (broker: string): string[] => (withRatio && broker !== BASE ? [broker, 'ratio'] : [broker])
  const headings = ['load', ...brokers.flatMap(columns), ...(withRatio ? ['goal'] : [])]
  const lines = rows.map(({ load, brokers: summaries }) => [
    load.lower ? `${load.name}, p99 in µs` : load.name,
    ...brokers.flatMap((broker) => cells(summaries.get(broker), columns(broker).length === 2)),
    ...(withRatio ? [String(load.goal)] : []),
  ])
  return [headings, headings.map(() => '---'), ...lines].map((line) => `| ${line.join(' | ')} |`).join('\n')
}

function cells(summary: Summary | undefined, withRatio: boolean): string[] {
  const figure = summary === undefined ? '-' : spread(summary.figure, (value) => Math.round(value).toLocaleString('en'))
  if (!withRatio) return [figure]
  return [figure, summary?.ratio ? spread(summary.ratio, precise) : '-']
}

function spread({ median, low, high }: Spread, text: (value: number) => string): string {
  return low === high ? text(median) : `${text(median)} (${text(low)} to ${text(high)})`
}

function precise(ratio: number): string {
  return ratio.toFixed(ratio < 10 ? 2 : 1)
}

/**
 * Puts text between the two markers of a page, which stay.
 *
 * @param name of the markers: `<!-- NAME: … -->` and `<!-- NAME end -->`, each on a line of its own
 * @throws Error when the page has no such markers.
 */
export function replaceBetween(page: string, name: string, text: string): string {
  const begin = new RegExp(`^<!-- ${name}(?:: .*)? -->$`, 'm').exec(page)
  const end = page.indexOf(`<!-- ${name} end -->`)
  if (begin === null || end < begin.index) throw new Error(`the page has no markers for ${name}`)
  return `${page.slice(0, begin.index)}${begin[0]}\n\n${text}\n\n${page.slice(end)}`
}
