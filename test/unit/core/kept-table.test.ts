import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keptTable, longstr, type Table } from '../../../src/core/fields.ts'

test('tables without fields are kept as one, which nobody can change', () => {
  const given: Table = new Map()
  const kept = keptTable(given)
  assert.equal(keptTable(new Map()), kept)
  assert.deepEqual(kept, new Map())
  for (const change of [
    () => kept.set('x-expires', longstr('1')),
    () => kept.delete('x-expires'),
    () => kept.clear(),
  ]) {
    assert.throws(change, TypeError)
  }
  assert.deepEqual(new Map(kept).set('x-expires', longstr('1')).size, 1)
  // the caller's own may still be filled
  given.set('x-expires', longstr('1'))
  assert.equal(kept.size, 0)
})

test('a table with fields is kept as it is', () => {
  const given: Table = new Map([['x-expires', longstr('1')]])
  assert.equal(keptTable(given), given)
})
