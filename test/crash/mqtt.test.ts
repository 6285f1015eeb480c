import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runMqttCrashRounds } from './mqtt/rounds.ts'

// A few rounds of what `npm run crash -- --protocol mqtt` does for longer. The seed is printed.

test(
  'MQTT sessions, QoS 1 and 2, and retained messages outlive a broker that is killed',
  { timeout: 110_000 },
  async (t) => {
    const seed = Math.floor(Math.random() * 0x7fff_ffff)
    const mistakes = await runMqttCrashRounds({ rounds: 3, seed, flags: [], print: (line) => t.diagnostic(line) })
    assert.deepEqual(mistakes, [])
  },
)
