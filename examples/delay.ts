// Delayed messages with what every broker of this kind has: a queue that nobody consumes, with a time to live and a
// dead-letter exchange. One such queue for each delay, because elsewhere messages expire only at the head of a queue; with
// WarrenMQ they expire anywhere, and a single queue with per-message expirations would do.
//
//   node examples/delay.ts          (AMQP_URL, or amqp://localhost)

import { connect } from 'amqplib'

const target = 'example.reminders'
const delaysMs = [400, 100, 200]

const connection = await connect(process.env['AMQP_URL'] ?? 'amqp://localhost')
const channel = await connection.createChannel()
await channel.assertQueue(target, { exclusive: true })

async function sendLater(text: string, delayMs: number): Promise<void> {
  const waiting = `example.delay.${delayMs}ms`
  await channel.assertQueue(waiting, {
    messageTtl: delayMs,
    deadLetterExchange: '',
    deadLetterRoutingKey: target,
    expires: delayMs + 60_000, // a queue for a delay that is no longer used goes away by itself
  })
  channel.sendToQueue(waiting, Buffer.from(text), { persistent: true })
}

const { promise: allCame, resolve } = Promise.withResolvers<void>()
const started = performance.now()
let came = 0
await channel.consume(
  target,
  (message) => {
    const delayMs = Number(message?.content.toString())
    console.log(`after ${delayMs} ms${performance.now() - started < delayMs ? ', but too early' : ''}`)
    if (++came === delaysMs.length) resolve()
  },
  { noAck: true },
)
for (const delayMs of delaysMs) await sendLater(String(delayMs), delayMs)
console.log(`sent, with delays of ${delaysMs.join(', ')} ms`)

await allCame
for (const delayMs of delaysMs) await channel.deleteQueue(`example.delay.${delayMs}ms`)
await connection.close()
