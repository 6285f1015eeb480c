import type { DiskOptions, SimulatedDisk } from '../support/simulated-disk.ts'
import { type Choose, chooseBySeed } from '../support/simulated-inode.ts'

/** `STORE_SEEDS=5000 STORE_SEED=1 node tools/test.mjs test/store/power-cuts.test.ts` says how many seeds, and which is the first. */
export const FIRST_SEED = Number(process.env['STORE_SEED'] ?? (Date.now() % 1_000_000) * 1000)

/** Runs with each seed; an error names its own. @param count unless the environment has another */
export async function eachSeed(count: number, run: (choose: Choose) => Promise<void>): Promise<void> {
  const seeds = Number(process.env['STORE_SEEDS'] ?? count)
  for (let i = 0; i < seeds; i++) {
    const seed = FIRST_SEED + i
    try {
      await run(chooseBySeed(seed))
    } catch (error) {
      throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error })
    }
  }
}

/** Loses as much as it can, as little, or anything between: by turns, since chance alone rarely goes to extremes. */
function weather(choose: Choose): Choose {
  const kind = choose(4)
  if (kind === 0) return () => 0
  if (kind === 1) return (below) => below - 1
  return choose
}

/** The power goes, or only the process. */
export function crash(disk: SimulatedDisk, choose: Choose, options: DiskOptions): SimulatedDisk {
  const chance = { choose: weather(choose) }
  return choose(3) === 0 ? disk.kill(chance, options) : disk.powerCut(chance, options)
}

/** Options of a disk whose pace is one of all. */
export const diskOptions = (choose: Choose): DiskOptions => ({
  pace: (['turn', 'chosen', 'microtask'] as const)[choose(3)]!,
  choose,
})
