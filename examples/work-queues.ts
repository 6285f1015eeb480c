// Tasks shared by two workers. Prefetch 1 gives a worker its next task when it has acknowledged the last one, so the one that
// is free takes more of them. A task whose worker dies before the acknowledgement goes to another worker.
//
//   node examples/work-queues.ts    (AMQP_URL, or amqp://localhost)

import { setTimeout as sleep } from 'node:timers/promises'
import { type ConsumeMessage, connect } from 'amqplib'

const queue = 'example.work'
const tasks = ['resize 1', 'resize 2', 'transcode 3', 'resize 4', 'resize 5', 'resize 6']

const connection = await connect(process.env['AMQP_URL'] ?? 'amqp://localhost')
const producer = await connection.createConfirmChannel()
await producer.assertQueue(queue, { durable: true })

const { promise: allDone, resolve: finish } = Promise.withResolvers<void>()
let done = 0

async function startWorker(name: string): Promise<void> {
  const channel = await connection.createChannel()
  const work = async (message: ConsumeMessage): Promise<void> => {
    const task = message.content.toString()
    await sleep(task.startsWith('transcode') ? 200 : 20) // the work
    channel.ack(message)
    console.log(`worker ${name} has done: ${task}`)
    if (++done === tasks.length) finish()
  }
  await channel.prefetch(1)
  await channel.consume(queue, (message) => {
    if (message !== null) void work(message)
  })
}

await startWorker('A')
await startWorker('B')
for (const task of tasks) producer.sendToQueue(queue, Buffer.from(task), { persistent: true })
await producer.waitForConfirms()
console.log(`${tasks.length} tasks are safe with the broker`)

await allDone
await producer.deleteQueue(queue)
await connection.close()
