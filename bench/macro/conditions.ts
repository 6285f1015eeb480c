import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os'
import type { Peer } from './peers.ts'

/** What has to be known of a measurement to judge it. */
export interface Conditions {
  readonly date: string
  readonly processor: string
  readonly cores: number
  readonly memoryGiB: number
  readonly system: string
  readonly node: string
  /** Version of each broker by its name. */
  readonly brokers: Readonly<Record<string, string>>
  /** Mean number of programs that wanted a core in the minute before. */
  readonly loadBefore: number
  readonly rounds: number
  readonly seconds: number
}

export function conditionsOf(peers: readonly Peer[], rounds: number, seconds: number): Conditions {
  return {
    date: new Date().toISOString().slice(0, 10),
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    node: process.versions.node,
    brokers: Object.fromEntries(peers.map(({ name, version }) => [name, version])),
    loadBefore: Number(loadavg()[0]!.toFixed(2)),
    rounds,
    seconds,
  }
}

/** The same as a sentence. */
export function describeConditions(conditions: Conditions): string {
  const { date, processor, cores, memoryGiB, system, node, brokers, loadBefore, rounds, seconds } = conditions
  const versions = Object.entries(brokers).map(([name, version]) => (version === '' ? name : `${name} ${version}`))
  return [
    `${date}: ${processor}, ${cores} cores, ${memoryGiB} GiB, ${system}, Node.js ${node}; ${versions.join(', ')}.`,
    `${rounds} rounds of ${seconds} s, brokers taking turns; load of the machine before: ${loadBefore}.`,
  ].join(' ')
}
