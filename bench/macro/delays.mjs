#!/usr/bin/env node
// Delayed messages by the million: what they cost in memory, how punctual they are, and what other traffic notices of them.
//
//   npm run bench:delays                      a million over an hour (of which half a minute is watched), a million due at once
//   npm run bench:delays -- --count 100000
//
// Meanwhile a probe sends a message every 5 ms through a plain queue: its worst latency is the longest stall that another client notices. The
// longest turn of the broker's event loop says what of it is the broker's own work.
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import amqp from 'amqplib'
import { BenchBroker, diskMiB } from './backlog-broker.mjs'

const { values } = parseArgs({ options: { count: { type: 'string', default: '1000000' } } })
const count = Number(values.count)
const HOUR_MS = 3_600_000
const WATCHED_MS = 30_000
const BODY = Buffer.alloc(100)
const scratch = isMainThread ? mkdtempSync(join(tmpdir(), 'warren-delays-')) : ''

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const percentile = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]

/** Latencies of messages through a plain queue, from a thread of its own. */
class Probe {
  #worker

  static async start(url) {
    const probe = new Probe()
    probe.#worker = new Worker(new URL(import.meta.url), { workerData: url })
    await once(probe.#worker, 'message')
    return probe
  }

  /** Since the last call: median, 99th percentile and worst, in ms. */
  async take() {
    this.#worker.postMessage('take')
    const [latencies] = await once(this.#worker, 'message')
    const sorted = latencies.sort((x, y) => x - y)
    return [0.5, 0.99, 1].map((share) => percentile(sorted, share).toFixed(1)).join(' / ')
  }
}

async function probe(url) {
  const latencies = []
  const channel = await (await amqp.connect(url)).createChannel()
  await channel.assertQueue('probe', { durable: false })
  const consume = (message) => latencies.push(performance.now() - Number(message.content))
  await channel.consume('probe', consume, { noAck: true })
  setInterval(() => channel.sendToQueue('probe', Buffer.from(String(performance.now()))), 5)
  parentPort.on('message', () => parentPort.postMessage(latencies.splice(0)))
  parentPort.postMessage('ready')
}

const stalls = async (broker, probe) => `probe ${await probe.take()} ms, longest turn ${await broker.longestTurn()} ms`

async function publish(channel, delayOf) {
  for (let i = 0; i < count; i++) {
    const headers = delayOf(i)
    if (!channel.publish('late', '', BODY, { persistent: true, headers })) {
      await new Promise((resolve) => channel.once('drain', resolve))
    }
    if (i % 20_000 === 0) await channel.waitForConfirms()
  }
  await channel.waitForConfirms()
}

async function run(broker) {
  const connection = await amqp.connect(broker.url)
  const channel = await connection.createConfirmChannel()
  await channel.assertExchange('late', 'x-delayed-message', { arguments: { 'x-delayed-type': 'fanout' } })
  await channel.assertQueue('due')
  await channel.bindQueue('due', 'late', '')
  const probe = await Probe.start(broker.url)
  await sleep(1000)
  console.log(`quiet                      ${await stalls(broker, probe)} (probe: median / p99 / worst)`)

  let late = []
  let came = 0
  const consumer = await (await amqp.connect(broker.url)).createChannel()
  await consumer.prefetch(1000)
  const consume = ({ properties: { headers, timestamp }, fields }) => {
    came++
    const due = headers['x-deliver-at'] === undefined ? timestamp - headers['x-delay'] : -headers['x-deliver-at']
    late.push(Date.now() - due)
    if (fields.deliveryTag % 100 === 0) consumer.ack({ fields }, true)
  }
  await consumer.consume('due', consume)

  const spread = () => ({ 'x-deliver-at': Date.now() + 1000 + Math.floor(Math.random() * HOUR_MS) })
  let began = performance.now()
  await publish(channel, spread)
  let seconds = (performance.now() - began) / 1000
  console.log(
    `${count} over an hour      ${Math.round(count / seconds)}/s in, RSS ${(broker.peak() / 1048576).toFixed(0)} MiB, ${await stalls(broker, probe)}`,
  )
  late = []
  await sleep(WATCHED_MS)
  late.sort((a, b) => a - b)
  console.log(
    `  watched for 30 s         ${late.length} came, late ${[0.5, 0.99, 1].map((s) => percentile(late, s)).join(' / ')} ms, ${await stalls(broker, probe)}`,
  )
  await channel.deleteExchange('late')

  await channel.assertExchange('late', 'x-delayed-message', { arguments: { 'x-delayed-type': 'fanout' } })
  await channel.bindQueue('due', 'late', '')
  came = 0
  const at = Date.now() + Math.max(30_000, count / 20)
  began = performance.now()
  await publish(channel, () => ({ 'x-deliver-at': at }))
  seconds = (performance.now() - began) / 1000
  console.log(
    `${count} at once           ${Math.round(count / seconds)}/s in, RSS ${(broker.peak() / 1048576).toFixed(0)} MiB, ${await stalls(broker, probe)}`,
  )
  await sleep(Math.max(0, at - Date.now() - 200))
  await stalls(broker, probe)
  while (came < count) await sleep(50)
  console.log(
    `  all came                 ${((Date.now() - at) / 1000).toFixed(1)} s after they were due, RSS ${(broker.peak() / 1048576).toFixed(0)} MiB, ${await stalls(broker, probe)}`,
  )
  console.log(`  disk                     ${diskMiB(join(scratch, 'data'))} MiB`)
}

if (isMainThread) {
  const broker = await BenchBroker.start(join(scratch, 'data'), [], true)
  try {
    await run(broker)
  } finally {
    broker.destroy()
    rmSync(scratch, { recursive: true, force: true, maxRetries: 10 })
  }
  process.exit(0)
} else await probe(workerData)
