// Request and reply without a reply queue: the client consumes the pseudo queue amq.rabbitmq.reply-to, and the broker passes
// replies straight to its channel. A correlation id tells which reply belongs to which request.
//
//   node examples/rpc.ts            (AMQP_URL, or amqp://localhost)

import { randomUUID } from 'node:crypto'
import { connect } from 'amqplib'

const queue = 'example.rpc'
const directReply = 'amq.rabbitmq.reply-to'

const connection = await connect(process.env['AMQP_URL'] ?? 'amqp://localhost')

async function startServer(): Promise<void> {
  const channel = await connection.createChannel()
  await channel.assertQueue(queue, { durable: false, autoDelete: true })
  await channel.consume(queue, (request) => {
    if (request === null) return
    const { replyTo, correlationId } = request.properties
    const n = Number(request.content.toString())
    channel.sendToQueue(replyTo, Buffer.from(String(fibonacci(n))), { correlationId })
    channel.ack(request)
  })
}

async function startClient(): Promise<(n: number) => Promise<number>> {
  const channel = await connection.createChannel()
  const waiting = new Map<string, (reply: string) => void>()
  // replies come without acknowledgements, and only to the channel that sent the request
  await channel.consume(
    directReply,
    (reply) => {
      if (reply === null) return
      const { correlationId } = reply.properties
      waiting.get(correlationId)?.(reply.content.toString())
      waiting.delete(correlationId)
    },
    { noAck: true },
  )
  return async (n) => {
    const { promise, resolve } = Promise.withResolvers<string>()
    const correlationId = randomUUID()
    waiting.set(correlationId, resolve)
    channel.sendToQueue(queue, Buffer.from(String(n)), { correlationId, replyTo: directReply })
    return Number(await promise)
  }
}

function fibonacci(n: number): number {
  let [a, b] = [0, 1]
  for (let i = 0; i < n; i++) [a, b] = [b, a + b]
  return a
}

await startServer()
const call = await startClient()
const inputs = [10, 20, 30]
const answers = await Promise.all(inputs.map(call))
for (const [i, n] of inputs.entries()) console.log(`fibonacci(${n}) = ${answers[i]}`)

await connection.close()
