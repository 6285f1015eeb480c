/** Whole sessions of hostile MQTT clients against a real server: it answers the next client, makes no mistake of its own, and forgets them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { loadConfig } from '../../src/config/load.ts'
import { type RunningServer, startServer } from '../../src/server.ts'
import { type Log, silentLog } from '../../src/telemetry/log.ts'
import { Random } from '../../tools/fuzz/frames.ts'
import { mqttSession } from '../../tools/fuzz/mqtt-packets.ts'
import { RawClient } from '../crash/mqtt/raw-client.ts'
import { eventually } from '../support/with-broker.ts'
import { cutAtRandom, WireClient } from '../wire/wire-client.ts'

/** For each property; a busy machine gets through fewer runs. */
const TIME_MS = 10_000
const FLAGS = ['--protocols', 'amqp,mqtt', '--mqtt-port', '0', '--web-mqtt-port', 'none', '--memory']

interface Watched {
  readonly server: RunningServer
  readonly port: number
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
  return { server, port: Number(new URL(server.urls.mqtt[0]!).port), mistakes }
}

/** A new client that publishes to itself. */
async function greetAfresh({ port, mistakes }: Watched): Promise<void> {
  let got = ''
  const client = await RawClient.connect({
    port,
    state: null,
    version: 5,
    onMessage: ({ payload }) => (got = payload.toString()),
    complain: (text) => mistakes.push(text),
  })
  assert.ok(client !== null, 'a new client is let in')
  assert.ok(await client.subscribe('greeting', 1))
  client.publish({ topic: 'greeting', qos: 1, retain: false, payload: 'hello' }, () => {})
  assert.ok(await client.until(() => got !== ''))
  assert.equal(got, 'hello')
  await client.cut()
}

async function checkPeace(watched: Watched): Promise<void> {
  assert.deepEqual(watched.mistakes, [])
  await greetAfresh(watched)
  await eventually(() => watched.server.broker.connections.size === 0)
  assert.deepEqual(watched.mistakes, [])
}

async function send({ port }: Watched, bytes: Buffer, seed: number): Promise<void> {
  const client = await WireClient.connect('127.0.0.1', port, cutAtRandom(seed))
  await client.send(bytes)
  client.end()
  await client.untilClosed()
}

test('sessions of sound, damaged and meaningless packets hurt nobody else', { timeout: 110_000 }, async () => {
  const watched = await watchedServer()
  let runs = 0
  try {
    const property = fc.asyncProperty(fc.integer(), async (seed) => {
      const sessions = [0, 1, 2].map((i) => Buffer.concat(mqttSession(new Random(seed + i))))
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
