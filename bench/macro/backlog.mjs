#!/usr/bin/env node
// Long queues: how fast they fill, what they cost in memory and on disk, how long a restart takes, how fast they empty.
//
//   npm run bench:backlog                        everything: ten million messages, some minutes
//   npm run bench:backlog -- --scale 0.1 --only a,d
//   npm run bench:backlog -- --end kill          restarts after kill -9 instead of a stop in good order
//
//   a  10,000,000 persistent messages of 100 bytes in one durable queue
//   b  1,000,000 of 1 KiB in one
//   c  1,000,000 of 100 bytes in 1,000 queues
//   d  for comparison, a backlog in memory: 500,000 of 100 bytes, 200,000 of 1 KiB
//   e  the same load into 1, 100 and 1,000 queues, and how long 2,000 declarations take
//
// Flags after -- go to the broker. Counts are checked, times are not.
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import amqp from 'amqplib'
import { BenchBroker, diskMiB } from './backlog-broker.mjs'

const SETTLE_MS = 10_000
const here = dirname(fileURLToPath(import.meta.url))
const { values, positionals } = parseArgs({
  options: {
    only: { type: 'string', default: 'a,b,c,d,e' },
    scale: { type: 'string', default: '1' },
    end: { type: 'string', default: 'stop' },
    patience: { type: 'string', default: '3600' },
  },
  allowPositionals: true,
})
const scale = Number(values.scale)
const only = values.only.split(',')
const scratch = mkdtempSync(join(tmpdir(), 'warren-backlog-'))
const loader = join(scratch, 'amqpload')
let running = null

function cleanUp() {
  running?.destroy()
  rmSync(scratch, { recursive: true, force: true, maxRetries: 10 })
}
process.on('exit', cleanUp)
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1))

