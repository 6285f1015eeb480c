import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ConfirmChannel, connect, type ConsumeMessage } from 'amqplib'
import { BrokerRunner, within } from './broker-process.ts'

const MESSAGES = 60
const BODY_BYTES = 1000
const BACK_OFF_MS = 700
const ASKED_MS = 3000
const WITHIN_MS = 30_000

type Fate = 'returned' | 'rejected' | 'out'
const FATES: readonly Fate[] = ['returned', 'rejected', 'out']

async function open(runner: BrokerRunner, type: string): Promise<ConfirmChannel> {
  const connection = await connect(`amqp://127.0.0.1:${runner.process!.port()}`)
  connection.on('error', () => {})
  const channel = await connection.createConfirmChannel()
  channel.on('error', () => {})
  const args = { 'x-queue-type': type, 'x-retry-initial-delay': BACK_OFF_MS, 'x-retry-multiplier': 1 }
  await channel.assertQueue('retries', { arguments: args })
  return channel
}

/** Calls `handle` with so many deliveries. */
async function consume(
  channel: ConfirmChannel,
  count: number,
  handle: (message: ConsumeMessage) => void,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  let seen = 0
  await channel.consume('retries', (message) => {
    handle(message!)
    if (++seen === count) resolve()
  })
  await within(WITHIN_MS, `${count} deliveries`, promise)
}

/** Gives back what it gets in the way that each is to, and returns when all of that is on disk: when it is due, by id. */
async function fail(channel: ConfirmChannel): Promise<Map<string, { fate: Fate; dueAt: number }>> {
  const fates = new Map<string, { fate: Fate; dueAt: number }>()
  for (let i = 0; i < MESSAGES; i++) {
    channel.sendToQueue('retries', Buffer.alloc(BODY_BYTES), { persistent: true, messageId: String(i) })
  }
  await channel.waitForConfirms()
  await consume(channel, MESSAGES, (message) => {
    const id = String(message.properties.messageId)
    const fate = FATES[Number(id) % FATES.length]!
    const rest = fate === 'out' ? 0 : fate === 'rejected' ? ASKED_MS : BACK_OFF_MS
    if (fate === 'rejected') {
      const headers = { 'x-delivery-tag': message.fields.deliveryTag, 'x-retry-delay': ASKED_MS }
      channel.publish('', 'amq.retry', Buffer.alloc(0), { headers })
      channel.reject(message, true)
    } else if (fate === 'returned') channel.nack(message)
    fates.set(id, { fate, dueAt: Date.now() + rest })
  })
  // the log commits in order: when this is confirmed, what came back before is on disk
  await channel.assertQueue('marker')
  channel.sendToQueue('marker', Buffer.from('x'), { persistent: true })
  await channel.waitForConfirms()
  return fates
}

const SURROUNDINGS: readonly (readonly [type: string, memory: string, flags: readonly string[]])[] = [
  ['classic', 'memory to spare', []],
  ['quorum', 'memory to spare', []],
  ['classic', 'little memory', ['--message-memory', '20KB']],
  ['quorum', 'little memory', ['--message-memory', '20KB']],
]

for (const [type, memory, flags] of SURROUNDINGS) {
  test(`${type}, ${memory}: pauses, counts and reasons outlive a kill`, { timeout: 120_000 }, async () => {
    const runner = await BrokerRunner.create()
    try {
      await runner.start(flags)
      const fates = await fail(await open(runner, type))
      await runner.stop('SIGKILL')
      await runner.start(flags)
      const channel = await open(runner, type)
      const found: string[] = []
      await consume(channel, MESSAGES, (message) => {
        const id = String(message.properties.messageId)
        const { fate, dueAt } = fates.get(id)!
        const { 'x-retry-count': count, 'x-last-retry-reason': reason } = message.properties.headers!
        assert.deepEqual([count, reason], fate === 'out' ? [undefined, undefined] : [1, fate], id)
        assert.ok(message.fields.redelivered, id)
        // the broker and this process read the same clock, each cut to whole milliseconds
        assert.ok(Date.now() >= dueAt - 1, `${id} came ${dueAt - Date.now()} ms too early`)
        found.push(id)
        channel.ack(message)
      })
      assert.equal(new Set(found).size, MESSAGES)
      assert.deepEqual([...found].sort(), [...fates.keys()].sort())
    } finally {
      runner.destroy(false)
    }
  })
}
