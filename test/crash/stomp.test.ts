import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runStompCrashRounds } from './stomp/rounds.ts'

// A few rounds of what `npm run crash -- --protocol stomp` does for longer. The seed is printed.

test(
  'messages with receipts, transactions and durable subscriptions of STOMP outlive a broker that is killed',
  { timeout: 110_000 },
  async (t) => {
    const seed = Math.floor(Math.random() * 0x7fff_ffff)
    const mistakes = await runStompCrashRounds({ rounds: 2, seed, flags: [], print: (line) => t.diagnostic(line) })
    assert.deepEqual(mistakes, [])
  },
)
