// Retries by hand: a failed message goes to a waiting queue with a higher count in its header, comes back when its time there
// is over, and ends in a dead-letter queue after the last attempt.
//
//   work ── failed ──▶ wait (TTL) ── expired ──▶ work … ── failed too often ──▶ dead
//
//   node examples/retry.ts          (AMQP_URL, or amqp://localhost)

import { type ConsumeMessage, connect } from 'amqplib'

const work = 'example.retry.work'
const wait = 'example.retry.wait'
const dead = 'example.retry.dead'
const ATTEMPTS_MAX = 3

const connection = await connect(process.env['AMQP_URL'] ?? 'amqp://localhost')
const channel = await connection.createConfirmChannel()
await channel.assertQueue(work, { deadLetterExchange: '', deadLetterRoutingKey: dead })
await channel.assertQueue(wait, { deadLetterExchange: '', deadLetterRoutingKey: work, messageTtl: 100 })
await channel.assertQueue(dead)

const { promise: oneIsDead, resolve } = Promise.withResolvers<string>()
const attemptOf = (message: ConsumeMessage): number => Number(message.properties.headers?.['x-attempt'] ?? 1)

function handle(task: string, attempt: number): void {
  if (task === 'flaky task' && attempt > 1) return
  if (task !== 'good task') throw new Error('the service is down')
}

async function attemptTask(message: ConsumeMessage): Promise<void> {
  const task = message.content.toString()
  const attempt = attemptOf(message)
  try {
    handle(task, attempt)
    console.log(`${task}: done at attempt ${attempt}`)
    channel.ack(message)
  } catch (error) {
    console.log(`${task}: attempt ${attempt} failed, ${(error as Error).message}`)
    if (attempt === ATTEMPTS_MAX) {
      channel.nack(message, false, false)
      return
    }
    const headers = { ...message.properties.headers, 'x-attempt': attempt + 1 }
    channel.sendToQueue(wait, message.content, { ...message.properties, headers, persistent: true })
    // only when the copy is safe: a crash in between makes a duplicate, not a loss
    await channel.waitForConfirms()
    channel.ack(message)
  }
}

await channel.prefetch(10)
await channel.consume(work, (message) => {
  if (message !== null) void attemptTask(message)
})
await channel.consume(dead, (message) => {
  if (message === null) return
  channel.ack(message)
  resolve(`${message.content.toString()}: dead after ${attemptOf(message)} attempts`)
})

for (const task of ['good task', 'flaky task', 'hopeless task']) {
  channel.sendToQueue(work, Buffer.from(task), { persistent: true })
}
console.log(await oneIsDead)

for (const queue of [work, wait, dead]) await channel.deleteQueue(queue)
await connection.close()
