/**
 * Looks whether the message path has collapsed: a few loads through WarrenMQ and the bare relay by turns, and the ratio of
 * the two beside the recorded one. Fails where it is under half of that in every round, and never for a time as such: what
 * slows the machine slows both.
 *
 *     npm run bench:gate                   up to five rounds, the first one that is good enough ends it
 *     npm run bench:gate -- --record       writes bench/recorded-ratios.json
 *
 * The data directory is in memory where the system has a place for that, so that the disk has no part in it either.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { figureOf, runLoad } from './compare.ts'
import { collapsed, type Ratios } from './collapse.ts'
import { type Load, selectLoads } from './loads.ts'
import { type Peer, startPeer } from './peers.ts'
import { compileLoader, scratchFolder } from './processes.ts'
import { spreadOf } from './statistics.ts'

const ROUNDS = 5
const SECONDS = 1
const MEMORY_FOLDER = '/dev/shm'
const RECORDED = join(dirname(fileURLToPath(import.meta.url)), '..', 'recorded-ratios.json')
/** What all ratios are given to: the relay's own figure in the same round. */
const CEILING = 'transient-16B'
const LOADS = selectLoads(['transient-16B', 'transient-acked-1KiB', 'durable-confirmed-1KiB', 'topic-1-to-10'])

const { values } = parseArgs({ options: { record: { type: 'boolean', default: false } } })
const scratch = scratchFolder('gate', existsSync(MEMORY_FOLDER) ? MEMORY_FOLDER : tmpdir())
const peers: Peer[] = []
try {
  const loader = compileLoader('amqpload', scratch)
  // A broker and its load need a core each, or the ratio says nothing.
  if (loader === null) console.log('skipped: there is no C compiler (cc) for the load generator')
  else if (availableParallelism() < 2) console.log('skipped: the machine has one core only')
  else {
    peers.push(await startPeer('relay', scratch), await startPeer('warrenmq', scratch))
    if (values.record) await record(loader)
    else await check(loader)
  }
} finally {
  await Promise.all(peers.map((peer) => peer.stop()))
}

async function check(loader: string): Promise<void> {
  const recorded = JSON.parse(readFileSync(RECORDED, 'utf8')) as Ratios
  const rounds: Ratios[] = []
  for (let round = 0; round < ROUNDS; round++) {
    rounds.push(await measure(loader, LOADS, round))
    const failures = collapsed(recorded, rounds)
    if (failures.length === 0) return console.log('the message path is as fast as it was, or nearly')
    if (round === ROUNDS - 1) {
      console.error(failures.join('\n'))
      process.exitCode = 1
    }
  }
}

/** The first round only warms both up. */
async function record(loader: string): Promise<void> {
  await measure(loader, LOADS, 0)
  const rounds: Ratios[] = []
  for (let round = 1; round <= ROUNDS; round++) rounds.push(await measure(loader, LOADS, round))
  const medians = LOADS.map(({ name }) => [name, Number(spreadOf(rounds.map((r) => r[name]!)).median.toFixed(3))])
  writeFileSync(RECORDED, `${JSON.stringify(Object.fromEntries(medians), null, 2)}\n`)
}

async function measure(loader: string, loads: readonly Load[], round: number): Promise<Ratios> {
  const [relay, warren] = peers as [Peer, Peer]
  const ceiling = await figure(loader, selectLoads([CEILING])[0]!, relay, round)
  const ratios: Record<string, number> = {}
  for (const load of loads) {
    ratios[load.name] = (await figure(loader, load, warren, round)) / ceiling
    console.log(`round ${round + 1}: ${load.name} ${ratios[load.name]!.toFixed(3)} of what the relay moves`)
  }
  return ratios
}

/** @throws Error when the load does not get through: that is no matter of speed. */
async function figure(loader: string, load: Load, peer: Peer, round: number): Promise<number> {
  const run = await runLoad({ loader, seconds: SECONDS }, load, peer, round)
  if (run.error !== undefined) throw new Error(`${load.name} on ${peer.name}: ${run.error}`)
  return figureOf(run, load)
}
