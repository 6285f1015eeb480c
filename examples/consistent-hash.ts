// Order within a customer, work spread over queues: x-consistent-hash sends equal routing keys to the same queue, and a single
// active consumer on each queue takes them one after another. Adding a queue moves only a small share of the keys.
// (RabbitMQ has this exchange type in its plugin rabbitmq_consistent_hash_exchange.)
//
//   node examples/consistent-hash.ts    (AMQP_URL, or amqp://localhost)

import { connect } from 'amqplib'

const exchange = 'example.events'
const queues = ['example.events.1', 'example.events.2', 'example.events.3']
const customers = Array.from({ length: 12 }, (_, i) => `customer ${i + 1}`)
const steps = ['ordered', 'paid', 'shipped']

const connection = await connect(process.env['AMQP_URL'] ?? 'amqp://localhost')
const channel = await connection.createChannel()
await channel.assertExchange(exchange, 'x-consistent-hash')

const { promise: allSeen, resolve } = Promise.withResolvers<void>()
const seen = new Map<string, string[]>()
const queueOf = new Map<string, string>()
let count = 0

for (const queue of queues) {
  await channel.assertQueue(queue, { arguments: { 'x-single-active-consumer': true } })
  await channel.bindQueue(queue, exchange, '1') // the weight of this queue
  await channel.consume(queue, (message) => {
    if (message === null) return
    const customer = message.fields.routingKey
    if ((queueOf.get(customer) ?? queue) !== queue) console.log(`${customer} is in two queues`)
    queueOf.set(customer, queue)
    seen.set(customer, [...(seen.get(customer) ?? []), message.content.toString()])
    channel.ack(message)
    if (++count === customers.length * steps.length) resolve()
  })
}

for (const step of steps) {
  for (const customer of customers) channel.publish(exchange, customer, Buffer.from(step))
}
await allSeen
for (const customer of customers) console.log(`${customer}: ${seen.get(customer)?.join(', ')}`)
console.log(`spread over ${new Set(queueOf.values()).size} of ${queues.length} queues`)

for (const queue of queues) await channel.deleteQueue(queue)
await channel.deleteExchange(exchange)
await connection.close()
