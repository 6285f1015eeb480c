// Delayed messages: an exchange keeps them until they are due. Any exchange or queue can be told to, by the argument `x-delayed-message` or
// a policy; this is the exchange type of RabbitMQ's community plugin. docs/features/delayed-messages.md has the rest.
//
//   node examples/delay.ts          (AMQP_URL, or amqp://localhost)

import { connect } from 'amqplib'

const exchange = 'example.reminders'
const delaysMs = [400, 100, 200]

const connection = await connect(process.env['AMQP_URL'] ?? 'amqp://localhost')
const channel = await connection.createConfirmChannel()
await channel.assertExchange(exchange, 'x-delayed-message', { arguments: { 'x-delayed-type': 'fanout' } })
const { queue } = await channel.assertQueue('', { exclusive: true })
await channel.bindQueue(queue, exchange, '')

const { promise: allCame, resolve } = Promise.withResolvers<void>()
const started = performance.now()
let came = 0
await channel.consume(
  queue,
  (message) => {
    const delayMs = Number(message?.content.toString())
    console.log(`after ${delayMs} ms${performance.now() - started < delayMs ? ', but too early' : ''}`)
    if (++came === delaysMs.length) resolve()
  },
  { noAck: true },
)
for (const delayMs of delaysMs) {
  channel.publish(exchange, '', Buffer.from(String(delayMs)), { persistent: true, headers: { 'x-delay': delayMs } })
}

// far away, and cancelled before it is due
const tomorrow = { messageId: 'reminder-1', headers: { 'x-deliver-at': Date.now() + 24 * 3_600_000 } }
channel.publish(exchange, '', Buffer.from('never'), { persistent: true, ...tomorrow })
channel.publish(exchange, '', Buffer.alloc(0), { headers: { 'x-delayed-cancel': 'reminder-1' } })
await channel.waitForConfirms()
console.log(`sent, with delays of ${delaysMs.join(', ')} ms`)

await allCame
await channel.deleteExchange(exchange)
await connection.close()
