import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ConfirmChannel, connect, type ConsumeMessage } from 'amqplib'
import { Random } from '../../tools/fuzz/frames.ts'
import type { WarrenProcess } from '../support/warren-process.ts'
import { BrokerRunner } from './broker-process.ts'

/** How many times the broker is killed, and how chance goes: `CRASH_ROUNDS=50 CRASH_SEED=1 node --test test/crash/queue-changes.test.ts`. */
const ROUNDS = Number(process.env['CRASH_ROUNDS'] ?? 3)
const SEED = Number(process.env['CRASH_SEED'] ?? Date.now() % 0x7fff_ffff)
/** The broker is killed within so long after a round has had its messages confirmed, and one to so many changes. */
const KILL_WITHIN_MS = 60
const CONFIRMED_PER_ROUND = 1000
const CHANGES_MAX = 4
/** So many may be on their way, or the broker would be busy with nothing else. */
const UNCONFIRMED_MAX = 500
/** A change takes the longer the more there is: a round must not double what the one before has left. */
const PUBLISHED_PER_ROUND_MAX = 10_000
/** Less than what a round publishes, so that most of it is on disk only. */
const FLAGS = ['--message-memory', '200KB']
const PRIORITIES = 4
const BODY_BYTES = 400

/** What a queue can be: what of a declaration the test changes. */
interface Shape {
  readonly type: 'classic' | 'quorum'
  /** 0: it does not tell priorities apart. */
  readonly priorities: number
}

const SHAPES: readonly Shape[] = [
  { type: 'classic', priorities: 0 },
  { type: 'classic', priorities: PRIORITIES },
  { type: 'classic', priorities: 1 },
  { type: 'quorum', priorities: 0 },
]

interface Sent {
  confirmed: boolean
}

const headers = { authorization: `Basic ${btoa('guest:guest')}`, 'content-type': 'application/json' }
const queueUrl = (warren: WarrenProcess): string => `${warren.url('HTTP')}/api/queues/%2F/q`

/** What the test has done, and what it was told. */
class Book {
  readonly sent: Sent[] = []
  confirmed = 0
  changes = 0
  #watch: (() => void) | null = null

  noted(): void {
    this.#watch?.()
  }

  /** Resolves when so much more has happened. */
  async more(confirmed: number, changes: number): Promise<void> {
    const enough = { confirmed: this.confirmed + confirmed, changes: this.changes + changes }
    await new Promise<void>((resolve) => {
      this.#watch = () => {
        if (this.confirmed >= enough.confirmed && this.changes >= enough.changes) resolve()
      }
    })
    this.#watch = null
  }
}

/** Publishes until the broker is gone, or enough is there: numbered, with priorities in turn. */
function publish(channel: ConfirmChannel, book: Book): Promise<void> {
  const { sent } = book
  const enough = sent.length + PUBLISHED_PER_ROUND_MAX
  return new Promise((resolve) => {
    let unconfirmed = 0
    let isOver = false
    const goOn = (): void => {
      while (unconfirmed < UNCONFIRMED_MAX && sent.length < enough && !isOver) {
        const message: Sent = { confirmed: false }
        const priority = sent.length % (PRIORITIES + 1)
        const body = Buffer.alloc(BODY_BYTES)
        body.writeUInt32BE(sent.length)
        sent.push(message)
        unconfirmed++
        channel.sendToQueue('q', body, { persistent: true, priority }, (error) => {
          unconfirmed--
          if (error !== null) return
          message.confirmed = true
          book.confirmed++
          book.noted()
          goOn()
        })
      }
    }
    channel.on('close', () => {
      isOver = true
      resolve()
    })
    goOn()
  })
}

async function changeTo(warren: WarrenProcess, { type, priorities }: Shape): Promise<void> {
  const body = JSON.stringify({ type, arguments: { 'x-max-priority': priorities === 0 ? null : priorities } })
  const answer = await fetch(`${queueUrl(warren)}/change`, { method: 'POST', headers, body })
  const text = await answer.text()
  assert.equal(answer.status, 200, text)
}

