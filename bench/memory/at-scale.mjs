/*
 * Resident memory of the broker as it is published (npm run build): when it has just started, with 10,000 idle connections, and with
 * 100,000 durable queues.
 *
 *     node bench/memory/at-scale.mjs [--connections 10000] [--queues 100000] [-- options of warren start]
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { connect } from 'amqplib'
import { amqpPortOf, residentMib } from '../broker-child.mjs'
import { openIdle } from '../idle-client.mjs'
import { nodeFlags } from '../macro/node-flags.ts'

const { values, positionals } = parseArgs({
  options: {
    connections: { type: 'string', default: '10000' },
    queues: { type: 'string', default: '100000' },
  },
  allowPositionals: true,
})
const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url))
const BATCH = 500
/** What was only needed meanwhile is given back some ten seconds later, by V8. */
const SETTLE_MS = 15_000

for (const part of [withConnections, withQueues]) {
  const directory = mkdtempSync(join(tmpdir(), 'warren-scale-'))
  const where = positionals.includes('--memory') ? [] : ['--data-dir', directory]
  const ports = [
    '--port',
    '0',
    '--management-port',
    '0',
    '--prometheus-port',
    '0',
    '--mqtt-port',
    '0',
    '--web-mqtt-port',
    '0',
  ]
  const child = spawn(process.execPath, [...nodeFlags, main, 'start', ...ports, ...where, ...positionals], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  try {
    const port = await amqpPortOf(child)
    await delay(SETTLE_MS)
    console.log(`idle: ${Math.round(residentMib(child.pid))} MiB`)
    const what = await part(port)
    await delay(SETTLE_MS)
    console.log(`${what}: ${Math.round(residentMib(child.pid))} MiB`)
  } finally {
    child.kill()
    await ended
    rmSync(directory, { recursive: true })
  }
}

async function withConnections(port) {
  const count = Number(values.connections)
  for (let open = 0; open < count; open += BATCH) {
    const sockets = await Promise.all(Array.from({ length: BATCH }, () => openIdle(port)))
    if (sockets.includes(null)) throw new Error('a connection was refused')
  }
  return `${count} idle connections`
}

async function withQueues(port) {
  const count = Number(values.queues)
  const connection = await connect(`amqp://localhost:${port}`, { noDelay: true })
  // gone with the process, which ends before it
  connection.on('error', () => {})
  const channel = await connection.createChannel()
  for (let made = 0; made < count; made += BATCH) {
    await Promise.all(Array.from({ length: BATCH }, (_, i) => channel.assertQueue(`queue-${made + i}`)))
  }
  return `${count} durable queues`
}
