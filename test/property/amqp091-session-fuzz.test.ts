/** Whole sessions of hostile clients against a real server: it answers the next client, makes no mistake of its own, and forgets them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import amqp from 'amqplib'
import fc from 'fast-check'
import { loadConfig } from '../../src/config/load.ts'
import { encodeMethodFrame } from '../../src/protocols/amqp091/wire/frames.ts'
import { type RunningServer, startServer } from '../../src/server.ts'
import { type Log, silentLog } from '../../src/telemetry/log.ts'
import { playSession } from '../../tools/fuzz/session.ts'
import { eventually } from '../support/with-broker.ts'
import { cutAtRandom, WireClient } from '../wire/wire-client.ts'
import { anyMethod, METHOD_CASES, plainTable } from './amqp091-arbitraries.ts'

/** For each of the two properties; a busy machine gets through fewer runs. */
const TIME_MS = 8_000

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
  const config = loadConfig({
    argv: ['--port', '0', '--management-port', '0', '--prometheus-port', 'none', '--memory'],
    env: { WARREN_PROTOCOLS: 'amqp' },
  })
  const server = await startServer(config, log)
  return { server, port: Number(new URL(server.urls.amqp[0]!).port), mistakes }
}

async function greetAfresh({ port }: Watched): Promise<void> {
  const connection = await amqp.connect(`amqp://guest:guest@127.0.0.1:${port}`, { noDelay: true })
  const channel = await connection.createChannel()
  const { queue } = await channel.assertQueue('', { exclusive: true })
  channel.sendToQueue(queue, Buffer.from('hello'))
  const message = await channel.get(queue, { noAck: true })
  assert.equal(message === false ? null : message.content.toString(), 'hello')
  await connection.close()
}

async function checkPeace(watched: Watched): Promise<void> {
  assert.deepEqual(watched.mistakes, [])
  await greetAfresh(watched)
  await eventually(() => watched.server.broker.connections.size === 0)
}

/** Sends everything, cut as the seed says, and waits until the broker has taken or refused it. */
async function sendAll({ port }: Watched, frames: readonly Buffer[], seed: number): Promise<void> {
  const client = await WireClient.connect('127.0.0.1', port, cutAtRandom(seed))
  await client.send(Buffer.concat(frames))
  client.end()
  await client.untilClosed()
}

const END = Buffer.of(0xce)

/** A handshake, and channels 1 and 2. */
const opening = [
  Buffer.from('AMQP\0\0\x09\x01', 'latin1'),
  Buffer.from(
    '01000000000024000a000b0000000005504c41494e0000000c006775657374006775657374 05656e5f5553ce'.replaceAll(' ', ''),
    'hex',
  ),
  Buffer.from('0100000000000c000a001f07ff000200000000ce', 'hex'),
  Buffer.from('01000000000008000a0028012f0000ce', 'hex'),
  Buffer.from('010001000000050014000a00ce', 'hex'),
  Buffer.from('010002000000050014000a00ce', 'hex'),
]

const hostile: fc.Arbitrary<Buffer> = fc
  .record({
    number: fc.integer({ min: 0, max: 3 }),
    method: fc.option(fc.oneof(...METHOD_CASES.map((methodCase) => anyMethod(methodCase, plainTable))), { freq: 4 }),
    octets: fc.uint8Array({ maxLength: 40 }),
    kind: fc.integer({ min: 0, max: 9 }),
  })
  .map(({ number, method, octets, kind }) => {
    if (method === null) return Buffer.concat([Buffer.of(kind, 0, number, 0, 0, 0, octets.length), octets, END])
    const bytes = encodeMethodFrame(number, method)
    // sometimes with octets behind it that should not be there
    return kind === 0 ? Buffer.concat([bytes, octets]) : bytes
  })

test('any methods of any values, in any order, hurt nobody else', { timeout: 110_000 }, async () => {
  const watched = await watchedServer()
  let runs = 0
  try {
    const property = fc.asyncProperty(fc.array(hostile, { maxLength: 12 }), fc.integer(), async (frames, seed) => {
      await sendAll(watched, [...opening, ...frames], seed)
      await checkPeace(watched)
      runs++
    })
    await fc.assert(property, { numRuns: 300, interruptAfterTimeLimit: TIME_MS, markInterruptAsFailure: false })
    assert.ok(runs > 0)
    const { connectionsOpened } = watched.server.broker.counters
    assert.ok(connectionsOpened >= 2 * runs, 'both the hostile client and the one after it get in')
  } finally {
    await watched.server.stop('test')
  }
})

test('long sessions of mostly sound frames hurt nobody else', { timeout: 110_000 }, async () => {
  const watched = await watchedServer()
  try {
    const target = { port: watched.port, vhost: '/' }
    const property = fc.asyncProperty(fc.integer(), async (seed) => {
      await Promise.all([playSession(target, seed), playSession(target, seed + 1)])
      await checkPeace(watched)
    })
    await fc.assert(property, { numRuns: 150, interruptAfterTimeLimit: TIME_MS, markInterruptAsFailure: false })
  } finally {
    await watched.server.stop('test')
  }
})
