// Nothing gets lost for want of a binding: what an exchange cannot route goes to its alternate exchange.
//
//   node examples/alternate-exchange.ts    (AMQP_URL, or amqp://localhost)

import { connect } from 'amqplib'

const exchange = 'example.commands'
const alternate = 'example.unrouted'

const connection = await connect(process.env['AMQP_URL'] ?? 'amqp://localhost')
const channel = await connection.createChannel()
await channel.assertExchange(alternate, 'fanout')
await channel.assertExchange(exchange, 'direct', { alternateExchange: alternate })

const { promise: allSeen, resolve } = Promise.withResolvers<void>()
let seen = 0

async function listen(name: string, from: string, key: string): Promise<void> {
  const { queue } = await channel.assertQueue('', { exclusive: true })
  await channel.bindQueue(queue, from, key)
  await channel.consume(
    queue,
    (message) => {
      console.log(`${name}: ${message?.fields.routingKey}`)
      if (++seen === 3) resolve()
    },
    { noAck: true },
  )
}

await listen('known', exchange, 'start')
await listen('unknown', alternate, '')
for (const command of ['start', 'dance', 'sing']) channel.publish(exchange, command, Buffer.from(''))

await allSeen
await channel.deleteExchange(exchange)
await channel.deleteExchange(alternate)
await connection.close()
