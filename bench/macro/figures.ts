import { type Spread, spreadOf } from './statistics.ts'

/** A figure of each broker, round by round. */
export interface Measured {
  readonly name: string
  /** Less is better. */
  readonly lower: boolean
  readonly figures: ReadonlyMap<string, number[]>
}

/**
 * A line of a Markdown table for each figure: every broker's median with lowest and highest, and the ratio of the first to
 * the last, of the same round each; more than 1 is better.
 */
export function drawFigures(measured: readonly Measured[], brokers: readonly string[]): string {
  return measured
    .map(({ name, lower, figures }) => {
      const cells = brokers.map((broker) => show(spreadOf(figures.get(broker)!), shorten))
      const [first, last] = [figures.get(brokers[0]!)!, figures.get(brokers.at(-1)!)!]
      const ratios = first.map((value, round) => (lower ? last[round]! / value : value / last[round]!))
      if (brokers.length > 1) cells.push(show(spreadOf(ratios), (ratio) => ratio.toFixed(ratio < 10 ? 2 : 1)))
      return `| ${[name, ...cells].join(' | ')} |`
    })
    .join('\n')
}

function show({ median, low, high }: Spread, text: (value: number) => string): string {
  return low === high ? text(median) : `${text(median)} (${text(low)} to ${text(high)})`
}

const shorten = (value: number): string => Math.round(value).toLocaleString('en')
