import type { RetentionStep } from '../../config/retention.ts'

/** A retention step as it lies in the arrays of a history. */
export interface Tier {
  readonly everyMs: number
  readonly spanMs: number
  readonly slots: number
  /** Its first slot in the array. */
  readonly offset: number
}

/** The resolutions of a history, the finest first. Without any, only the last rate is known. */
export class Tiers {
  readonly list: readonly Tier[]
  /** Of all of them. */
  readonly slots: number
  readonly longestMs: number

  /** @param intervalMs time between two samples: nothing is remembered finer than that */
  constructor(steps: readonly RetentionStep[], intervalMs: number) {
    let offset = 0
    this.list = steps
      .toSorted((a, b) => a.seconds - b.seconds)
      .map(({ seconds, everySec }) => {
        const everyMs = Math.max(everySec * 1000, intervalMs)
        const spanMs = seconds * 1000
        // both ends
        const slots = Math.ceil(spanMs / everyMs) + 1
        const tier = { everyMs, spanMs, slots, offset }
        offset += slots
        return tier
      })
    this.slots = offset
    this.longestMs = this.list.at(-1)?.spanMs ?? 0
  }

  /** The finest that reaches back so far, or the one that reaches back furthest. */
  covering(ageMs: number): Tier | undefined {
    return this.list.find(({ spanMs }) => spanMs >= ageMs) ?? this.list.at(-1)
  }
}
