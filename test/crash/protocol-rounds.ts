import { BrokerRunner } from './broker-process.ts'

export interface ProtocolCrashOptions {
  readonly rounds: number
  readonly seed: number
  readonly flags: readonly string[]
  readonly print: (line: string) => void
}

/** Clients of one protocol at work with a broker that is killed. */
export interface ProtocolCrashRun {
  readonly book: { readonly mistakes: readonly string[] }
  /** Some lives of the broker under load, each ended by a kill; then one in which everything comes where it belongs. */
  round(): Promise<void>
}

const MISTAKES_SHOWN = 20

/** Goes on until something is wrong. @returns what was, in words */
export async function runProtocolRounds(
  options: ProtocolCrashOptions,
  begin: (runner: BrokerRunner) => ProtocolCrashRun,
): Promise<readonly string[]> {
  options.print(`seed ${options.seed}`)
  const runner = await BrokerRunner.create()
  const run = begin(runner)
  const { mistakes } = run.book
  try {
    for (let round = 1; round <= options.rounds && mistakes.length === 0; round++) await run.round()
  } finally {
    runner.destroy()
  }
  for (const mistake of mistakes.slice(0, MISTAKES_SHOWN)) options.print(`  ${mistake}`)
  return mistakes
}
