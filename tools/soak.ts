/**
 * Hours of everything at once on a broker with a data directory: `npm run soak -- [--minutes N] [--seed N]`. What follows `--` goes to the
 * broker. In the end all queues are gone, and so has to be what the broker held for them: memory, files, disk.
 */
import { parseArgs } from 'node:util'
import { BrokerRunner, within } from '../test/crash/broker-process.ts'
import { Random } from './fuzz/frames.ts'
import { judge, printTable, type Sample, takeSample, waitForRest } from './soak/gauge.ts'
import { LOADS, type SoakContext } from './soak/loads.ts'

const SAMPLES = 60
/** Time for the loads to come to an end: a backlog may have to be emptied. */
const END_WITHIN_MS = 120_000

const { values, positionals } = parseArgs({
  options: { minutes: { type: 'string', default: '120' }, seed: { type: 'string' } },
  allowPositionals: true,
})
const minutes = Number(values.minutes)
const seed = Number(values.seed ?? Math.floor(Math.random() * 0x7fff_ffff))

async function soak(runner: BrokerRunner): Promise<string[]> {
  const broker = await runner.start(positionals)
  const { pid } = broker
  const start = takeSample(pid, runner.dataDir, 0, 0)
  const context: SoakContext = { port: broker.port(), random: new Random(seed), stopping: false, delivered: 0 }
  const failures: string[] = []
  const loads = Object.entries(LOADS).map(([name, load]) =>
    load(context).catch((error: unknown) => {
      failures.push(`${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
      context.stopping = true
    }),
  )
  const samples: Sample[] = []
  const everyMs = (minutes * 60_000) / SAMPLES
  for (let i = 1; i <= SAMPLES && !context.stopping; i++) {
    await Promise.race([broker.exited, new Promise((resolve) => setTimeout(resolve, everyMs))])
    samples.push(takeSample(pid, runner.dataDir, (i * everyMs) / 1000, context.delivered))
  }
  context.stopping = true
  await within(END_WITHIN_MS, 'the loads to come to an end', Promise.all(loads))
  const { end, late } = await waitForRest(pid, runner.dataDir, start, context.delivered, (minutes * 60_000) / 1000)
  printTable([start, ...samples, end])
  failures.push(...late, ...judge(samples))
  const { code } = await runner.stop('SIGTERM')
  if (code !== 0) failures.push(`the broker ended with code ${code}`)
  failures.push(...broker.stderr.split('\n').filter((line) => / \[(error|fatal)\] /.test(line)))
  return failures
}

console.log(`${minutes} minutes, seed ${seed}`)
const runner = await BrokerRunner.create()
try {
  const failures = await soak(runner)
  for (const failure of failures.slice(0, 30)) console.log(`  ${failure}`)
  console.log(failures.length === 0 ? 'verdict: all is well' : 'verdict: FAILED')
  process.exitCode = failures.length === 0 ? 0 : 1
} finally {
  runner.destroy()
}
// a load that failed may have left connections open
process.exit()
