import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { type Channel, connect, type ConfirmChannel, type Options } from 'amqplib'
import { startWarren, temporaryFolder } from '../support/warren-process.ts'

// The broker is killed while messages come in, and all of them are sent again, confirmed or not: each is there once.

const MESSAGES = 6000
const KILLS = 3

interface Case {
  readonly title: string
  readonly queue: Record<string, unknown>
  readonly exchange: { readonly type: string; readonly args: Record<string, unknown> }
  readonly headers: (number: number) => Record<string, unknown>
}

const byValue = (number: number): Record<string, unknown> => ({ 'x-deduplication-header': `order ${number}` })
const byNumber = (number: number): Record<string, unknown> => ({
  'x-publisher-name': 'the only one',
  'x-publishing-id': number,
})
const PLAIN = { type: 'fanout', args: {} }
const VALUES = { 'x-message-deduplication': true, 'x-cache-size': MESSAGES }
const QUORUM = { 'x-queue-type': 'quorum' }

const CASES: readonly Case[] = [
  { title: 'a queue and what is in it', queue: { 'x-message-deduplication': true }, exchange: PLAIN, headers: byValue },
  { title: 'a queue with a cache', queue: VALUES, exchange: PLAIN, headers: byValue },
  { title: 'a quorum queue with a cache', queue: { ...VALUES, ...QUORUM }, exchange: PLAIN, headers: byValue },
  {
    title: 'the exchange type of the plugin',
    queue: {},
    exchange: { type: 'x-message-deduplication', args: { 'x-cache-size': MESSAGES } },
    headers: byValue,
  },
  {
    title: 'a queue, by the numbers of the publisher',
    queue: { 'x-publisher-deduplication': true },
    exchange: PLAIN,
    headers: byNumber,
  },
  {
    title: 'an exchange, by the numbers of the publisher',
    queue: {},
    exchange: { type: 'fanout', args: { 'x-publisher-deduplication': true } },
    headers: byNumber,
  },
]

async function declare(channel: Channel, { queue, exchange }: Case): Promise<void> {
  await channel.assertQueue('q', { durable: true, arguments: queue })
  await channel.assertExchange('x', exchange.type, { durable: true, arguments: exchange.args })
  await channel.bindQueue('q', 'x', '')
}

/** Sends messages 1 to `count`; calls `onConfirm` for each that is confirmed. It ends with the connection, or with the last confirm. */
async function sendAll(channel: ConfirmChannel, given: Case, count: number, onConfirm: () => void): Promise<void> {
  const { promise: closed, resolve } = Promise.withResolvers<void>()
  channel.on('close', resolve)
  channel.on('error', () => {})
  let confirmed = 0
  const { promise: done, resolve: finish } = Promise.withResolvers<void>()
  for (let number = 1; number <= count; number++) {
    const options: Options.Publish = { persistent: true, headers: given.headers(number) }
    channel.publish('x', '', Buffer.from(String(number)), options, (error: unknown) => {
      if (error !== null && error !== undefined) return
      onConfirm()
      if (++confirmed === count) finish()
    })
  }
  await Promise.race([done, closed])
}

async function drain(channel: Channel): Promise<string[]> {
  const bodies: string[] = []
  for (let got = await channel.get('q'); got !== false; got = await channel.get('q')) {
    bodies.push(got.content.toString())
    channel.ack(got)
  }
  return bodies
}

async function run(t: TestContext, given: Case): Promise<void> {
  const dataDir = temporaryFolder(t)
  for (let kill = 1; kill <= KILLS; kill++) {
    const warren = await startWarren(t, ['--data-dir', dataDir])
    const connection = await connect(`amqp://guest:guest@localhost:${warren.port()}`, { noDelay: true })
    connection.on('error', () => {})
    const channel = await connection.createConfirmChannel()
    await declare(channel, given)
    let confirmed = 0
    // those of the last round, and as many new ones, in the midst of which the end comes
    const count = (MESSAGES * kill) / KILLS
    const killAt = Math.floor(count - MESSAGES / KILLS / 2)
    await sendAll(channel, given, count, () => {
      if (++confirmed === killAt) warren.kill('SIGKILL')
    })
    assert.equal((await warren.exited).signal, 'SIGKILL')
  }
  const warren = await startWarren(t, ['--data-dir', dataDir])
  const connection = await connect(`amqp://guest:guest@localhost:${warren.port()}`, { noDelay: true })
  const channel = await connection.createConfirmChannel()
  await declare(channel, given)
  await sendAll(channel, given, MESSAGES, () => {})
  const bodies = await drain(channel)
  assert.deepEqual(
    bodies.map(Number).toSorted((a, b) => a - b),
    Array.from({ length: MESSAGES }, (_, i) => i + 1),
  )
  await connection.close()
  await warren.stop()
}

for (const given of CASES)
  test(`sent again after each kill, each message is there once: ${given.title}`, (t) => run(t, given))

test('what was consumed before is remembered after a clean stop, too', async (t) => {
  const dataDir = temporaryFolder(t)
  const given = CASES[1]!
  for (let start = 0; start < 3; start++) {
    const warren = await startWarren(t, ['--data-dir', dataDir])
    const connection = await connect(`amqp://guest:guest@localhost:${warren.port()}`, { noDelay: true })
    const channel = await connection.createConfirmChannel()
    await declare(channel, given)
    await sendAll(channel, given, MESSAGES, () => {})
    assert.equal((await drain(channel)).length, start === 0 ? MESSAGES : 0)
    await connection.close()
    await warren.stop()
  }
})
