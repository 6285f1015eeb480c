/**
 * Compares WarrenMQ with the bare relay and with RabbitMQ and LavinMQ, where they are installed: starts each with a data
 * directory and ports of its own, runs all loads through them by turns, and stops them.
 *
 *     npm run bench                                            everything; writes docs/performance.md and its chart
 *     npm run bench -- --rounds 5 --only transient-16B,fanout-1-to-10
 *     npm run bench -- rabbitmq=127.0.0.1:5673                 a broker that runs already takes part
 *     npm run bench -- --from bench/results/macro.json         draws the page from results again
 *
 * What is run in part is only printed.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { drawChart } from './chart.ts'
import { compare, type Run } from './compare.ts'
import { type Conditions, conditionsOf, describeConditions } from './conditions.ts'
import { LOADS, selectLoads } from './loads.ts'
import { isInstalled, type Peer, RELAYING_NAMES, runningPeer, startPeer } from './peers.ts'
import { compileLoader, scratchFolder } from './processes.ts'
import { drawTable, replaceBetween } from './table.ts'
import { summarize } from './summary.ts'

interface Results {
  readonly conditions: Conditions
  readonly runs: readonly Run[]
}

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const RESULTS = join(root, 'bench', 'results', 'macro.json')
const PAGE = join(root, 'docs', 'performance.md')
const CHART = join(root, 'docs', 'images', 'performance.svg')

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    /** Names of loads, by commas. */
    only: { type: 'string', default: '' },
    /** Names of brokers that are started, by commas. */
    brokers: { type: 'string', default: RELAYING_NAMES.join(',') },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '4' },
    /** Where the raw results go as well. */
    json: { type: 'string' },
    from: { type: 'string' },
    /** WarrenMQ without a data directory. */
    memory: { type: 'boolean', default: false },
    /** Prints only, although all loads were run. */
    'no-report': { type: 'boolean', default: false },
  },
})

if (values.from === undefined) await measure()
else report(JSON.parse(readFileSync(values.from, 'utf8')) as Results)

async function measure(): Promise<void> {
  const loads = selectLoads(names(values.only))
  const [rounds, seconds] = [wholeNumber('rounds'), wholeNumber('seconds')]
  const scratch = scratchFolder('bench')
  const peers: Peer[] = []
  try {
    const loader = compileLoader('amqpload', scratch)
    if (loader === null) throw new Error('a C compiler (cc) is needed for the load generator')
    await startAll(peers, scratch)
    const conditions = conditionsOf(peers, rounds, seconds)
    console.log(`${describeConditions(conditions)}\n`)
    const onLoad = (_load: unknown, runs: readonly Run[]): void => print(runs)
    const runs = await compare({ loader, peers, loads, rounds, seconds, onLoad })
    const results = { conditions, runs }
    if (values.json !== undefined) save(values.json, results)
    const isWhole = loads.length === LOADS.length && peers.some(({ name }) => name === 'rabbitmq')
    if (isWhole && !values['no-report']) {
      save(RESULTS, results)
      report(results)
    }
  } finally {
    await Promise.all(peers.map((peer) => peer.stop()))
  }
}

/** Adds them to `peers` one by one, so that those that run are stopped when one does not start. */
async function startAll(peers: Peer[], scratch: string): Promise<void> {
  const running = await Promise.all(positionals.map(runningPeer))
  for (const name of names(values.brokers)) {
    if (running.some((peer) => peer.name === name)) continue
    if (isInstalled(name)) {
      peers.push(await startPeer(name, scratch, { warrenFlags: values.memory ? ['--memory'] : [] }))
    } else console.log(`${name} is not installed: left out`)
  }
  peers.push(...running)
}

function print(runs: readonly Run[]): void {
  for (const { load, broker, error } of runs) if (error !== undefined) console.error(`${load} on ${broker}: ${error}`)
  for (const { load, brokers } of summarize(runs)) {
    const cells = [...brokers].map(([name, { figure, ratio }]) => {
      const shown = `${name} ${Math.round(figure.median)} (${Math.round(figure.low)} to ${Math.round(figure.high)})`
      return ratio === null ? shown : `${shown} ${ratio.median.toFixed(2)}x`
    })
    console.log([load.name.padEnd(26), ...cells].join('  '))
  }
}

function report({ conditions, runs }: Results): void {
  const rows = summarize(runs)
  const text = `${describeConditions(conditions)}\n\n${drawTable(rows)}`
  writeFileSync(PAGE, replaceBetween(readFileSync(PAGE, 'utf8'), 'bench', text))
  writeFileSync(CHART, drawChart(rows))
}

function save(file: string, results: Results): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, `${JSON.stringify(results, null, 1)}\n`)
}

function names(list: string): string[] {
  return list.split(',').filter((name) => name !== '')
}

function wholeNumber(option: 'rounds' | 'seconds'): number {
  const value = Number(values[option])
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${option} is a whole number from 1: ${values[option]}`)
  return value
}
