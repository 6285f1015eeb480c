// All or nothing: in a transaction a message is taken from one queue and two go to others, together or not at all. With
// WarrenMQ a commit is atomic over all its queues; RabbitMQ promises that for a single queue only.
// (This one uses rabbitmq-client, since amqplib has no methods for transactions.)
//
//   node examples/transactions.ts   (AMQP_URL, or amqp://localhost)

import { type Channel, Connection } from 'rabbitmq-client'

const from = 'example.tx.transfers'
const targets = ['example.tx.debits', 'example.tx.credits']

const url = new URL(process.env['AMQP_URL'] ?? 'amqp://localhost')
// to this client an address without a user is one with an empty name
if (url.username === '') Object.assign(url, { username: 'guest', password: 'guest' })
const connection = new Connection(url.href)
const channel = await connection.acquire()
for (const queue of [from, ...targets]) await channel.queueDeclare({ queue, durable: true })
await channel.basicPublish(from, '100 from Ann to Bob')

/** Moves one transfer on, up to but without the end of the transaction. */
async function move(tx: Channel): Promise<void> {
  const transfer = await tx.basicGet(from)
  if (transfer === undefined) throw new Error('there is nothing to move')
  for (const target of targets) await tx.basicPublish(target, String(transfer.body))
  tx.basicAck({ deliveryTag: transfer.deliveryTag })
}

async function show(title: string): Promise<void> {
  const counts: string[] = []
  for (const queue of [from, ...targets]) {
    const { messageCount } = await channel.queueDeclare({ queue, passive: true })
    counts.push(`${queue.split('.').at(-1)} ${messageCount}`)
  }
  console.log(`${title}: ${counts.join(', ')}`)
}

await show('before')

const failing = await connection.acquire()
await failing.txSelect()
await move(failing)
await failing.txRollback()
await failing.close() // what it took goes back
await show('rolled back')

const working = await connection.acquire()
await working.txSelect()
await move(working)
await working.txCommit()
await working.close()
await show('committed')

for (const queue of [from, ...targets]) await channel.queueDelete(queue)
await channel.close()
await connection.close()
