/**
 * What things cost: bytes of memory per connection, channel, queue, binding, consumer, MQTT client and message, and on disk. What
 * is counted is what is alive on the heap and in buffers; resident memory comes in the steps in which V8 and the C library take it.
 *
 *     node bench/memory/main.ts [--memory] [--connections N] [--queues N] …
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Counts, measureCosts } from './costs.ts'
import { MeasuredBroker } from './measured-broker.ts'

const DEFAULTS: Counts = {
  connections: 1000,
  channels: 10_000,
  queues: 10_000,
  consumers: 10_000,
  bindings: 20_000,
  mqttConnections: 2000,
  messages: 100_000,
}

const { values } = parseArgs({
  options: {
    memory: { type: 'boolean', default: false },
    ...Object.fromEntries(Object.keys(DEFAULTS).map((name) => [name, { type: 'string' as const }])),
  },
})
const given = Object.entries(values).filter(([name]) => name !== 'memory')
const counts = { ...DEFAULTS, ...Object.fromEntries(given.map(([name, text]) => [name, Number(text)])) } as Counts

const directory = values.memory ? null : mkdtempSync(join(tmpdir(), 'warren-memory-'))
try {
  await using broker = await MeasuredBroker.start(directory === null ? ['--memory'] : ['--data-dir', directory])
  const idle = await broker.measure()
  console.log(`idle, from source: ${mib(idle.resident)} resident, ${mib(idle.live)} alive`)
  console.log('| one more | of | alive, bytes | resident, bytes |\n|---|---|---|---|')
  for (const { name, count, live, resident } of await measureCosts(broker, counts)) {
    console.log(`| ${name} | ${count} | ${live} | ${resident} |`)
  }
  const { resident } = await broker.measure()
  console.log(`in the end: ${mib(resident)} resident`)
  if (directory !== null) console.log(`on disk: ${mib(bytesOf(directory))}`)
} finally {
  if (directory !== null) rmSync(directory, { recursive: true })
}

function bytesOf(folder: string): number {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return entries.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0)
}

function mib(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`
}
