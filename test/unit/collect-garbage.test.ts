import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { runInNewContext } from 'node:vm'
import { collectGarbage } from '../../src/telemetry/collect-garbage.ts'

for (const flavor of ['regular', 'last-resort'] as const) {
  test(`a ${flavor} collection takes what nobody holds, and leaves no function to collect in contexts to come`, async () => {
    const held = new WeakRef({})
    // what a weak reference was made of or asked for stays until the end of the turn
    await setImmediate()
    collectGarbage(flavor)
    assert.equal(held.deref(), undefined)
    assert.equal(runInNewContext('typeof gc'), 'undefined')
  })
}
