import { figureOf, type Run } from './compare.ts'
import { LOADS, type Load } from './loads.ts'
import { type Spread, spreadOf } from './statistics.ts'

/** The broker that ratios are given to. */
export const BASE = 'rabbitmq'

/** What one broker did with one load. */
export interface Summary {
  readonly figure: Spread
  /** To the base in the same round, so that what slowed both is not in it; more than 1 is better. Null without a base. */
  readonly ratio: Spread | null
}

export interface Row {
  readonly load: Load
  readonly brokers: ReadonlyMap<string, Summary>
}

/** One row for each load that was run, in the order of the table of loads. Runs that failed are left out. */
export function summarize(runs: readonly Run[]): Row[] {
  return LOADS.flatMap((load) => {
    const succeeded = runs.filter((run) => run.load === load.name && run.error === undefined)
    if (succeeded.length === 0) return []
    const base = new Map(
      succeeded.filter(({ broker }) => broker === BASE).map((run) => [run.round, figureOf(run, load)]),
    )
    const brokers = new Map<string, Summary>()
    for (const broker of new Set(succeeded.map((run) => run.broker))) {
      const own = succeeded.filter((run) => run.broker === broker)
      const ratios = own.flatMap((run) => {
        const other = base.get(run.round)
        if (broker === BASE || other === undefined) return []
        return [load.lower ? other / figureOf(run, load) : figureOf(run, load) / other]
      })
      brokers.set(broker, {
        figure: spreadOf(own.map((run) => figureOf(run, load))),
        ratio: ratios.length === 0 ? null : spreadOf(ratios),
      })
    }
    return [{ load, brokers }]
  })
}

/** All brokers of a comparison, in the order in which they took part. */
export function brokersOf(rows: readonly Row[]): string[] {
  return [...new Set(rows.flatMap(({ brokers }) => [...brokers.keys()]))]
}
