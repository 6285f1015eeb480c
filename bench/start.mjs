/*
 * How long a start takes, from the spawn of the process to the first AMQP connection that is open, and what the idle process
 * weighs afterwards. By turns with `node -e 0`, the floor of the platform; medians are printed.
 *
 *     node bench/start.mjs [--rounds 20] [--from dist/main.js] [-- options of warren start]
 *
 * Each start has an empty data directory of its own, unless the options say --memory.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { residentMib } from './broker-child.mjs'
import { openIdle } from './idle-client.mjs'
import { nodeFlags } from './macro/node-flags.ts'

const { values, positionals } = parseArgs({
  options: { rounds: { type: 'string', default: '20' }, from: { type: 'string', default: 'src/main.ts' } },
  allowPositionals: true,
})
const root = fileURLToPath(new URL('..', import.meta.url))
const rounds = Number(values.rounds)
/** What loading left is given back a second after the start. */
const SETTLE_MS = 2500
const TICKS_PER_SEC = 100

async function timeNode() {
  const began = performance.now()
  const child = spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' })
  await new Promise((resolve) => child.once('exit', resolve))
  return Math.round(performance.now() - began)
}

async function timeStart() {
  const port = await freePort()
  const isInMemory = positionals.includes('--memory')
  const directory = isInMemory ? null : mkdtempSync(join(tmpdir(), 'warren-start-'))
  const where = directory === null ? [] : ['--data-dir', directory]
  const options = ['--port', String(port), '--management-port', '0', '--prometheus-port', '0', ...where, ...positionals]
  const began = performance.now()
  const child = spawn(process.execPath, [...nodeFlags, join(root, values.from), 'start', ...options], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const exited = new Promise((resolve) => child.once('exit', resolve))
  try {
    let socket = null
    while ((socket = await openIdle(port)) === null) {
      if (child.exitCode !== null) throw new Error('the broker did not start')
      await delay(1)
    }
    const ms = Math.round(performance.now() - began)
    const cpuMs = processorMs(child.pid)
    socket.destroy()
    await delay(SETTLE_MS)
    return { ms, cpuMs, mib: Math.round(residentMib(child.pid) * 10) / 10 }
  } finally {
    child.kill()
    await exited
    if (directory !== null) rmSync(directory, { recursive: true })
  }
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}

function processorMs(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SEC
}

function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)]
}

const starts = []
const floors = []
for (let round = 0; round < rounds; round++) {
  floors.push(await timeNode())
  starts.push(await timeStart())
}
const row = (name, numbers, unit) => [
  name,
  `${median(numbers)} ${unit}`,
  `${Math.min(...numbers)} to ${Math.max(...numbers)}`,
]
console.log(`${values.from} ${positionals.join(' ')}, ${rounds} starts, median and range`)
for (const cells of [
  row('node -e 0', floors, 'ms'),
  row(
    'spawn to open connection',
    starts.map(({ ms }) => ms),
    'ms',
  ),
  row(
    'processor time until then',
    starts.map(({ cpuMs }) => cpuMs),
    'ms',
  ),
  row(
    'resident memory when idle',
    starts.map(({ mib }) => mib),
    'MiB',
  ),
]) {
  console.log(`  ${cells[0].padEnd(28)}${cells[1].padEnd(12)}${cells[2]}`)
}
