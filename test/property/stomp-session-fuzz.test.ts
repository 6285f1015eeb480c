/** Whole sessions of hostile STOMP clients against a real server: it answers the next client, makes no mistake of its own, and forgets them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { loadConfig } from '../../src/config/load.ts'
import { type RunningServer, startServer } from '../../src/server.ts'
import { type Log, silentLog } from '../../src/telemetry/log.ts'
import { Random } from '../../tools/fuzz/frames.ts'
import { stompSession } from '../../tools/fuzz/stomp-frames.ts'
import { StompWire } from '../support/stomp-wire.ts'
import { eventually } from '../support/with-broker.ts'
import { cutAtRandom, WireClient } from '../wire/wire-client.ts'

/** For each property; a busy machine gets through fewer runs. */
const TIME_MS = 10_000
const FLAGS = ['--protocols', 'amqp,stomp', '--stomp-port', '0', '--web-stomp-port', 'none', '--memory']

interface Watched {
  readonly server: RunningServer
  readonly url: string
  readonly mistakes: string[]
}

async function watchedServer(): Promise<Watched> {
  const mistakes: string[] = []
  const log: Log = {
    ...silentLog,
    error: (text, facts) => mistakes.push(`${text} ${String((facts?.['err'] as Error | undefined)?.stack)}`),
    child: () => log,
  }
  const argv = ['--port', '0', '--management-port', '0', '--prometheus-port', 'none', ...FLAGS]
  const server = await startServer(loadConfig({ argv, env: {} }), log)
  return { server, url: server.urls.stomp[0]!, mistakes }
}

/** A new client that sends to itself. */
async function greetAfresh({ url }: Watched): Promise<void> {
  const client = await StompWire.connect(url)
  await client.sendSafely('SUBSCRIBE', { id: 'greeting', destination: '/exchange/amq.headers' })
  await client.send('SEND', { destination: '/exchange/amq.headers' }, 'hello')
  assert.equal((await client.message()).text, 'hello')
  await client.disconnect()
}

async function checkPeace(watched: Watched): Promise<void> {
  assert.deepEqual(watched.mistakes, [])
  await greetAfresh(watched)
  await eventually(() => watched.server.broker.connections.size === 0)
  assert.deepEqual(watched.mistakes, [])
}

async function send({ url }: Watched, bytes: Buffer, seed: number): Promise<void> {
  const client = await WireClient.connect('127.0.0.1', Number(new URL(url).port), cutAtRandom(seed))
  await client.send(bytes)
  client.end()
  await client.untilClosed()
}

test('sessions of sound, damaged and meaningless frames hurt nobody else', { timeout: 110_000 }, async () => {
  const watched = await watchedServer()
  let runs = 0
  try {
    const property = fc.asyncProperty(fc.integer(), async (seed) => {
      const sessions = [0, 1, 2].map((i) => Buffer.concat(stompSession(new Random(seed + i))))
      await Promise.all(sessions.map((bytes) => send(watched, bytes, seed)))
      await checkPeace(watched)
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
  const watched = await watchedServer()
  try {
    const property = fc.asyncProperty(
      fc.uint8Array({ minLength: 1, maxLength: 300 }),
      fc.integer(),
      async (octets, seed) => {
        await send(watched, Buffer.from(octets), seed)
        await checkPeace(watched)
      },
    )
    await fc.assert(property, { numRuns: 200, interruptAfterTimeLimit: TIME_MS, markInterruptAsFailure: false })
  } finally {
    await watched.server.stop('test')
  }
})
