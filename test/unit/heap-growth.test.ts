import assert from 'node:assert/strict'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { test } from 'node:test'
import { adaptHeapGrowth, growthOf } from '../../src/telemetry/heap-growth.ts'

const MB = 1024 * 1024

test('a small heap may grow by more than a large one', () => {
  assert.deepEqual([10 * MB, 63 * MB, 64 * MB, 900 * MB].map(growthOf), [150, 150, 70, 70])
})

test('the growth is set after a full collection, and not before', async (t) => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as (options: { type: 'minor' | 'major'; execution: 'sync' }) => void
  setFlagsFromString('--no-expose-gc')
  const { promise, resolve } = Promise.withResolvers<number>()
  const set: number[] = []
  const end = adaptHeapGrowth((percent) => {
    set.push(percent)
    resolve(percent)
  })
  t.after(end)
  collect({ type: 'minor', execution: 'sync' })
  collect({ type: 'major', execution: 'sync' })
  // this process holds less than 64 MB
  assert.equal(await promise, 150)
  assert.deepEqual(set, [150])
})
