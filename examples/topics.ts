// Patterns over routing keys: in a topic exchange `*` stands for one word and `#` for any number of them.
//
//   node examples/topics.ts         (AMQP_URL, or amqp://localhost)

import { connect } from 'amqplib'

const exchange = 'example.orders'

const connection = await connect(process.env['AMQP_URL'] ?? 'amqp://localhost')
const channel = await connection.createChannel()
await channel.assertExchange(exchange, 'topic')

const { promise: allSeen, resolve } = Promise.withResolvers<void>()
const expected = 8
let seen = 0

async function listen(name: string, pattern: string): Promise<void> {
  const { queue } = await channel.assertQueue('', { exclusive: true })
  await channel.bindQueue(queue, exchange, pattern)
  await channel.consume(
    queue,
    (message) => {
      console.log(`${name} (${pattern}) gets ${message?.fields.routingKey}`)
      if (++seen === expected) resolve()
    },
    { noAck: true },
  )
}

await listen('audit', '#')
await listen('europe', 'eu.#')
await listen('billing', '*.order.paid')
for (const key of ['eu.order.created', 'eu.order.paid', 'us.order.paid', 'heartbeat']) {
  channel.publish(exchange, key, Buffer.from('{}'))
}

await allSeen
await channel.deleteExchange(exchange)
await connection.close()
