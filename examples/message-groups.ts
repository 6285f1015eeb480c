// What belongs together in order, all else in parallel: in a queue with x-message-groups a customer's next message is delivered when the
// last one has been acknowledged, to whichever worker is free. A payment that fails and is tried again holds up its customer only.
//
//   node examples/message-groups.ts     (AMQP_URL, or amqp://localhost; a queue argument that RabbitMQ does not know)

import { setTimeout as sleep } from 'node:timers/promises'
import { type ConsumeMessage, connect } from 'amqplib'

const queue = 'example.message-groups'
const customers = ['Ann', 'Bob', 'Cleo']
const steps = ['ordered', 'paid', 'shipped']

const connection = await connect(process.env['AMQP_URL'] ?? 'amqp://localhost')
const producer = await connection.createConfirmChannel()
await producer.assertQueue(queue, { arguments: { 'x-message-groups': true } })

const seen = new Map<string, string[]>(customers.map((customer) => [customer, []]))
const { promise: allDone, resolve: finish } = Promise.withResolvers<void>()
let left = customers.length * steps.length

async function startWorker(): Promise<void> {
  const channel = await connection.createChannel()
  const work = async (message: ConsumeMessage): Promise<void> => {
    const step = message.content.toString()
    const customer = String(message.properties.headers!['x-message-group'])
    await sleep(20) // the work
    if (customer === 'Bob' && step === 'paid' && !message.fields.redelivered) {
      channel.nack(message) // it fails, and will be the next one of Bob's again
      return
    }
    seen.get(customer)!.push(step)
    channel.ack(message)
    if (--left === 0) finish()
  }
  await channel.prefetch(1)
  await channel.consume(queue, (message) => {
    if (message !== null) void work(message)
  })
}

for (let i = 0; i < 3; i++) await startWorker()
for (const step of steps) {
  for (const customer of customers) {
    producer.sendToQueue(queue, Buffer.from(step), { persistent: true, headers: { 'x-message-group': customer } })
  }
}
await producer.waitForConfirms()

await allDone
for (const [customer, done] of seen) console.log(`${customer}: ${done.join(', ')}`)
await producer.deleteQueue(queue)
await connection.close()
