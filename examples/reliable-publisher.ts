// A publisher that loses nothing: what is sent stays in a local buffer until the broker confirms it, and all that is there is
// sent again after an outage. That makes duplicates, never gaps: see idempotent-consumer.ts for the other end. `mandatory`
// brings back what no queue would take.
//
//   node examples/reliable-publisher.ts [COUNT]    (AMQP_URL, or amqp://localhost)
//
// Run it with 1000 and restart the broker meanwhile.

import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ChannelModel, type ConfirmChannel, connect } from 'amqplib'

const queue = 'example.reliable'
const BUFFER_MAX = 5

interface Outgoing {
  readonly id: string
  readonly routingKey: string
  readonly body: string
}

class ReliablePublisher {
  confirmed = 0
  returned = 0
  readonly #unconfirmed = new Map<string, Outgoing>()
  #channel: ConfirmChannel | null = null
  #changed = Promise.withResolvers<void>()

  /** Called with every new connection. */
  async attach(connection: ChannelModel): Promise<void> {
    const channel = await connection.createConfirmChannel()
    await channel.assertQueue(queue, { durable: true })
    channel.on('close', () => (this.#channel = null))
    channel.on('return', (message) => this.#onReturn(String(message.properties.messageId)))
    this.#channel = channel
    if (this.#unconfirmed.size > 0) console.log(`sending again: ${this.#unconfirmed.size} unconfirmed`)
    for (const message of this.#unconfirmed.values()) this.#send(channel, message)
  }

  /** Resolves when there is room in the buffer: whoever produces too fast has to wait, also during an outage. */
  async publish(routingKey: string, body: string): Promise<void> {
    await this.#until(() => this.#unconfirmed.size < BUFFER_MAX)
    const message = { id: randomUUID(), routingKey, body }
    this.#unconfirmed.set(message.id, message)
    if (this.#channel !== null) this.#send(this.#channel, message)
  }

  /** Resolves when everything has been confirmed, or returned. */
  async drained(): Promise<void> {
    await this.#until(() => this.#unconfirmed.size === 0)
  }

  #send(channel: ConfirmChannel, { id, routingKey, body }: Outgoing): void {
    const options = { messageId: id, mandatory: true, persistent: true }
    channel.publish('', routingKey, Buffer.from(body), options, (error: unknown) => {
      if (this.#channel !== channel) return // lost with the channel: sent again on the next one
      if (error === null) this.#settle(id, () => this.confirmed++)
      else setTimeout(() => this.#sendAgain(id), 100) // refused, for instance because the queue is full
    })
  }

  #sendAgain(id: string): void {
    const message = this.#unconfirmed.get(id)
    if (message !== undefined && this.#channel !== null) this.#send(this.#channel, message)
  }

  /** Comes before the confirm for the same message. */
  #onReturn(id: string): void {
    const message = this.#unconfirmed.get(id)
    if (message === undefined) return
    console.log(`returned: no queue takes ${message.body} (routing key ${message.routingKey})`)
    this.#settle(id, () => this.returned++)
  }

  #settle(id: string, count: () => void): void {
    if (this.#unconfirmed.delete(id)) count()
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) await this.#changed.promise
  }
}

const count = Number(process.argv[2] ?? 40)
const publisher = new ReliablePublisher()
const connection = await connect(process.env['AMQP_URL'] ?? 'amqp://localhost', {
  recovery: { initialDelay: 200, maxDelay: 2000, setup: (model: ChannelModel) => publisher.attach(model) },
})
connection.on('disconnect', (error) => console.log(`connection lost: ${error.message}`))
connection.on('connect', () => console.log('connected'))

for (let i = 1; i <= count; i++) {
  await publisher.publish(queue, `message ${i}`)
  await sleep(20)
}
await publisher.publish('example.no-such-queue', 'a stray message')
await publisher.drained()
console.log(`${count} published, ${publisher.confirmed} confirmed, ${publisher.returned} returned`)

const channel = await connection.createChannel()
const { messageCount } = await channel.checkQueue(queue)
console.log(messageCount >= count ? 'all of them are in the queue' : `only ${messageCount} are in the queue`)
await channel.deleteQueue(queue)
await connection.close()
