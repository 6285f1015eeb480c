import assert from 'node:assert/strict'
import { test } from 'node:test'
import { giveBackAfterStart } from '../../src/telemetry/idle-memory.ts'

test('memory is given back once, and not while somebody is connected', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const collected: string[] = []
  for (const [name, isIdle] of [['idle', true] as const, ['busy', false] as const]) {
    giveBackAfterStart(
      () => isIdle,
      () => collected.push(name),
    )
  }
  assert.deepEqual(collected, [])
  t.mock.timers.tick(1_000)
  assert.deepEqual(collected, ['idle'])
  t.mock.timers.tick(60_000)
  assert.deepEqual(collected, ['idle'])
})
