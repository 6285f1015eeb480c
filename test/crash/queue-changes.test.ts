import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ConfirmChannel, connect } from 'amqplib'
import { Random } from '../../tools/fuzz/frames.ts'
import type { WarrenProcess } from '../support/warren-process.ts'
import { eventually } from '../support/with-broker.ts'
import { BrokerRunner } from './broker-process.ts'

const ROUNDS = Number(process.env['CRASH_ROUNDS'] ?? 5)
const SEED = Number(process.env['CRASH_SEED'] ?? Date.now() % 0x7fff_ffff)
const LIFE_MS = 700
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

/** Publishes until the broker is gone: numbered, with priorities in turn. */
async function publish(channel: ConfirmChannel, sent: Sent[]): Promise<void> {
  let isOver = false
  channel.on('close', () => (isOver = true))
  while (!isOver) {
    const message: Sent = { confirmed: false }
    const priority = sent.length % (PRIORITIES + 1)
    const body = Buffer.alloc(BODY_BYTES)
    body.writeUInt32BE(sent.length)
    sent.push(message)
    const options = { persistent: true, priority }
    try {
      channel.sendToQueue('q', body, options, (error) => (message.confirmed = error === null))
    } catch {
      return // the channel is closed, and says so later
    }
    if (sent.length % 200 === 0) await sleep(1)
  }
}

async function changeTo(warren: WarrenProcess, { type, priorities }: Shape): Promise<void> {
  const body = JSON.stringify({ type, arguments: { 'x-max-priority': priorities === 0 ? null : priorities } })
  const answer = await fetch(`${queueUrl(warren)}/change`, { method: 'POST', headers, body })
  const text = await answer.text()
  assert.equal(answer.status, 200, text)
}

/** Changes the queue again and again until the broker is gone. @returns what it is for certain, and what it may have become */
async function change(warren: WarrenProcess, random: Random, from: Shape): Promise<readonly [Shape, Shape]> {
  let current = from
  for (;;) {
    const next = SHAPES[random.below(SHAPES.length)]!
    try {
      await changeTo(warren, next)
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error
      return [current, next]
    }
    current = next
    await sleep(random.below(30))
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

test(
  `a queue that is changed while its broker is killed keeps what it has (seed ${SEED})`,
  {
    timeout: 300_000,
  },
  async () => {
    const random = new Random(SEED)
    const runner = await BrokerRunner.create()
    const sent: Sent[] = []
    let possible: readonly Shape[] = [SHAPES[0]!]
    try {
      for (let round = 1; round <= ROUNDS; round++) {
        const warren = await runner.start(FLAGS)
        const channel = await open(warren)
        if (round === 1) await channel.assertQueue('q')
        const shape = await shapeOf(warren)
        assert.ok(
          possible.some((each) => JSON.stringify(each) === JSON.stringify(shape)),
          `round ${round}: ${JSON.stringify(shape)} is none of ${JSON.stringify(possible)}`,
        )
        const work = Promise.all([change(warren, random, shape), publish(channel, sent)])
        await sleep(100 + random.below(LIFE_MS))
        await runner.stop('SIGKILL')
        ;[possible] = await work
      }
      const channel = await open(await runner.start(FLAGS))
      const got: number[] = []
      await channel.consume('q', (message) => got.push(message!.content.readUInt32BE()), { noAck: true })
      const confirmed = sent.flatMap(({ confirmed: isSafe }, id) => (isSafe ? [id] : []))
      await eventually(() => got.length >= confirmed.length, 60_000)
      await eventually(async () => (await channel.checkQueue('q')).messageCount === 0, 60_000)
      assert.equal(new Set(got).size, got.length, 'each comes once')
      const found = new Set(got)
      assert.deepEqual(
        confirmed.filter((id) => !found.has(id)),
        [],
        'confirmed, and never delivered',
      )
      assert.deepEqual(
        got,
        got.toSorted((a, b) => a - b),
      )
      assert.ok(confirmed.length > ROUNDS * 100, 'something was confirmed')
      await channel.close()
    } finally {
      runner.destroy(false)
    }
  },
)
