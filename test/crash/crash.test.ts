import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { knownFlags } from './broker-process.ts'
import type { Ending } from './ledger.ts'
import { ENDINGS, runCrashRounds } from './rounds.ts'

// A few rounds of what `npm run crash` does for longer: clients work, the broker is killed, and what it has afterwards is compared with
// what it promised. The seed is printed; `npm run crash -- --seed N` plays the same choices again, though not the same moments.

const ROUNDS = 5
const TIMEOUT_MS = 110_000

/** Whether this version keeps messages on disk. */
const durable = (await knownFlags()).has('--message-memory')

interface Rounds {
  readonly rounds: number
  readonly endings: readonly Ending[]
  readonly flags?: readonly string[]
}

async function mistakesOf(t: TestContext, { rounds, endings, flags = [] }: Rounds): Promise<readonly string[]> {
  const seed = Math.floor(Math.random() * 0x7fff_ffff)
  return runCrashRounds({ rounds, endings, flags, seed, keep: false, print: (line) => t.diagnostic(line) })
}

describe('a broker that is killed and stopped again and again', { timeout: TIMEOUT_MS }, () => {
  test(
    'keeps what it has confirmed, and nothing else',
    { skip: durable ? false : 'messages are in memory' },
    async (t) => {
      assert.deepEqual(await mistakesOf(t, { rounds: ROUNDS, endings: ENDINGS }), [])
    },
  )

  test('would be found out if it kept messages in memory', async (t) => {
    for (const ending of ['killed', 'quiet'] as const) {
      const mistakes = await mistakesOf(t, { rounds: 3, endings: [ending], flags: ['--memory'] })
      assert.match(mistakes.join('\n'), /lost, though it was confirmed/)
    }
  })
})

describe('a broker whose clients leave all at once', { timeout: TIMEOUT_MS }, () => {
  test('has what they left', async (t) => {
    assert.deepEqual(await mistakesOf(t, { rounds: 3, endings: ['closed'] }), [])
  })
})
