import { connect, type ChannelModel } from 'amqplib'
import { VHOST } from './steps.ts'

/** What the lists show: queues, an exchange, bindings, a connection with a channel and a consumer that holds two of five messages of the first. */
export async function declareTopology(amqpUrl: string): Promise<ChannelModel> {
  const url = new URL(amqpUrl)
  url.pathname = `/${encodeURIComponent(VHOST)}`
  const connection = await connect(url.href, { clientProperties: { connection_name: 'ctl-client' } })
  // The tools close it in the end.
  connection.on('error', () => {})
  const channel = await connection.createConfirmChannel()
  await channel.assertQueue('q1', { arguments: { 'x-dead-letter-exchange': 'dlx', 'x-max-length': 100 } })
  await channel.assertQueue('q2 with space', { durable: false })
  await channel.assertQueue('qq', { arguments: { 'x-queue-type': 'quorum' } })
  await channel.assertExchange('x1', 'topic', { arguments: { 'alternate-exchange': 'ae' } })
  await channel.assertExchange('x2', 'fanout', { durable: false, autoDelete: true, internal: true })
  await channel.bindQueue('q1', 'x1', 'a.#')
  await channel.bindQueue('q1', 'x1', 'b.#', { foo: 'bar', l: [1, 'x'], n: 1 })
  await channel.bindExchange('x2', 'x1', 'c')
  for (let i = 0; i < 5; i++) channel.sendToQueue('q1', Buffer.from(`message ${i}`), { persistent: true })
  await channel.waitForConfirms()
  await channel.prefetch(2)
  const delivered = new Promise<void>((resolve) => {
    let count = 0
    void channel.consume('q1', () => ++count === 2 && resolve(), {
      consumerTag: 'tag-1',
      arguments: { 'x-priority': 5 },
    })
  })
  await delivered
  return connection
}
