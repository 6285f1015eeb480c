// The smallest exchange of a message: one producer, one queue, one consumer.
//
//   node examples/hello.ts          (AMQP_URL, or amqp://localhost)

import { connect } from 'amqplib'

const queue = 'example.hello'

const connection = await connect(process.env['AMQP_URL'] ?? 'amqp://localhost')
const channel = await connection.createChannel()
await channel.assertQueue(queue, { durable: true })

channel.sendToQueue(queue, Buffer.from('Hello, World!'))
console.log('sent: Hello, World!')

const { promise: received, resolve } = Promise.withResolvers<string>()
await channel.consume(queue, (message) => {
  if (message === null) return // the broker cancelled the consumer, for instance because the queue was deleted
  channel.ack(message)
  resolve(message.content.toString())
})
console.log(`received: ${await received}`)

await channel.deleteQueue(queue)
await connection.close()