/** Runs the load generator without standing in the way of the memory samples. */
async function load(broker, args) {
  const fixed = ['--host', '127.0.0.1', '--port', String(broker.port), '--patience', values.patience]
  const child = spawn(loader, [...fixed, ...args.split(' ')], { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (chunk) => (text += chunk))
  const code = await new Promise((resolve) => child.once('close', resolve))
  if (code !== 0) throw new Error(`the load generator ended with ${code}: ${args}`)
  return JSON.parse(text)
}

async function newBroker(dataDir) {
  running = await BenchBroker.start(dataDir, positionals)
  return running
}

async function stopBroker(broker, how) {
  await broker.stop(how)
  running = null
}

const HEADINGS = ['load', 'phase', 'seconds', 'messages/s', 'peak RSS MiB', 'disk MiB']
const WIDTHS = [26, 14, 10, 12, 14, 10]
const row = (...columns) =>
  console.log(columns.map((c, i) => (i < 2 ? String(c).padEnd(WIDTHS[i]) : String(c).padStart(WIDTHS[i]))).join(''))
const rate = (count, seconds) => Math.round(count / seconds)
const mib = (bytes) => (bytes / 1024 / 1024).toFixed(0)

function check(what, is, expected) {
  if (is !== expected) throw new Error(`${what}: ${is}, not ${expected}`)
}

async function counted(broker, queues) {
  const connection = await amqp.connect(broker.url)
  const channel = await connection.createChannel()
  let sum = 0
  for (const queue of queues) sum += (await channel.checkQueue(queue)).messageCount
  await connection.close()
  return sum
}

const names = (queue, queues) => (queues === 1 ? [queue] : Array.from({ length: queues }, (_, i) => `${queue}-${i}`))

/** In, restart, out. */
async function backlog(title, { count, size, queues }) {
  const dataDir = join(scratch, title.replaceAll(/\W+/g, '-'))
  const shared = queues > 1 ? `--queues ${queues} --spread ` : ''
  const common = `${shared}--queue backlog --durable --keep`
  let broker = await newBroker(dataDir)
  row(title, 'empty', '', '', mib(broker.peak()), diskMiB(dataDir))
  const filled = await load(
    broker,
    `${common} --persistent --size ${size} --consumers 0 --confirm 2000 --count ${count}`,
  )
  check('confirmed', filled.confirmed, count)
  row(title, 'publish', filled.seconds, rate(count, filled.seconds), mib(broker.peak()), diskMiB(dataDir))
  let began = performance.now()
  await stopBroker(broker, values.end)
  row(title, values.end, ((performance.now() - began) / 1000).toFixed(3), '', '', diskMiB(dataDir))

  began = performance.now()
  broker = await newBroker(dataDir)
  const ready = (performance.now() - began) / 1000
  row(title, 'ready again', ready.toFixed(3), '', mib(broker.peak()), diskMiB(dataDir))
  check('messages after the restart', await counted(broker, names('backlog', queues)), count)
  const drained = await load(broker, `${common} --no-declare --drain --count ${count} --prefetch 1000 --ack-every 100`)
  check('delivered', drained.delivered, count)
  const peak = mib(broker.peak())
  row(title, 'first delivery', (ready + drained.first_delivery_s).toFixed(3), '', '', '')
  row(title, 'drain', drained.seconds, rate(count, drained.seconds), peak, diskMiB(dataDir))
  check('messages after the drain', await counted(broker, names('backlog', queues)), 0)
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
  row(title, '10 s later', '', '', mib(broker.now()), diskMiB(dataDir))
  await stopBroker(broker, 'stop')
  rmSync(dataDir, { recursive: true, force: true })
}

async function inMemory(title, { count, size }) {
  const broker = await newBroker(null)
  const filled = await load(
    broker,
    `--queue backlog --durable --keep --persistent --size ${size} --consumers 0 --confirm 2000 --count ${count}`,
  )
  check('confirmed', filled.confirmed, count)
  row(title, 'publish', filled.seconds, rate(count, filled.seconds), mib(broker.peak()), '')
  const drained = await load(
    broker,
    `--queue backlog --durable --drain --count ${count} --prefetch 1000 --ack-every 100`,
  )
  check('delivered', drained.delivered, count)
  row(title, 'drain', drained.seconds, rate(count, drained.seconds), mib(broker.peak()), '')
  await stopBroker(broker, 'stop')
}

async function manyQueues() {
  const rates = []
  const count = Math.round(300_000 * scale)
  for (const queues of [1, 100, 1000]) {
    const title = `e ${queues} queues`
    const dataDir = join(scratch, `many-${queues}`)
    const broker = await newBroker(dataDir)
    const spread = `--queues ${queues} ${queues > 1 ? '--spread ' : ''}--queue many --durable --keep`
    const args = `${spread} --persistent --size 100 --consumers 0 --confirm 2000 --count ${count}`
    const filled = await load(broker, args)
    check('confirmed', filled.confirmed, count)
    check('messages', await counted(broker, names('many', queues)), count)
    rates.push(rate(count, filled.seconds))
    row(title, 'publish', filled.seconds, rates.at(-1), mib(broker.peak()), diskMiB(dataDir))
    await stopBroker(broker, 'kill')
    rmSync(dataDir, { recursive: true, force: true })
  }
  row('e', 'best / worst', (Math.max(...rates) / Math.min(...rates)).toFixed(2), '', '', '')
}

async function declarations() {
  const count = Math.round(2000 * scale)
  const dataDir = join(scratch, 'declarations')
  const broker = await newBroker(dataDir)
  const connection = await amqp.connect(broker.url)
  const channel = await connection.createChannel()
  let began = performance.now()
  for (let i = 0; i < count; i++) await channel.assertQueue(`one-${i}`, { durable: true })
  report('one by one')
  began = performance.now()
  const declare = (50 << 16) | 10
  const fields = { passive: false, durable: true, exclusive: false, autoDelete: false, nowait: true, arguments: {} }
  for (let i = 0; i < count; i++) channel.sendImmediately(declare, { ...fields, queue: `pipelined-${i}` })
  await channel.assertQueue(`pipelined-last`, { durable: true })
  report('no-wait')
  check('messages', await counted(broker, [`one-${count - 1}`, `pipelined-${count - 1}`]), 0)
  await connection.close()
  await stopBroker(broker, 'kill')
  rmSync(dataDir, { recursive: true, force: true })

  function report(phase) {
    const seconds = (performance.now() - began) / 1000
    row(`e declare ${count} queues`, phase, seconds.toFixed(3), rate(count, seconds), mib(broker.peak()), '')
  }
}

execFileSync('cc', ['-O2', '-o', loader, join(here, 'amqpload.c'), '-lm'], { stdio: 'inherit' })
row(...HEADINGS)
const scaled = (count) => Math.round(count * scale)
if (only.includes('a')) await backlog('a 100 B in 1', { count: scaled(10_000_000), size: 100, queues: 1 })
if (only.includes('b')) await backlog('b 1 KiB in 1', { count: scaled(1_000_000), size: 1024, queues: 1 })
if (only.includes('c')) await backlog('c 100 B in 1000', { count: scaled(1_000_000), size: 100, queues: 1000 })
if (only.includes('d')) {
  await inMemory('d 100 B in memory', { count: scaled(500_000), size: 100 })
  await inMemory('d 1 KiB in memory', { count: scaled(200_000), size: 1024 })
}
if (only.includes('e')) {
  await manyQueues()
  await declarations()
}
