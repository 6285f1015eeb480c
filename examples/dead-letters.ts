// What becomes of messages that nobody wants: a queue with a dead-letter exchange passes them on when they are rejected,
// expire or do not fit, and writes into the header x-death what happened.
//
//   node examples/dead-letters.ts   (AMQP_URL, or amqp://localhost)

import { connect } from 'amqplib'

const exchange = 'example.dead'

interface Death {
  readonly queue: string
  readonly reason: string
}

const connection = await connect(process.env['AMQP_URL'] ?? 'amqp://localhost')
const channel = await connection.createChannel()
await channel.assertExchange(exchange, 'fanout')
const { queue: morgue } = await channel.assertQueue('', { exclusive: true })
await channel.bindQueue(morgue, exchange, '')

const { promise: allDead, resolve } = Promise.withResolvers<void>()
let dead = 0
await channel.consume(
  morgue,
  (message) => {
    if (message === null) return
    const deaths = message.properties.headers?.['x-death'] as Death[] | undefined
    const latest = deaths?.[0]
    console.log(`${message.content.toString()}: ${latest?.reason} in ${latest?.queue}`)
    if (++dead === 3) resolve()
  },
  { noAck: true },
)

const mortal = { exclusive: true, deadLetterExchange: exchange }
await channel.assertQueue('example.picky', mortal)
await channel.assertQueue('example.impatient', { ...mortal, messageTtl: 50 })
await channel.assertQueue('example.small', { ...mortal, maxLength: 1 })

await channel.consume('example.picky', (message) => {
  if (message !== null) channel.nack(message, false, false) // without requeue: it is dead
})
channel.sendToQueue('example.picky', Buffer.from('a bad order'))
channel.sendToQueue('example.impatient', Buffer.from('an old offer'))
channel.sendToQueue('example.small', Buffer.from('the first reading'))
channel.sendToQueue('example.small', Buffer.from('the second reading')) // drops the oldest

await allDead
await channel.deleteExchange(exchange)
await connection.close()
