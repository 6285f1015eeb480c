#!/usr/bin/env node
// What a queue costs more with each feature on: the same persistent, confirmed, acknowledged load through a plain queue and through one that
// delays, retries, keeps groups in order or keeps duplicates out, by turns.
//
//   npm run bench:features -- --rounds 5 --seconds 3
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import amqp from 'amqplib'
import { BenchBroker } from './backlog-broker.mjs'

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '3' }, seconds: { type: 'string', default: '3' } },
})

/** Each load goes through a plain queue too: what it is compared with. */
const FEATURES = [
  { name: 'delays, not delayed', args: { 'x-delayed-message': true } },
  { name: 'retries', args: { 'x-retry-max-attempts': 5, 'x-retry-initial-delay': 1000 } },
  {
    name: 'duplicates, all different',
    args: { 'x-message-deduplication': true, 'x-cache-size': 100_000 },
    header: 'x-deduplication-header',
  },
  {
    name: 'duplicates, while in the queue',
    args: { 'x-message-deduplication': true },
    header: 'x-deduplication-header',
  },
  { name: 'duplicates, by numbers', args: { 'x-publisher-deduplication': true }, publisher: 'bench' },
  { name: 'groups, 100,000 of them', args: { 'x-message-groups': true }, header: 'x-message-group', values: 100_000 },
  { name: 'groups, without a group', args: { 'x-message-groups': true } },
]

const scratch = mkdtempSync(join(tmpdir(), 'warren-features-'))
const loader = join(scratch, 'amqpload')
execFileSync('cc', ['-O2', '-o', loader, join(dirname(fileURLToPath(import.meta.url)), 'amqpload.c'), '-lm'])
const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1]

function headersOf({ header, values: texts = 0, publisher }) {
  if (publisher !== undefined) return ['--publisher', publisher]
  return header === undefined ? ['--props'] : ['--header', header, '--values', String(texts)]
}

function deliveries(broker, queue, feature) {
  const load = `--queue ${queue} --no-declare --keep --durable --persistent --size 256 --seconds ${values.seconds}`
  const pace = '--confirm 1000 --prefetch 500 --ack-every 50 --consumers 4'
  const args = ['--port', String(broker.port), ...load.split(' '), ...pace.split(' '), ...headersOf(feature)]
  return JSON.parse(execFileSync(loader, args, { encoding: 'utf8' })).deliver_per_s
}

const broker = await BenchBroker.start(join(scratch, 'data'), [])
try {
  const channel = await (await amqp.connect(broker.url)).createChannel()
  await channel.assertQueue('plain')
  console.log('load                              with it    plain   share')
  for (const [i, feature] of FEATURES.entries()) {
    const queue = `feature-${i}`
    await channel.assertQueue(queue, { arguments: feature.args })
    const rates = { feature: [], plain: [] }
    for (let round = 0; round < Number(values.rounds); round++) {
      rates.feature.push(deliveries(broker, queue, feature))
      rates.plain.push(deliveries(broker, 'plain', feature))
      await channel.purgeQueue(queue)
      await channel.purgeQueue('plain')
    }
    const cells = [rates.feature, rates.plain].map((all) => String(Math.round(median(all))).padStart(9))
    // of each round by itself: whatever else the machine does, it does to both
    const share = median(rates.feature.map((rate, round) => rate / rates.plain[round]))
    console.log(`${feature.name.padEnd(32)}${cells.join('')}${share.toFixed(2).padStart(8)}`)
  }
} finally {
  broker.destroy()
  rmSync(scratch, { recursive: true, force: true, maxRetries: 10 })
}
process.exit(0)
