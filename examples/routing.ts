// Some get some: a direct exchange delivers by the exact routing key. One queue may be bound by several keys, and one key may
// lead to several queues.
//
//   node examples/routing.ts        (AMQP_URL, or amqp://localhost)

import { connect } from 'amqplib'

const exchange = 'example.log'

const connection = await connect(process.env['AMQP_URL'] ?? 'amqp://localhost')
const channel = await connection.createChannel()
await channel.assertExchange(exchange, 'direct')

const { promise: allSeen, resolve } = Promise.withResolvers<void>()
const expected = 5
let seen = 0

async function listen(name: string, severities: readonly string[]): Promise<void> {
  const { queue } = await channel.assertQueue('', { exclusive: true })
  for (const severity of severities) await channel.bindQueue(queue, exchange, severity)
  await channel.consume(
    queue,
    (message) => {
      console.log(`${name} gets ${message?.fields.routingKey}: ${message?.content.toString()}`)
      if (++seen === expected) resolve()
    },
    { noAck: true },
  )
}

await listen('the pager', ['error'])
await listen('the file', ['info', 'warning', 'error'])
channel.publish(exchange, 'info', Buffer.from('started'))
channel.publish(exchange, 'debug', Buffer.from('nobody asked for this one'))
channel.publish(exchange, 'warning', Buffer.from('disk at 80 %'))
channel.publish(exchange, 'error', Buffer.from('disk full'))
channel.publish(exchange, 'info', Buffer.from('stopped'))

await allSeen
await channel.deleteExchange(exchange)
await connection.close()
