/** Figures as parts of what the relay did in the same round, by load. */
export type Ratios = Readonly<Record<string, number>>

/** What is left of the recorded ratio when it counts as a collapse; machines and their noise differ by less. */
export const COLLAPSE = 0.5

/** What to say of each load whose best round is under half of what was recorded. A load that was not run has collapsed. */
export function collapsed(recorded: Ratios, rounds: readonly Ratios[]): string[] {
  return Object.entries(recorded).flatMap(([load, expected]) => {
    const best = Math.max(0, ...rounds.map((round) => round[load] ?? 0))
    if (best >= expected * COLLAPSE) return []
    return [`${load}: at best ${best.toFixed(3)} of what the relay moves; recorded is ${expected}`]
  })
}
