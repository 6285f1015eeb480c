import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, test } from 'node:test'
import { DEFAULT_RETENTION } from '../../../src/config/retention.ts'
import { detailsOf, type Past } from '../../../src/management/statistics/details.ts'
import { History, type SeriesKind } from '../../../src/management/statistics/history.ts'
import { Tiers } from '../../../src/management/statistics/retention.ts'

const SECOND = 1000
const START = Date.UTC(2025, 0, 1)
const BASIC = new Tiers(DEFAULT_RETENTION.basic, 5 * SECOND)
const GLOBAL = new Tiers(DEFAULT_RETENTION.global, 5 * SECOND)

/** A history of one series, sampled every 5 s. */
class OneSeries {
  readonly history: History
  readonly #kinds: readonly SeriesKind[]
  readonly #tiers: Tiers
  #at = START

  constructor(kind: SeriesKind, tiers: Tiers = BASIC, first = 0) {
    this.#kinds = [kind]
    this.#tiers = tiers
    this.history = new History(START, [first], 0)
  }

  sample(value: number): void {
    this.#at += 5 * SECOND
    this.history.take([value], this.#at, this.#at - 5 * SECOND, this.#kinds, this.#tiers)
  }

  get past(): Past {
    return { histories: [this.history], tiers: this.#tiers, at: this.#at }
  }

  /** The newest first. */
  samples(ageSec: number, everySec: number): number[] {
    const range = { ageMs: ageSec * SECOND, incrementMs: everySec * SECOND }
    return detailsOf(this.past, [0], range).samples!.map(({ sample }) => sample)
  }
}

describe('a history', () => {
  test('has the samples that were taken, and what was before them', () => {
    const series = new OneSeries('counter')
    for (const value of [10, 25, 25, 40]) series.sample(value)
    assert.deepEqual(series.samples(30, 5), [40, 25, 25, 10, 0, 0, 0])
    assert.deepEqual(series.samples(20, 10), [40, 25, 0])
  })

  test('tells rates of the last interval, and of none where nothing has changed', () => {
    const series = new OneSeries('counter')
    series.sample(10)
    assert.deepEqual(detailsOf(series.past, [0], null), { rate: 2 })
    series.sample(10)
    assert.deepEqual(detailsOf(series.past, [0], null), { rate: 0 })
    series.sample(25)
    const { rate, avg, avg_rate: average } = detailsOf(series.past, [0], { ageMs: 15_000, incrementMs: 5000 })
    assert.deepEqual([rate, avg, average], [3, (25 + 10 + 10 + 0) / 4, 25 / 15])
  })

  test('goes on to be right beyond 32 bits', () => {
    const big = 2 ** 40
    const series = new OneSeries('counter', BASIC, big)
    for (let i = 1; i <= 4; i++) series.sample(big + i * 1_000_000_000)
    assert.deepEqual(
      series.samples(20, 5),
      [4, 3, 2, 1, 0].map((i) => big + i * 1_000_000_000),
    )
  })

  test('is coarser the longer ago', () => {
    const series = new OneSeries('gauge', GLOBAL)
    // a day, in which the value is the number of the sample
    for (let i = 1; i <= 17_280; i++) series.sample(i)
    assert.deepEqual(series.samples(10, 5), [17_280, 17_279, 17_278])
    assert.deepEqual(series.samples(3600, 1200), [17_280, 17_040, 16_800, 16_560])
    assert.deepEqual(series.samples(86_400, 43_200), [17_280, 8640, 0])
  })

  test('takes no more memory than its tiers have slots, and none for what never changes', () => {
    const series = new OneSeries('counter')
    const before = series.history.bytes
    for (let i = 1; i <= 10; i++) series.sample(i)
    const after = series.history.bytes
    for (let i = 11; i <= 5000; i++) series.sample(i)
    assert.equal(series.history.bytes, after)
    assert.ok(after - before <= (121 + 61) * 4 + 200, `${after - before} bytes`)
    const still = new OneSeries('gauge', BASIC, 7)
    for (let i = 1; i <= 10; i++) still.sample(7)
    assert.equal(still.history.bytes, before)
    assert.deepEqual(still.samples(10, 5), [7, 7, 7])
    series.history.forgetPast()
    assert.equal(series.history.bytes, before)
  })

  const KINDS: readonly SeriesKind[] = ['counter', 'gauge', 'real']
  const walk = fc.record({
    kind: fc.constantFrom(...KINDS),
    steps: fc.array(fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(1e6) }), {
      minLength: 1,
      maxLength: 200,
    }),
    every: fc.constantFrom(5, 10, 25, 60, 65),
  })

  test('answers as if every sample had been kept', () => {
    fc.assert(
      fc.property(walk, ({ kind, steps, every }) => {
        const series = new OneSeries(kind)
        const taken = [0]
        for (const step of steps) {
          taken.push(kind === 'counter' ? taken.at(-1)! + step : step)
          series.sample(taken.at(-1)!)
        }
        const newest = Math.floor((START / SECOND + steps.length * 5) / every) * every
        const expected = [0, 1, 2, 3, 4].map((back) => {
          const index = Math.floor((newest - back * every - START / SECOND) / 5)
          return taken[Math.max(0, index)]!
        })
        assert.deepEqual(series.samples(4 * every, every), expected)
      }),
    )
  })
})
