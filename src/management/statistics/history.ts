import type { Tier, Tiers } from './retention.ts'

/**
 * What is remembered of a number: `counter` only rises, and by less than 2^32 in the time that is remembered; `gauge` is a whole
 * number below 2^32; `real` is any number.
 */
export type SeriesKind = 'counter' | 'gauge' | 'real'

type Ring = Uint32Array | Float64Array

const RING_OVERHEAD_BYTES = 96

/**
 * The past of one object: several series with the same sampling times. A series that never changed has no array, and an object at which
 * nothing happens is not touched: what lies between two changes is filled in with the next one.
 */
export class History {
  /** When something changed last: the sampling time, ms since the epoch. */
  at: number
  /** As of `at`. */
  readonly last: number[]
  /** Per second, in the interval before `at`. */
  readonly rates: number[]
  /** What a kind measures besides, averaged over the last samples; NaN before the first. */
  average = NaN
  /** Of the clock: it is another one after the clock was set back. */
  readonly generation: number
  #rings: (Ring | null)[]

  constructor(at: number, values: readonly number[], generation: number) {
    this.at = at
    this.generation = generation
    this.last = [...values]
    this.rates = values.map(() => 0)
    this.#rings = values.map(() => null)
  }

  /**
   * Takes the values of a sampling time.
   * @param sinceMs the sampling time before
   * @returns whether anything had changed
   */
  take(values: readonly number[], at: number, sinceMs: number, kinds: readonly SeriesKind[], tiers: Tiers): boolean {
    let changed = false
    for (let i = 0; i < values.length; i++) if (values[i] !== this.last[i]) changed = true
    if (!changed) return false
    const seconds = (at - sinceMs) / 1000
    for (let i = 0; i < values.length; i++) {
      const before = this.last[i]!
      const value = values[i]!
      this.rates[i] = (value - before) / seconds
      const ring = (this.#rings[i] ??= value === before ? null : makeRing(kinds[i]!, tiers, before))
      if (ring !== null) for (const tier of tiers.list) advance(ring, tier, before, value, this.at, at)
      this.last[i] = value
    }
    this.at = at
    return true
  }

  /** The value of a series as of a time, ms since the epoch. */
  valueAt(series: number, time: number, tier: Tier | undefined): number {
    const last = this.last[series]!
    const ring = this.#rings[series]!
    if (time >= this.at || ring === null || tier === undefined) return last
    const newest = Math.floor(this.at / tier.everyMs)
    const wanted = Math.max(Math.floor(time / tier.everyMs), newest - tier.slots + 1)
    const stored = ring[tier.offset + (wanted % tier.slots)]!
    // counters are stored without what is above 32 bits
    return ring instanceof Uint32Array && last > stored ? last - ((last - stored) % 2 ** 32) : stored
  }

  /** Nothing has happened for as long as is remembered: the last values are all there is to know. */
  forgetPast(): void {
    this.#rings = this.#rings.map(() => null)
  }

  /** Memory that it takes, about. */
  get bytes(): number {
    let sum = 100 + 24 * this.last.length
    for (const ring of this.#rings) if (ring !== null) sum += ring.byteLength + RING_OVERHEAD_BYTES
    return sum
  }
}

function makeRing(kind: SeriesKind, tiers: Tiers, value: number): Ring | null {
  if (tiers.slots === 0) return null
  return kind === 'real' ? new Float64Array(tiers.slots).fill(value) : new Uint32Array(tiers.slots).fill(value)
}

/** Fills the slots between two changes with what was true there, and the one of `at` with the new value. */
function advance(ring: Ring, tier: Tier, before: number, value: number, from: number, at: number): void {
  const { everyMs, slots, offset } = tier
  const newest = Math.floor(at / everyMs)
  const first = Math.max(Math.floor(from / everyMs) + 1, newest - slots + 1)
  for (let slot = first; slot <= newest; slot++) ring[offset + (slot % slots)] = before
  if (newest * everyMs === at) ring[offset + (newest % slots)] = value
}
