import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Targets } from '../../../src/core/exchanges/targets.ts'

test('a target added twice is listed once and stays until it is removed twice', () => {
  const targets = new Targets<string>()
  targets.add('a')
  targets.add('a')
  targets.add('b')
  assert.deepEqual(targets.list, ['a', 'b'])
  targets.remove('a')
  assert.deepEqual(targets.list, ['a', 'b'])
  targets.remove('a')
  targets.remove('a')
  assert.deepEqual(targets.list, ['b'])
})

test('counts hold beyond the size at which places are indexed', () => {
  const targets = new Targets<number>()
  for (let round = 0; round < 2; round++) for (let i = 0; i < 100; i++) targets.add(i)
  for (let i = 0; i < 100; i++) targets.remove(i)
  for (let i = 0; i < 100; i += 3) targets.remove(i)
  const left = Array.from({ length: 100 }, (_, i) => i).filter((i) => i % 3 !== 0)
  assert.deepEqual(
    targets.list.toSorted((a, b) => a - b),
    left,
  )
  for (const i of left) targets.remove(i)
  assert.deepEqual(targets.list, [])
})

test('a hundred thousand targets come and go', () => {
  const targets = new Targets<object>()
  const all = Array.from({ length: 100_000 }, () => ({}))
  for (const target of all) targets.add(target)
  assert.equal(targets.list.length, all.length)
  for (const target of all) targets.remove(target)
  assert.equal(targets.list.length, 0)
})
