#!/usr/bin/env node
// MQTT beside Debian's mosquitto: the same loads through both by turns, in one run.
//
//   npm run bench:mqtt -- --rounds 3 --seconds 3 --only 'fan-in'
//
// WarrenMQ has a data directory; mosquitto keeps nothing. Both may have 1,000 messages in flight to a subscriber.
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { nodeFlags } from './node-flags.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
    clients: { type: 'string', default: '10000' },
    only: { type: 'string', default: '' },
    /** Profiles the broker: the file is written to this folder when the run is over. */
    profile: { type: 'string' },
  },
})

const LOADS = {
  'one to one, QoS 0': '--qos 0',
  'one to one, QoS 1': '--qos 1',
  'fan-in, QoS 0': `--publishers ${values.clients} --qos 0`,
  'fan-in, QoS 1': `--publishers ${values.clients} --qos 1`,
  'fan-out 1 to 1,000, QoS 0': '--subscribers 1000 --qos 0 --window 10',
  'fan-out 1 to 1,000, QoS 1': '--subscribers 1000 --qos 1 --window 10',
}

const here = dirname(fileURLToPath(import.meta.url))
const scratch = mkdtempSync(join(tmpdir(), 'warren-mqtt-'))
const loader = join(scratch, 'mqttload')
execFileSync('cc', ['-O2', '-o', loader, join(here, 'mqttload.c'), '-lm'], { stdio: 'inherit' })

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address()
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function untilOpen(port) {
  const isOpen = () =>
    new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false))
      socket.once('close', () => socket.destroy())
      socket.once('connect', () => socket.destroy())
    })
  while (!(await isOpen())) await new Promise((resolve) => setTimeout(resolve, 20))
}

async function startMosquitto() {
  const port = await freePort()
  const config = join(scratch, 'mosquitto.conf')
  const lines = [`listener ${port} 127.0.0.1`, 'allow_anonymous true', 'persistence false', 'max_connections -1']
  writeFileSync(config, [...lines, 'max_inflight_messages 1000', 'max_queued_messages 100000', ''].join('\n'))
  const child = spawn('/usr/sbin/mosquitto', ['-c', config], { stdio: 'ignore' })
  await untilOpen(port)
  return { name: 'mosquitto', port, child }
}

async function startWarren() {
  const main = join(here, '..', '..', 'src', 'main.ts')
  const ports = ['--port', '0', '--mqtt-port', '0', '--management-port', '0', '--prometheus-port', 'none']
  const where = [
    '--data-dir',
    join(scratch, 'data'),
    '--web-mqtt-port',
    'none',
    '--log-level',
    'warn',
    '--mqtt-prefetch',
    '1000',
  ]
  const profile = values.profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', values.profile]
  const args = [
    ...nodeFlags,
    ...profile,
    main,
    'start',
    '--bind',
    '127.0.0.1',
    '--protocols',
    'amqp,mqtt',
    ...ports,
    ...where,
  ]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const port = await new Promise((resolve, reject) => {
    let text = ''
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      text += chunk
      if (text.includes('is ready')) resolve(Number(/mqtt:\/\/[^\s:]+:(\d+)/.exec(text)[1]))
    })
    child.once('exit', () => reject(new Error(`the broker did not start:\n${text}`)))
  })
  return { name: 'warrenmq', port, child }
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1]

function measure({ port }, load) {
  const common = ['--port', String(port), '--user', 'guest', '--password', 'guest', '--seconds', values.seconds]
  const result = execFileSync(loader, [...common, ...load.split(' ')], { encoding: 'utf8', timeout: 60_000 })
  return JSON.parse(result)
}

const brokers = [await startWarren(), await startMosquitto()]
try {
  console.log('messages delivered per second         warrenmq  mosquitto   ratio    p99 ms          lost')
  for (const [name, load] of Object.entries(LOADS)) {
    if (!name.includes(values.only)) continue
    const results = brokers.map(() => [])
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const [i, broker] of brokers.entries()) results[i].push(measure(broker, load))
    }
    const rates = results.map((all) => median(all.map(({ deliver_per_s: rate }) => rate)))
    const latencies = results.map((all) => (median(all.map((one) => one.latency_us.p99)) / 1000).toFixed(0))
    const lost = results.map((all) => all.reduce((sum, one) => sum + one.lost, 0))
    const cells = [...rates.map((rate) => String(Math.round(rate)).padStart(11)), (rates[0] / rates[1]).toFixed(2)]
    console.log(
      `${name.padEnd(35)}${cells[0]}${cells[1]}${cells[2].padStart(8)}  ${latencies.join(' / ').padEnd(14)}  ${lost.join(' / ')}`,
    )
  }
} finally {
  for (const { child } of brokers) {
    child.removeAllListeners('exit')
    child.kill()
    await new Promise((resolve) => child.once('exit', resolve))
  }
  rmSync(scratch, { recursive: true, force: true, maxRetries: 10 })
}
