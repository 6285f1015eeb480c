/**
 * What idle things cost: bytes of resident memory per connection, per channel, per queue and per queued message, and the
 * time that declaring takes. The broker runs in a process of its own; run with
 *
 *     node bench/memory.ts [--data-dir DIR]
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { connect } from 'amqplib'

const CONNECTIONS = 1000
const CHANNELS = 1000
const QUEUES = 10_000
const MESSAGES = 200_000

const where = process.argv.includes('--data-dir') ? process.argv.slice(-2) : ['--memory']
const main = new URL('../src/main.ts', import.meta.url).pathname
const broker = spawn(
  process.execPath,
  [main, 'start', '--port', '0', '--management-port', '0', '--prometheus-port', 'none', ...where],
  {
    stdio: ['ignore', 'pipe', 'inherit'],
  },
)
const url = await addressOf(broker)
try {
  const idle = await settledBytes()
  console.log(`idle process: ${mib(idle)}`)
  const connections = await Promise.all(Array.from({ length: CONNECTIONS }, () => connect(url)))
  report(`${CONNECTIONS} idle connections`, idle, CONNECTIONS)

  const beforeChannels = await settledBytes()
  for (let i = 0; i < CHANNELS; i++) await connections[i % 10]!.createChannel()
  report(`${CHANNELS} idle channels`, beforeChannels, CHANNELS)

  const channel = await connections[0]!.createConfirmChannel()
  const beforeQueues = await settledBytes()
  const started = performance.now()
  for (let i = 0; i < QUEUES; i++) await channel.assertQueue(`bench-${i}`, { durable: true })
  console.log(`${QUEUES} durable queues declared one after the other: ${Math.round(performance.now() - started)} ms`)
  report(`${QUEUES} queues`, beforeQueues, QUEUES)

  const beforeMessages = await settledBytes()
  const body = Buffer.alloc(100)
  for (let i = 0; i < MESSAGES; i++) {
    channel.sendToQueue('bench-0', body)
    if (i % 1000 === 0) await channel.waitForConfirms()
  }
  await channel.waitForConfirms()
  report(`${MESSAGES} queued messages of 100 bytes`, beforeMessages, MESSAGES)
  await Promise.all(connections.map((connection) => connection.close()))
} finally {
  broker.kill()
}

function addressOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    child.stdout!.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      const address = /amqp:\/\/[^\s]+/.exec(text)
      if (text.includes('is ready') && address !== null) resolve(address[0])
    })
    child.once('exit', () => reject(new Error('the broker did not start')))
  })
}

function residentBytes(): number {
  const status = readFileSync(`/proc/${broker.pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]) * 1024
}

/** Resident memory once it has stopped moving. */
async function settledBytes(): Promise<number> {
  let last = residentBytes()
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 1000))
    const now = residentBytes()
    if (Math.abs(now - last) < 256 * 1024) return now
    last = now
  }
}

function report(what: string, before: number, count: number): void {
  const grown = residentBytes() - before
  console.log(`${what}: ${mib(grown)}, ${Math.round(grown / count)} bytes each`)
}

function mib(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`
}
