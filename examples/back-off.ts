// Retries that the queue makes by itself: what fails comes back after a pause that doubles each time, and goes to a dead-letter queue
// after the last attempt. A consumer that knows how long to wait says so. For WarrenMQ; retry.ts does it by hand, on any broker.
//
//   node examples/back-off.ts       (AMQP_URL, or amqp://localhost)

import { type ConsumeMessage, connect } from 'amqplib'

const work = 'example.back-off.work'
const dead = 'example.back-off.dead'

const connection = await connect(process.env['AMQP_URL'] ?? 'amqp://localhost')
const channel = await connection.createChannel()
await channel.assertQueue(dead)
await channel.assertQueue(work, {
  deadLetterExchange: '',
  deadLetterRoutingKey: dead,
  arguments: { 'x-retry-max-attempts': 3, 'x-retry-initial-delay': 100 },
})

/** Gives a delivery back for a pause of its own: the next one alone is meant by it. */
function retryAfter(message: ConsumeMessage, delayMs: number): void {
  const headers = { 'x-delivery-tag': message.fields.deliveryTag, 'x-retry-delay': delayMs }
  channel.publish('', 'amq.retry', Buffer.alloc(0), { headers })
  channel.nack(message)
}

function attempt(message: ConsumeMessage): void {
  const task = message.content.toString()
  const failures = Number(message.properties.headers?.['x-retry-count'] ?? 0)
  if (task === 'good task' || (failures > 0 && task !== 'hopeless task')) {
    console.log(`${task}: done at attempt ${failures + 1}`)
    channel.ack(message)
  } else if (task === 'limited task') {
    console.log(`${task}: too many requests, to be tried again in 50 ms`)
    retryAfter(message, 50)
  } else {
    console.log(`${task}: attempt ${failures + 1} failed`)
    channel.nack(message)
  }
}

await channel.consume(work, (message) => {
  if (message !== null) attempt(message)
})

const { promise: oneIsDead, resolve } = Promise.withResolvers<string>()
await channel.consume(dead, (message) => {
  if (message === null) return
  const deaths = message.properties.headers?.['x-death'] as Record<string, unknown>[] | undefined
  channel.ack(message)
  resolve(`${message.content.toString()}: dead after ${String(deaths?.[0]?.['retry-count'])} attempts`)
})

for (const task of ['good task', 'flaky task', 'limited task', 'hopeless task']) {
  channel.sendToQueue(work, Buffer.from(task), { persistent: true })
}
console.log(await oneIsDead)

for (const queue of [work, dead]) await channel.deleteQueue(queue)
await connection.close()
