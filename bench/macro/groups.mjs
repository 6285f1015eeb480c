#!/usr/bin/env node
// Message groups: what they cost where messages flow, and what a stuck group with a long backlog does to the others.
//
//   npm run bench:groups                      100,000 groups over 64 consumers; then 500,000 messages behind a stuck one
//   npm run bench:groups -- --count 50000
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import amqp from 'amqplib'
import { BenchBroker, diskMiB } from './backlog-broker.mjs'

const { values } = parseArgs({
  options: { count: { type: 'string', default: '300000' }, stuck: { type: 'string', default: '500000' } },
})
const count = Number(values.count)
const stuck = Number(values.stuck)
const GROUPS = 100_000
const CONSUMERS = 64
const PREFETCH = 20
const BODY = Buffer.alloc(100)
const TICKS_PER_SECOND = 100
const scratch = mkdtempSync(join(tmpdir(), 'warren-groups-'))

const mib = (bytes) => `${(bytes / 1024 / 1024).toFixed(0)} MiB`
const headersOf = (group) => ({ headers: { 'x-message-group': `group-${group}` } })

/** Seconds of processor that the broker has used. */
function processorSeconds(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

async function publish(channel, queue, messages, propertiesOf) {
  for (let i = 0; i < messages; i++) {
    if (channel.sendToQueue(queue, BODY, propertiesOf(i))) continue
    await new Promise((resolve) => channel.once('drain', resolve))
  }
  await channel.waitForConfirms()
}

/** Consumers that acknowledge at once, on eight connections. @returns how many messages they have had, and how to end them */
async function consume(url, queue) {
  const state = { received: 0, onMessage: () => {}, connections: [] }
  for (let i = 0; i < 8; i++) state.connections.push(await amqp.connect(url))
  for (let i = 0; i < CONSUMERS; i++) {
    const channel = await state.connections[i % 8].createChannel()
    await channel.prefetch(PREFETCH)
    await channel.consume(queue, (message) => {
      state.received++
      channel.ack(message)
      state.onMessage()
    })
  }
  return state
}

const reached = (state, messages) =>
  new Promise((resolve) => {
    state.onMessage = () => {
      if (state.received >= messages) resolve()
    }
    state.onMessage()
  })

/** A random message of `GROUPS` groups after the other, as fast as they are consumed. */
async function flow(broker, queue, queueArguments) {
  const connection = await amqp.connect(broker.url)
  const channel = await connection.createConfirmChannel()
  await channel.assertQueue(queue, { durable: false, exclusive: false, arguments: queueArguments })
  const state = await consume(broker.url, queue)
  const processorBefore = processorSeconds(broker.pid)
  const began = performance.now()
  let random = 1
  const next = () => headersOf((random = (random * 48_271) % 2_147_483_647) % GROUPS)
  await Promise.all([publish(channel, queue, count, next), reached(state, count)])
  const seconds = (performance.now() - began) / 1000
  const micros = ((processorSeconds(broker.pid) - processorBefore) / count) * 1e6
  for (const each of [connection, ...state.connections]) await each.close()
  return { perSecond: count / seconds, micros }
}

async function compareFlows(broker) {
  const best = {}
  for (let round = 0; round < 3; round++) {
    for (const name of ['plain', 'groups']) {
      const result = await flow(broker, `flow-${name}-${round}`, { 'x-message-groups': name === 'groups' })
      if (best[name] === undefined || result.perSecond > best[name].perSecond) best[name] = result
    }
  }
  for (const [name, { perSecond, micros }] of Object.entries(best)) {
    console.log(
      `${name.padEnd(8)} ${Math.round(perSecond)} messages/s, ${micros.toFixed(2)} µs of the broker's processor each`,
    )
  }
  console.log(
    `groups have ${Math.round((best.groups.perSecond / best.plain.perSecond) * 100)} % of the plain queue's throughput`,
  )
}

/** One group is stuck, with a backlog; others come behind it. */
async function standBehind(broker) {
  const connection = await amqp.connect(broker.url)
  const channel = await connection.createConfirmChannel()
  await channel.assertQueue('stuck', { arguments: { 'x-message-groups': true } })
  const holder = await connection.createChannel()
  await holder.prefetch(1)
  await publish(channel, 'stuck', stuck, () => ({ persistent: true, ...headersOf('stuck') }))
  console.log(`${stuck} messages of one group in the queue, broker ${mib(broker.peak())}`)
  await holder.consume('stuck', () => {})
  const state = await consume(broker.url, 'stuck')
  const began = performance.now()
  await publish(channel, 'stuck', count, (i) => ({ persistent: true, ...headersOf(i % GROUPS) }))
  const published = performance.now()
  await reached(state, count)
  const total = (performance.now() - began) / 1000
  const behind = performance.now() - published
  console.log(
    `${count} of other groups: ${Math.round(count / total)}/s, the last ${behind.toFixed(0)} ms after it was confirmed; broker ${mib(broker.peak())}, disk ${diskMiB(join(scratch, 'data'))} MiB`,
  )
  for (const each of [connection, ...state.connections]) await each.close()
}

let broker = await BenchBroker.start(null, [])
try {
  await compareFlows(broker)
  broker.destroy()
  broker = await BenchBroker.start(join(scratch, 'data'), [])
  await standBehind(broker)
} finally {
  broker.destroy()
  rmSync(scratch, { recursive: true, force: true, maxRetries: 10 })
}
process.exit(0)
