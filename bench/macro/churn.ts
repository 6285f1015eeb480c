/**
 * What it costs to open and close things, and to have many of them: WarrenMQ beside RabbitMQ, by turns in one run.
 *
 *     npm run bench:churn                              everything
 *     npm run bench:churn -- --rounds 1 --only consumer,topic-100000
 *     npm run bench:churn -- --brokers warrenmq,answers-only --only channel,consumer     beside what the platform can do
 *
 * Prints a Markdown table with medians, lowest and highest.
 */
import { parseArgs } from 'node:util'
import { runLoader } from './compare.ts'
import { conditionsOf, describeConditions } from './conditions.ts'
import { isInstalled, type Peer, startPeer } from './peers.ts'
import { compileLoader, scratchFolder } from './processes.ts'
import { drawFigures, type Measured } from './figures.ts'

interface Churn {
  readonly name: string
  readonly loader: 'amqpload' | 'churnload'
  readonly flags: string
  /** Paths of the figures in what the loader prints; times in microseconds or milliseconds, the rest a second. */
  readonly figures: readonly string[]
}

/** Of all operations, warming up included. Other than a rate it is hardly changed by what else the machine does. */
const CPU = 'cpu_us'
const PIPELINED = 50
const churned = ['channel', 'queue', 'durable-queue', 'binding', 'durable-binding', 'consumer']
const churn = (name: string, op: string, window: number): Churn => ({
  name,
  loader: 'churnload',
  flags: `--op ${op} --window ${window} --seconds SECONDS`,
  figures: ['per_s', CPU],
})
const CHURNS: readonly Churn[] = [
  churn('connection', 'connection', 1),
  ...churned.map((op) => churn(op, op, 1)),
  ...churned.map((op) => churn(`${op}-pipelined`, op, PIPELINED)),
  {
    name: 'many-channels',
    loader: 'churnload',
    flags: '--op many-channels --count 2000 --messages 200000',
    figures: ['open_per_s', 'consume_per_s', 'deliver_per_s', 'close_ms'],
  },
  ...[100, 10_000, 100_000].map((count) => ({
    name: `topic-${count}`,
    loader: 'churnload' as const,
    flags: `--op topic --count ${count} --messages 100000`,
    figures: ['bind_per_s', 'publish_per_s', 'delete_ms'],
  })),
  {
    name: 'connections-10000',
    loader: 'amqpload',
    flags: '--producers 10000 --rate 10000 --size 100 --warmup 3 --seconds SECONDS',
    figures: ['deliver_per_s', 'deliver_us.p50', 'deliver_us.p99'],
  },
]

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    brokers: { type: 'string', default: 'warrenmq,rabbitmq' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
  },
})

const scratch = scratchFolder('churn')
const peers: Peer[] = []
try {
  const loaders = { amqpload: compileLoader('amqpload', scratch), churnload: compileLoader('churnload', scratch) }
  if (loaders.churnload === null) throw new Error('a C compiler (cc) is needed for the load generators')
  for (const name of values.brokers.split(',')) {
    if (isInstalled(name)) peers.push(await startPeer(name, scratch))
    else console.log(`${name} is not installed: left out`)
  }
  console.log(`${describeConditions(conditionsOf(peers, Number(values.rounds), Number(values.seconds)))}\n`)
  const only = values.only.split(',').filter((name) => name !== '')
  for (const load of CHURNS) {
    if (only.length > 0 && !only.includes(load.name)) continue
    console.log(
      drawFigures(
        await measure(load, loaders[load.loader]!),
        peers.map(({ name }) => name),
      ),
    )
  }
} finally {
  await Promise.all(peers.map((peer) => peer.stop()))
}

async function measure(load: Churn, loader: string): Promise<Measured[]> {
  const flags = load.flags.replace('SECONDS', values.seconds).split(' ')
  const measured: Measured[] = load.figures.map((figure) => ({
    name: load.figures.length === 1 ? load.name : `${load.name}: ${figure}`,
    lower: /us\.|_[mu]s$/.test(figure),
    figures: new Map(peers.map(({ name }) => [name, []])),
  }))
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const peer of peers) {
      const before = peer.process!.cpuMs()
      const result = await runLoader(loader, peer, flags)
      result[CPU] = ((peer.process!.cpuMs() - before) * 1000) / Number(result.all)
      load.figures.forEach((path, i) => measured[i]!.figures.get(peer.name)!.push(pick(result, path)))
    }
  }
  return measured
}

/** @throws Error when the result has no number at this path. */
function pick(result: Record<string, unknown>, path: string): number {
  const value = path.split('.').reduce<unknown>((part, key) => (part as Record<string, unknown>)[key], result)
  if (typeof value !== 'number') throw new Error(`no ${path} in ${JSON.stringify(result)}`)
  return value
}
