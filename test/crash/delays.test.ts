import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ConfirmChannel, connect } from 'amqplib'
import { Random } from '../../tools/fuzz/frames.ts'
import { BrokerRunner } from './broker-process.ts'

const ROUNDS = Number(process.env['CRASH_ROUNDS'] ?? 5)
const SEED = Number(process.env['CRASH_SEED'] ?? Date.now() % 0x7fff_ffff)
const LIFE_MS = 600
const DELAY_MAX_MS = 2500

/** What was published, by its id: when it is due, and whether it was confirmed. */
type Sent = Map<string, { readonly dueAt: number; confirmed: boolean }>

/** Publishes until the broker is gone, each message with a due time of its own. */
async function publish(channel: ConfirmChannel, random: Random, round: number, sent: Sent): Promise<void> {
  let isOver = false
  channel.on('close', () => (isOver = true))
  for (let i = 0; !isOver; i++) {
    const id = `${round}-${i}`
    // the first ones of all are due long after the last crash
    const dueAt = Date.now() + 200 + random.below(i % 10 === 0 ? ROUNDS * DELAY_MAX_MS : DELAY_MAX_MS)
    const message = { dueAt, confirmed: false }
    sent.set(id, message)
    const options = { persistent: true, messageId: id, headers: { 'x-deliver-at': dueAt } }
    const [exchange, key] = i % 2 === 0 ? ['late', 'k'] : ['', 'late']
    try {
      channel.publish(exchange, key, Buffer.from(id), options, (error) => (message.confirmed = error === null))
    } catch {
      return // the channel is closed, and says so later
    }
    if (i % 8 === 0) await sleep(1)
  }
}

async function open(port: number): Promise<ConfirmChannel> {
  const connection = await connect(`amqp://127.0.0.1:${port}`)
  connection.on('error', () => {})
  const channel = await connection.createConfirmChannel()
  channel.on('error', () => {})
  await channel.assertExchange('late', 'x-delayed-message', { arguments: { 'x-delayed-type': 'direct' } })
  await channel.assertQueue('by-exchange')
  await channel.bindQueue('by-exchange', 'late', 'k')
  await channel.assertQueue('late', { arguments: { 'x-delayed-message': true } })
  return channel
}

/** Everything that comes until all that was confirmed is there. */
async function consume(channel: ConfirmChannel, sent: Sent): Promise<Map<string, { id: string; at: number }[]>> {
  const found = new Map<string, { id: string; at: number }[]>()
  const missing = new Set([...sent].filter(([, { confirmed }]) => confirmed).map(([id]) => id))
  const last = Math.max(...[...sent.values()].map(({ dueAt }) => dueAt))
  for (const queue of ['by-exchange', 'late']) {
    const own: { id: string; at: number }[] = []
    found.set(queue, own)
    await channel.consume(
      queue,
      (message) => {
        const id = String(message!.properties.messageId)
        own.push({ id, at: Date.now() })
        missing.delete(id)
      },
      { noAck: true },
    )
  }
  const deadline = last + 20_000
  while ((missing.size > 0 || Date.now() < last + 500) && Date.now() < deadline) await sleep(20)
  assert.deepEqual([...missing], [], 'confirmed, and never delivered')
  return found
}

test(`delayed messages outlive their broker, once and in order (seed ${SEED})`, { timeout: 300_000 }, async () => {
  const random = new Random(SEED)
  const runner = await BrokerRunner.create()
  const sent: Sent = new Map()
  try {
    for (let round = 1; round <= ROUNDS; round++) {
      const flags = random.once(2) ? ['--message-memory', '100KB'] : []
      const channel = await open((await runner.start(flags)).port())
      const publishing = publish(channel, random, round, sent)
      await sleep(50 + random.below(LIFE_MS))
      await runner.stop('SIGKILL')
      await publishing
    }
    const channel = await open((await runner.start([])).port())
    for (const [queue, messages] of await consume(channel, sent)) {
      const ids = messages.map(({ id }) => id)
      assert.equal(new Set(ids).size, ids.length, `${queue}: each comes once`)
      for (const { id, at } of messages) assert.ok(at >= sent.get(id)!.dueAt, `${queue}: ${id} came too early`)
      const due = ids.map((id) => sent.get(id)!.dueAt)
      for (let i = 1; i < due.length; i++) {
        assert.ok(
          due[i]! >= due[i - 1]!,
          `${queue}: ${ids[i - 1]} before ${ids[i]}, which was due ${due[i - 1]! - due[i]!} ms earlier`,
        )
      }
    }
    assert.ok([...sent.values()].filter(({ confirmed }) => confirmed).length > ROUNDS * 10, 'something was confirmed')
    await channel.close()
  } finally {
    runner.destroy(false)
  }
})
