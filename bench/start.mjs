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
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { nodeFlags } from './macro/node-flags.mjs'

const { values, positionals } = parseArgs({
  options: { rounds: { type: 'string', default: '20' }, from: { type: 'string', default: 'src/main.ts' } },
  allowPositionals: true,
})
const root = fileURLToPath(new URL('..', import.meta.url))
const rounds = Number(values.rounds)
const SETTLE_MS = 1000
const TICKS_PER_SEC = 100

const OPEN_OK = 41
/** What a client says to connection.start and connection.tune, by method number. */
const ANSWERS = {
  10: () => method(11, shortTable(), short('PLAIN'), long('\0guest\0guest'), short('en_US')),
  30: (tune) => Buffer.concat([method(31, tune.subarray(4)), method(40, short('/'), short(''), Buffer.from([0]))]),
}

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
    while (!(await opens(port))) {
      if (child.exitCode !== null) throw new Error('the broker did not start')
      await delay(1)
    }
    const ms = Math.round(performance.now() - began)
    const cpuMs = processorMs(child.pid)
    await delay(SETTLE_MS)
    return { ms, cpuMs, mib: residentMib(child.pid) }
  } finally {
    child.kill()
    await exited
    if (directory !== null) rmSync(directory, { recursive: true })
  }
}

/** Takes one connection through the handshake. @returns whether it came to be open */
function opens(port) {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    const end = (isOpen) => {
      socket.destroy()
      resolve(isOpen)
    }
    let read = Buffer.alloc(0)
    socket.on('connect', () => socket.write(Buffer.from('AMQP\0\0\x09\x01', 'latin1')))
    socket.on('data', (chunk) => {
      read = Buffer.concat([read, chunk])
      while (read.length >= 7 && read.length >= 8 + read.readUInt32BE(3)) {
        const payload = read.subarray(7, 7 + read.readUInt32BE(3))
        read = read.subarray(8 + payload.length)
        const answer = ANSWERS[payload.readUInt16BE(2)]
        if (answer === undefined) return end(payload.readUInt16BE(2) === OPEN_OK)
        socket.write(answer(payload))
      }
    })
    socket.on('error', () => end(false))
    socket.on('close', () => end(false))
  })
}

function method(number, ...parts) {
  const payload = Buffer.concat([Buffer.from([0, 10, 0, number]), ...parts])
  const head = Buffer.from([1, 0, 0, 0, 0, 0, 0])
  head.writeUInt32BE(payload.length, 3)
  return Buffer.concat([head, payload, Buffer.from([0xce])])
}

const shortTable = () => Buffer.alloc(4)
const short = (text) => Buffer.concat([Buffer.from([text.length]), Buffer.from(text)])
const long = (text) => Buffer.concat([Buffer.from([0, 0, 0, text.length]), Buffer.from(text)])

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

function residentMib(pid) {
  const [, kib] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Math.round(Number(kib) / 102.4) / 10
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