/** Changes the queue again and again until the broker is gone. @returns what it may be then: what it was last, and what it was to be */
async function change(warren: WarrenProcess, random: Random, from: Shape, book: Book): Promise<readonly Shape[]> {
  for (let current = from; ;) {
    const next = SHAPES[random.below(SHAPES.length)]!
    try {
      await changeTo(warren, next)
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error
      return [current, next]
    }
    current = next
    book.changes++
    book.noted()
  }
}

async function shapeOf(warren: WarrenProcess): Promise<Shape> {
  const answer = await fetch(queueUrl(warren), { headers })
  const { type, arguments: args } = (await answer.json()) as { type: Shape['type']; arguments: Record<string, number> }
  return { type, priorities: args['x-max-priority'] ?? 0 }
}

async function open(warren: WarrenProcess): Promise<ConfirmChannel> {
  const connection = await connect(`amqp://127.0.0.1:${warren.port()}`)
  connection.on('error', () => {})
  const channel = await connection.createConfirmChannel()
  channel.on('error', () => {})
  return channel
}

/** One life of the broker, which ends in the middle of it. @returns what the queue may be then */
async function round(
  runner: BrokerRunner,
  random: Random,
  possible: readonly Shape[],
  book: Book,
): Promise<readonly Shape[]> {
  const warren = await runner.start(FLAGS)
  const channel = await open(warren)
  if (book.sent.length === 0) await channel.assertQueue('q')
  const shape = await shapeOf(warren)
  const known = possible.map((each) => JSON.stringify(each))
  assert.ok(known.includes(JSON.stringify(shape)), `${JSON.stringify(shape)} is none of ${known.join()}`)
  const enough = book.more(CONFIRMED_PER_ROUND, 1 + random.below(CHANGES_MAX))
  const work = Promise.all([change(warren, random, shape, book), publish(channel, book)])
  await Promise.race([enough, work])
  await sleep(random.below(KILL_WITHIN_MS))
  await runner.stop('SIGKILL')
  const [next] = await work
  return next
}

/** Takes all that is there. @returns the numbers, as they come */
async function takeAll(channel: ConfirmChannel): Promise<number[]> {
  const { messageCount } = await channel.checkQueue('q')
  const got: number[] = []
  await new Promise<void>((resolve) => {
    const take = (message: ConsumeMessage | null): void => {
      got.push(message!.content.readUInt32BE())
      if (got.length === messageCount) resolve()
    }
    channel.consume('q', take, { noAck: true }).catch(() => {})
  })
  assert.equal((await channel.checkQueue('q')).messageCount, 0)
  return got
}

test(
  `a queue that is changed while its broker is killed keeps what it has (seed ${SEED})`,
  { timeout: 300_000 },
  async () => {
    const random = new Random(SEED)
    const runner = await BrokerRunner.create()
    const book = new Book()
    let possible: readonly Shape[] = [SHAPES[0]!]
    try {
      for (let n = 0; n < ROUNDS; n++) possible = await round(runner, random, possible, book)
      const warren = await runner.start(FLAGS)
      // of one level: all come as they were published, whatever levels they had
      await changeTo(warren, SHAPES[0]!)
      const got = await takeAll(await open(warren))
      const found = new Set(got)
      assert.equal(found.size, got.length, 'each comes once')
      const lost = [...book.sent.keys()].filter((id) => book.sent[id]!.confirmed && !found.has(id))
      assert.deepEqual(lost, [], 'confirmed, and never delivered')
      const inOrder = got.toSorted((a, b) => a - b)
      assert.deepEqual(got.filter((id, i) => id !== inOrder[i]).slice(0, 20), [], 'in the order of publishing')
      assert.ok(book.confirmed >= ROUNDS * CONFIRMED_PER_ROUND)
    } finally {
      runner.destroy(false)
    }
  },
)
