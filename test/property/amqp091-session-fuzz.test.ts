/** Whole sessions of hostile clients against a real server: it answers the next client, makes no mistake of its own, and forgets them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import amqp from 'amqplib'
import fc from 'fast-check'
import { encodeMethodFrame } from '../../src/protocols/amqp091/wire/frames.ts'
import { playSession } from '../../tools/fuzz/session.ts'
import { anyMethod, METHOD_CASES, plainTable } from './amqp091-arbitraries.ts'
import { checkPeace, sendAll, type Watched, watchedServer } from './watched-server.ts'

/** For each of the two properties; a busy machine gets through fewer runs. */
const TIME_MS = 8_000

const portOf = ({ server }: Watched): number => Number(new URL(server.urls.amqp[0]!).port)

async function greetAfresh(watched: Watched): Promise<void> {
  const connection = await amqp.connect(`amqp://guest:guest@127.0.0.1:${portOf(watched)}`, { noDelay: true })
  const channel = await connection.createChannel()
  const { queue } = await channel.assertQueue('', { exclusive: true })
  channel.sendToQueue(queue, Buffer.from('hello'))
  const message = await channel.get(queue, { noAck: true })
  assert.equal(message === false ? null : message.content.toString(), 'hello')
  await connection.close()
}

const peace = (watched: Watched): Promise<void> => checkPeace(watched, () => greetAfresh(watched))

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
  const watched = await watchedServer(['--protocols', 'amqp'])
  let runs = 0
  try {
    const property = fc.asyncProperty(fc.array(hostile, { maxLength: 12 }), fc.integer(), async (frames, seed) => {
      await sendAll(portOf(watched), Buffer.concat([...opening, ...frames]), seed)
      await peace(watched)
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
  const watched = await watchedServer(['--protocols', 'amqp'])
  try {
    const target = { port: portOf(watched), vhost: '/' }
    const property = fc.asyncProperty(fc.integer(), async (seed) => {
      await Promise.all([playSession(target, seed), playSession(target, seed + 1)])
      await peace(watched)
    })
    await fc.assert(property, { numRuns: 150, interruptAfterTimeLimit: TIME_MS, markInterruptAsFailure: false })
  } finally {
    await watched.server.stop('test')
  }
})
