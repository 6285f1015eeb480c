// Urgent things first: in a queue with x-max-priority a message overtakes all those of lower priority that still wait. A small
// prefetch keeps them waiting in the queue rather than in the consumer.
//
//   node examples/priorities.ts     (AMQP_URL, or amqp://localhost)

import { connect } from 'amqplib'

const queue = 'example.priorities'

const connection = await connect(process.env['AMQP_URL'] ?? 'amqp://localhost')
const channel = await connection.createConfirmChannel()
await channel.assertQueue(queue, { exclusive: true, maxPriority: 5 })

const patients: readonly [name: string, priority: number | undefined][] = [
  ['a cold', undefined], // counts as 0
  ['a broken arm', 3],
  ['a cough', 0],
  ['a heart attack', 5],
  ['a sprained ankle', 3],
]
for (const [name, priority] of patients) {
  channel.sendToQueue(queue, Buffer.from(name), priority === undefined ? {} : { priority })
}
await channel.waitForConfirms()

const { promise: allSeen, resolve } = Promise.withResolvers<void>()
let seen = 0
await channel.prefetch(1)
await channel.consume(queue, (message) => {
  if (message === null) return
  console.log(`${message.properties.priority ?? 'none'}: ${message.content.toString()}`)
  channel.ack(message)
  if (++seen === patients.length) resolve()
})

await allSeen
await connection.close()
