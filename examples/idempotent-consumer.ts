// Delivered at least once, processed once: publishers that send again and consumers that die before their acknowledgement make
// duplicates. The consumer writes the message's id to its database, in the same transaction as what the message causes: either both are
// there or neither is, and an id that is there already says that there is nothing left to do. See docs/recipes.md.
//
//   node examples/idempotent-consumer.ts    (AMQP_URL, or amqp://localhost)

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type ConsumeMessage, connect } from 'amqplib'

const queue = 'example.payments'

/** The account that payments go to. A database on disk, which outlives whoever consumes. */
class Account {
  readonly #database: DatabaseSync

  constructor(file: string) {
    this.#database = new DatabaseSync(file)
    this.#database.exec(`
      CREATE TABLE IF NOT EXISTS account (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS processed (message_id TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
      INSERT OR IGNORE INTO account VALUES (1, 0)`)
  }

  get balance(): number {
    return Number(this.#database.prepare('SELECT balance FROM account WHERE id = 1').get()!['balance'])
  }

  /** Takes a payment, unless it has been taken. @returns whether it has not */
  pay(id: string, amount: number): boolean {
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      const { changes } = this.#database.prepare('INSERT OR IGNORE INTO processed VALUES (?, ?)').run(id, Date.now())
      if (changes === 1) this.#database.prepare('UPDATE account SET balance = balance + ? WHERE id = 1').run(amount)
      this.#database.exec('COMMIT')
      return changes === 1
    } catch (error) {
      this.#database.exec('ROLLBACK')
      throw error
    }
  }

  /** Ids are kept for longer than any message can be on its way, and not for ever. */
  forget(olderThanMs: number): void {
    this.#database.prepare('DELETE FROM processed WHERE at < ?').run(Date.now() - olderThanMs)
  }

  close(): void {
    this.#database.close()
  }
}

const folder = mkdtempSync(join(tmpdir(), 'example-payments-'))
const file = join(folder, 'payments.sqlite')
const connection = await connect(process.env['AMQP_URL'] ?? 'amqp://localhost')
const producer = await connection.createConfirmChannel()
await producer.assertQueue(queue, { durable: true })

function handle(account: Account, message: ConsumeMessage): void {
  const id = String(message.properties.messageId)
  const what = message.fields.redelivered ? `${id} (redelivered)` : id
  const isNew = account.pay(id, Number(message.content.toString()))
  console.log(isNew ? `${what}: balance is ${account.balance}` : `${what}: known, ignored`)
}

/** Processes until `count` messages have been seen; the last one is not acknowledged when the consumer is to `die`. */
async function consume(count: number, die: boolean): Promise<void> {
  const account = new Account(file)
  const channel = await connection.createChannel()
  const { promise: enough, resolve } = Promise.withResolvers<void>()
  let seen = 0
  await channel.prefetch(1)
  await channel.consume(queue, (message) => {
    if (message === null) return
    handle(account, message)
    // only now: a crash before it makes a duplicate, which the database knows
    if (++seen < count || !die) channel.ack(message)
    if (seen === count) resolve()
  })
  await enough
  await channel.close()
  account.forget(7 * 24 * 60 * 60 * 1000)
  account.close()
}

for (const id of ['payment-1', 'payment-1', 'payment-2', 'payment-3']) {
  producer.sendToQueue(queue, Buffer.from('10'), { messageId: id, persistent: true })
}
await producer.waitForConfirms()

await consume(3, true)
console.log('the consumer dies before it acknowledges payment-2')
await consume(2, false)
const account = new Account(file)
console.log(`final balance: ${account.balance}`)
account.close()

await producer.deleteQueue(queue)
await connection.close()
rmSync(folder, { recursive: true })
