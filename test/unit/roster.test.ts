import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Roster } from '../../src/util/roster.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as (options: { type: 'minor' | 'major' }) => void

test('members are listed in the order in which they came', () => {
  const roster = new Roster<string>()
  for (const [id, member] of [
    [3, 'a'],
    [1, 'b'],
    [2, 'c'],
  ] as const)
    roster.add(id, member)
  equal(roster.delete(1), true)
  equal(roster.delete(1), false)
  equal(roster.has(1), false)
  equal(roster.has(2), true)
  equal(roster.size, 2)
  deepEqual([...roster], ['a', 'c'])
})

test('a member that leaves while the members are gone through is not shown any more, and one that comes is', () => {
  const roster = new Roster<number>()
  for (const id of [1, 2, 3, 4]) roster.add(id, id)
  const seen: number[] = []
  for (const member of roster) {
    seen.push(member)
    if (member === 1) roster.delete(2)
    if (member === 3) roster.add(5, 5)
  }
  deepEqual(seen, [1, 3, 4, 5])
})

test('who has left is let go of by a collection of the young', () => {
  const roster = new Roster<{ readonly payload: number[] }>()
  roster.add(0, { payload: [] })
  roster.delete(0)
  collect({ type: 'major' })
  collect({ type: 'major' })
  const before = process.memoryUsage().heapUsed
  const MEMBERS = 1_000
  const NUMBERS = 1_000
  for (let id = 1; id <= MEMBERS; id++) {
    // doubles, so that each has a buffer of its own
    roster.add(id, { payload: Array.from({ length: NUMBERS }, (_, i) => i + 0.5) })
    roster.delete(id - 8)
    if (id % 100 === 0) collect({ type: 'minor' })
  }
  collect({ type: 'minor' })
  collect({ type: 'minor' })
  const grown = process.memoryUsage().heapUsed - before
  ok(grown < (MEMBERS * NUMBERS * 8) / 4, `${grown} bytes are left of ${MEMBERS * NUMBERS * 8}`)
})
