// The transactional outbox: an order and the message about it are written to the database in one transaction, so there is never one
// without the other. A relay sends what is in the outbox, in order, and takes it out when it is confirmed; during an outage it waits
// there. What was not confirmed is sent again, and the broker leaves out what it has already: each message has the number of its row,
// and the queue has x-publisher-deduplication. On a broker that does not know that, duplicates are for the consumer to find out: see
// idempotent-consumer.ts and docs/recipes.md.
//
//   node examples/outbox.ts [COUNT]    (AMQP_URL, or amqp://localhost)
//
// Run it with 1000 and restart the broker meanwhile.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Channel, type ChannelModel, type ConfirmChannel, connect } from 'amqplib'

const queue = 'example.outbox'
/** One for each outbox, the same after a restart: the numbers belong to it. */
const publisher = 'example.shop'
/** Messages that are sent ahead of their confirms. */
const AHEAD_MAX = 20

interface Outgoing {
  readonly id: number
  readonly body: string
}

/** The shop's database. */
class Shop {
  readonly #database: DatabaseSync

  constructor(file: string) {
    this.#database = new DatabaseSync(file)
    // SQLite has one writer at a time, so numbers rise in the order of commits; AUTOINCREMENT never gives one twice
    this.#database.exec(`
      CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, article TEXT NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL) STRICT`)
  }

  /** The order and its message: both, or neither. */
  order(article: string): void {
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      this.#database.prepare('INSERT INTO orders (article) VALUES (?)').run(article)
      this.#database.prepare('INSERT INTO outbox (body) VALUES (?)').run(article)
      this.#database.exec('COMMIT')
    } catch (error) {
      this.#database.exec('ROLLBACK')
      throw error
    }
  }

  /** What waits in the outbox behind a number, in order. */
  outgoing(after: number, max: number): Outgoing[] {
    const rows = this.#database.prepare('SELECT id, body FROM outbox WHERE id > ? ORDER BY id LIMIT ?').all(after, max)
    return rows as unknown as Outgoing[]
  }

  sent(id: number): void {
    this.#database.prepare('DELETE FROM outbox WHERE id = ?').run(id)
  }

  close(): void {
    this.#database.close()
  }
}

/** Sends what is in the outbox, for as long as there is a connection. */
class Relay {
  confirmed = 0
  readonly #shop: Shop
  #channel: ConfirmChannel | null = null
  /** Sent on this channel, and not answered. */
  #ahead = 0
  /** The last one that was sent on this channel. */
  #last = 0
  #wanted = 0
  #done = Promise.withResolvers<void>()

  constructor(shop: Shop) {
    this.#shop = shop
  }

  /** Called with every new connection: begins with the first message that is not confirmed. */
  async attach(connection: ChannelModel): Promise<void> {
    const channel = await connection.createConfirmChannel()
    await channel.assertQueue(queue, { durable: true, arguments: { 'x-publisher-deduplication': true } })
    channel.on('close', () => {
      if (this.#channel === channel) this.#channel = null
    })
    const again = this.#last === 0 ? 0 : this.#shop.outgoing(0, AHEAD_MAX).filter(({ id }) => id <= this.#last).length
    if (again > 0) console.log(`sending again: ${again} not confirmed`)
    this.#channel = channel
    this.#ahead = 0
    this.#last = 0
    this.look()
  }

  /** There may be something in the outbox. */
  look(): void {
    const channel = this.#channel
    if (channel === null) return
    for (const message of this.#shop.outgoing(this.#last, AHEAD_MAX - this.#ahead)) this.#send(channel, message)
  }

  #send(channel: ConfirmChannel, message: Outgoing): void {
    this.#ahead++
    this.#last = Math.max(this.#last, message.id)
    const headers = { 'x-publisher-name': publisher, 'x-publishing-id': message.id }
    const options = { persistent: true, messageId: `${publisher}/${message.id}`, headers }
    channel.sendToQueue(queue, Buffer.from(message.body), options, (error: unknown) => {
      if (this.#channel !== channel) return // lost with the channel: sent again on the next one
      this.#ahead--
      if (error === null) this.#onConfirm(message.id)
      // refused, as the queue is full: this number is taken later, too, whatever has been taken since
      else setTimeout(() => this.#channel === channel && this.#send(channel, message), 100)
    })
  }

  #onConfirm(id: number): void {
    this.#shop.sent(id)
    if (++this.confirmed === this.#wanted) this.#done.resolve()
    this.look()
  }

  /** Resolves when so many have been confirmed. */
  async until(count: number): Promise<void> {
    this.#wanted = count
    if (this.confirmed < count) await this.#done.promise
  }
}

/** All that is in the queue. */
async function received(channel: Channel): Promise<string[]> {
  const bodies: string[] = []
  for (let got = await channel.get(queue, { noAck: true }); got !== false;) {
    bodies.push(got.content.toString())
    got = await channel.get(queue, { noAck: true })
  }
  return bodies
}

const count = Number(process.argv[2] ?? 40)
const folder = mkdtempSync(join(tmpdir(), 'example-outbox-'))
const shop = new Shop(join(folder, 'shop.sqlite'))
const relay = new Relay(shop)
const connection = await connect(process.env['AMQP_URL'] ?? 'amqp://localhost', {
  recovery: { initialDelay: 200, maxDelay: 2000, setup: (model: ChannelModel) => relay.attach(model) },
})
connection.on('disconnect', (error) => console.log(`connection lost: ${error.message}`))
connection.on('connect', () => console.log('connected'))

// orders are taken whether or not there is a broker
const expected = Array.from({ length: count }, (_, i) => `order ${i + 1}`)
for (const order of expected) {
  shop.order(order)
  relay.look()
  await sleep(10)
}
await relay.until(count)
console.log(`${count} orders, ${relay.confirmed} messages confirmed, ${shop.outgoing(0, count).length} in the outbox`)

const channel = await connection.createChannel()
const bodies = await received(channel)
const isWhole = bodies.length === count && bodies.every((body, i) => body === expected[i])
console.log(isWhole ? 'each order is in the queue once, in order' : `in the queue: ${bodies.join(', ')}`)

await channel.deleteQueue(queue)
await connection.close()
shop.close()
rmSync(folder, { recursive: true })
