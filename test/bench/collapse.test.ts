import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { collapsed, type Ratios } from '../../bench/macro/collapse.ts'
import { selectLoads } from '../../bench/macro/loads.ts'

describe('the gate against a collapse', () => {
  test('lets pass what has half of the recorded ratio in one round at least', () => {
    assert.deepEqual(
      collapsed({ a: 0.8, b: 0.2 }, [
        { a: 0.4, b: 0.01 },
        { a: 0.1, b: 0.1 },
      ]),
      [],
    )
  })

  test('tells the best round of what has not', () => {
    assert.deepEqual(
      collapsed({ a: 0.8, b: 0.2 }, [
        { a: 0.39, b: 0.2 },
        { a: 0.1, b: 0.2 },
      ]),
      ['a: at best 0.390 of what the relay moves; recorded is 0.8'],
    )
  })

  test('does not take a load that was not run for a fast one', () => {
    assert.equal(collapsed({ a: 0.8 }, [{}]).length, 1)
    assert.equal(collapsed({ a: 0.8 }, []).length, 1)
  })

  test('has ratios recorded, of loads that exist', () => {
    const url = new URL('../../bench/recorded-ratios.json', import.meta.url)
    const recorded = JSON.parse(readFileSync(url, 'utf8')) as Ratios
    assert.ok(Object.keys(recorded).length >= 4)
    selectLoads(Object.keys(recorded))
    for (const ratio of Object.values(recorded)) assert.ok(ratio > 0)
  })
})
