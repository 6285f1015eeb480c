import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Load } from './loads.ts'
import type { Peer } from './peers.ts'

const RUN_MS = 600_000
const run = promisify(execFile)

/** What one run of `amqpload` printed, or why it failed. */
export interface Run {
  readonly load: string
  readonly broker: string
  readonly round: number
  readonly error?: string
  readonly result?: Readonly<Record<string, unknown>>
}

export interface Comparison {
  /** Path of the compiled `amqpload`. */
  readonly loader: string
  readonly peers: readonly Peer[]
  readonly loads: readonly Load[]
  readonly rounds: number
  /** Measured time of each run, after one second to warm up. */
  readonly seconds: number
  /** Is told each load as soon as it is complete. */
  readonly onLoad?: (load: Load, runs: readonly Run[]) => void
}

/** Runs each load through each broker by turns, A B A B, so that what else the machine does meets all of them. */
export async function compare(comparison: Comparison): Promise<Run[]> {
  const { peers, loads, rounds, onLoad } = comparison
  const runs: Run[] = []
  for (const load of loads) {
    const begin = runs.length
    for (let round = 0; round < rounds; round++) {
      for (const peer of peers) {
        if (load.exchanges && peer.name === 'relay') continue
        runs.push(await runLoad(comparison, load, peer, round))
      }
    }
    onLoad?.(load, runs.slice(begin))
  }
  return runs
}

/** One load through one broker. A failure is a result too: the other brokers go on. */
export async function runLoad(
  { loader, seconds }: Pick<Comparison, 'loader' | 'seconds'>,
  load: Load,
  peer: Peer,
  round: number,
): Promise<Run> {
  const flags = load.flags.replace('ROUND', String(round)).replace('SECONDS', String(seconds)).split(' ')
  const key = { load: load.name, broker: peer.name, round }
  try {
    return { ...key, result: await runLoader(loader, peer, flags) }
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string }
    return { ...key, error: (stderr || message).trim() }
  }
}

/** Runs a load generator against a broker; resolves with what it prints, one JSON object. */
export async function runLoader(
  loader: string,
  { host, port, loaderFlags = [] }: Pick<Peer, 'host' | 'port' | 'loaderFlags'>,
  flags: readonly string[],
): Promise<Record<string, unknown>> {
  const args = ['--host', host, '--port', String(port), ...loaderFlags, ...flags]
  const { stdout } = await run(loader, args, { timeout: RUN_MS })
  return JSON.parse(stdout) as Record<string, unknown>
}

/** The figure of a run that counts for its load. @throws Error when the run has none. */
export function figureOf(run: Run, load: Load): number {
  const value = load.figure
    .split('.')
    .reduce<unknown>((part, key) => (part as Record<string, unknown> | undefined)?.[key], run.result)
  if (typeof value !== 'number') throw new Error(`${run.load} on ${run.broker} has no ${load.figure}`)
  return value
}
