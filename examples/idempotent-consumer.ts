// Delivered at least once, processed once: publishers that send again and consumers that die before their acknowledgement make
// duplicates. The consumer remembers the message ids that it has dealt with; a real one keeps them in the database that it
// writes to, in the same transaction.
//
//   node examples/idempotent-consumer.ts    (AMQP_URL, or amqp://localhost)

import { connect } from 'amqplib'

const queue = 'example.payments'

const connection = await connect(process.env['AMQP_URL'] ?? 'amqp://localhost')
const producer = await connection.createConfirmChannel()
await producer.assertQueue(queue, { durable: true })

const processed = new Set<string>()
let balance = 0

/** Processes until `count` messages have been seen; the last one is not acknowledged when the consumer is to `die`. */
async function consume(count: number, die: boolean): Promise<void> {
  const channel = await connection.createChannel()
  const { promise: enough, resolve } = Promise.withResolvers<void>()
  let seen = 0
  await channel.prefetch(1)
  await channel.consume(queue, (message) => {
    if (message === null) return
    const id = String(message.properties.messageId)
    const what = message.fields.redelivered ? `${id} (redelivered)` : id
    if (processed.has(id)) {
      console.log(`${what}: known, ignored`)
    } else {
      balance += Number(message.content.toString())
      processed.add(id)
      console.log(`${what}: balance is ${balance}`)
    }
    if (++seen < count || !die) channel.ack(message)
    if (seen === count) resolve()
  })
  await enough
  await channel.close()
}

for (const id of ['payment-1', 'payment-1', 'payment-2', 'payment-3']) {
  producer.sendToQueue(queue, Buffer.from('10'), { messageId: id, persistent: true })
}
await producer.waitForConfirms()

await consume(3, true)
console.log('the consumer dies before it acknowledges payment-2')
await consume(2, false)
console.log(`final balance: ${balance}`)

await producer.deleteQueue(queue)
await connection.close()
