import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Channel, type ConfirmChannel, connect } from 'amqplib'
import { Random } from '../../tools/fuzz/frames.ts'
import { BrokerRunner } from './broker-process.ts'

const ROUNDS = Number(process.env['CRASH_ROUNDS'] ?? 5)
const SEED = Number(process.env['CRASH_SEED'] ?? Date.now() % 0x7fff_ffff)
const LIFE_MS = 600
const GROUPS = 8
const CONSUMERS = 3

/** What was published to one queue, by group, and what became of it. */
class Book {
  readonly confirmed = new Set<string>()
  /** Places in the order in which they were first processed to the end. */
  readonly processed = new Map<number, number[]>()
  readonly #seen = new Set<string>()
  #published = 0

  next(random: Random): { id: string; group: number } {
    const group = random.below(GROUPS)
    return { id: `${group} ${++this.#published}`, group }
  }

  /** It is as if it were acknowledged: whether the broker hears of it or not. */
  process(id: string): void {
    if (this.#seen.has(id)) return
    this.#seen.add(id)
    const [group, place] = id.split(' ').map(Number)
    this.processed.set(group!, [...(this.processed.get(group!) ?? []), place!])
  }

  get missing(): string[] {
    return [...this.confirmed].filter((id) => !this.#seen.has(id))
  }
}

async function open(port: number, type: string): Promise<ConfirmChannel> {
  const connection = await connect(`amqp://127.0.0.1:${port}`)
  connection.on('error', () => {})
  const channel = await connection.createConfirmChannel()
  channel.on('error', () => {})
  const retry = { 'x-delayed-retry-type': 'all', 'x-delayed-retry-min': 20, 'x-delivery-limit': -1 }
  await channel.assertQueue(type, { arguments: { 'x-queue-type': type, 'x-message-groups': true, ...retry } })
  return channel
}

/** Publishes until the broker is gone. */
async function publish(channel: ConfirmChannel, random: Random, type: string, book: Book): Promise<void> {
  let isOver = false
  channel.on('close', () => (isOver = true))
  for (let i = 0; !isOver; i++) {
    const { id, group } = book.next(random)
    const options = { persistent: true, headers: { 'x-message-group': group } }
    try {
      channel.sendToQueue(type, Buffer.from(id), options, (error) => {
        if (error === null) book.confirmed.add(id)
      })
    } catch {
      return // the channel is closed, and says so later
    }
    if (i % 4 === 0) await sleep(1)
  }
}

/** Processes what comes; now and then it fails. Of one group nothing may come while something of it is being processed. */
async function consume(channels: readonly Channel[], random: Random, type: string, book: Book): Promise<void> {
  const busy = new Set<string>()
  for (const channel of channels) {
    await channel.prefetch(3)
    await channel.consume(type, (message) => {
      if (message === null) return
      const id = message.content.toString()
      const group = id.split(' ')[0]!
      assert.ok(!busy.has(group), `${id} came while another of its group was out`)
      busy.add(group)
      setImmediate(() => {
        busy.delete(group)
        try {
          if (random.once(10)) {
            channel.nack(message)
          } else {
            book.process(id)
            channel.ack(message)
          }
        } catch {
          // the broker is gone: what was processed comes again
        }
      })
    })
  }
}

async function channelsOf(port: number): Promise<Channel[]> {
  const connection = await connect(`amqp://127.0.0.1:${port}`)
  connection.on('error', () => {})
  const channels = await Promise.all(Array.from({ length: CONSUMERS }, () => connection.createChannel()))
  for (const channel of channels) channel.on('error', () => {})
  return channels
}

for (const type of ['classic', 'quorum']) {
  test(`groups of a ${type} queue keep their order over crashes (seed ${SEED})`, { timeout: 300_000 }, async () => {
    const random = new Random(SEED)
    const runner = await BrokerRunner.create()
    const book = new Book()
    try {
      for (let round = 1; round <= ROUNDS; round++) {
        const flags = random.once(2) ? ['--message-memory', '20KB'] : []
        const port = (await runner.start(flags)).port()
        const channel = await open(port, type)
        const publishing = publish(channel, random, type, book)
        // not in every round, so that there is a backlog
        if (round % 2 === 0) await consume(await channelsOf(port), random, type, book)
        await sleep(50 + random.below(LIFE_MS))
        await runner.stop('SIGKILL')
        await publishing
      }
      const port = (await runner.start([])).port()
      const channel = await open(port, type)
      await consume(await channelsOf(port), random, type, book)
      const deadline = Date.now() + 60_000
      while (book.missing.length > 0 && Date.now() < deadline) await sleep(20)
      assert.deepEqual(book.missing, [], 'confirmed, and never processed')
      for (const [group, places] of book.processed) {
        assert.deepEqual(
          places,
          places.toSorted((a, b) => a - b),
          `group ${group} was processed in the order of publishing`,
        )
      }
      assert.ok(book.confirmed.size > ROUNDS * 10, 'something was confirmed')
      await channel.close()
    } finally {
      runner.destroy(false)
    }
  })
}
