import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Random } from '../../tools/fuzz/frames.ts'
import { checkPeace, sendAll, type Watched, watchedServer } from './watched-server.ts'

/** For each property; a busy machine gets through fewer runs. */
const TIME_MS = 10_000

/** A protocol besides AMQP, and how its clients misbehave. */
export interface FuzzedProtocol {
  /** As on the command line. */
  readonly flags: readonly string[]
  /** What it calls its units: frames, packets. */
  readonly units: string
  readonly portOf: (watched: Watched) => number
  /** The octets of one hostile session. */
  readonly session: (random: Random) => readonly Buffer[]
  /** A new client that sends something to itself. */
  readonly greetAfresh: (watched: Watched) => Promise<void>
}

export function testHostileSessions({ flags, units, portOf, session, greetAfresh }: FuzzedProtocol): void {
  const peace = (watched: Watched): Promise<void> => checkPeace(watched, () => greetAfresh(watched))

  test(`sessions of sound, damaged and meaningless ${units} hurt nobody else`, { timeout: 110_000 }, async () => {
    const watched = await watchedServer(flags)
    let runs = 0
    try {
      const property = fc.asyncProperty(fc.integer(), async (seed) => {
        const sessions = [0, 1, 2].map((i) => Buffer.concat(session(new Random(seed + i))))
        await Promise.all(sessions.map((bytes) => sendAll(portOf(watched), bytes, seed)))
        await peace(watched)
        runs++
      })
      await fc.assert(property, { numRuns: 400, interruptAfterTimeLimit: TIME_MS, markInterruptAsFailure: false })
      assert.ok(runs > 0)
      assert.ok(watched.server.broker.counters.connectionsOpened > runs, 'hostile clients get in')
    } finally {
      await watched.server.stop('test')
    }
  })

  test('octets hurt nobody', { timeout: 110_000 }, async () => {
    const watched = await watchedServer(flags)
    try {
      const property = fc.asyncProperty(
        fc.uint8Array({ minLength: 1, maxLength: 300 }),
        fc.integer(),
        async (octets, seed) => {
          await sendAll(portOf(watched), Buffer.from(octets), seed)
          await peace(watched)
        },
      )
      await fc.assert(property, { numRuns: 200, interruptAfterTimeLimit: TIME_MS, markInterruptAsFailure: false })
    } finally {
      await watched.server.stop('test')
    }
  })
}
