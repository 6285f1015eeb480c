// Everyone gets everything: a fanout exchange copies each message to every queue bound to it. A subscriber brings a queue of
// its own, named by the broker and gone with the connection.
//
//   node examples/publish-subscribe.ts    (AMQP_URL, or amqp://localhost)

import { connect } from 'amqplib'

const exchange = 'example.news'
const news = ['doors open', 'show starts', 'doors close']

const connection = await connect(process.env['AMQP_URL'] ?? 'amqp://localhost')
const channel = await connection.createChannel()
await channel.assertExchange(exchange, 'fanout')

const { promise: allSeen, resolve } = Promise.withResolvers<void>()
let missing = 2 * news.length

async function subscribe(name: string): Promise<void> {
  const { queue } = await channel.assertQueue('', { exclusive: true })
  await channel.bindQueue(queue, exchange, '')
  await channel.consume(
    queue,
    (message) => {
      console.log(`${name} hears: ${message?.content.toString()}`)
      if (--missing === 0) resolve()
    },
    { noAck: true },
  )
}

await subscribe('Ann')
await subscribe('Bob')
for (const item of news) channel.publish(exchange, '', Buffer.from(item))
await allSeen

await channel.deleteExchange(exchange)
await connection.close()
