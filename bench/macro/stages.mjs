/*
 * What each stage of the message path costs: a CPU profile of the broker under a load, summed by stage, in nanoseconds for each message delivered.
 *
 *     node bench/macro/stages.mjs [--seconds 5]
 */
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { amqpPortOf } from '../broker-child.mjs'
import { nodeFlags } from './node-flags.ts'

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '5' } } })
const seconds = Number(values.seconds)
/** Of the end of the profile: the load's last second has no start-up in it, and no warm-up. */
const WINDOW_SHARE = 0.5

const LOADS = {
  'transient-16B': '--size 16',
  'durable-confirmed-1KiB': '--size 1024 --persistent --durable --confirm 1000 --prefetch 500 --ack-every 50',
  'fanout-1-to-10': '--size 256 --consumers 10 --queues 10 --exchange-type fanout',
}

/** The first that matches the place of a function, or its name where it has none, has its time. */
const STAGES = [
  ['garbage collection', /^\(garbage collector\)/],
  ['kernel and libuv: reading, polling', /^\(program\)/],
  // functions of V8 without a name are copies between typed arrays
  ['copying bytes, checksums', /^(copyImpl|_copyActual|copy|crc32|createUnsafeBuffer)? (node:|$)/],
  ['kernel: writing', /^(writeBuffer|writev|writeBuffers|writeLatin1String|writeUtf8String) /],
  [
    'socket to chunk, chunk to socket',
    /net\/transport\.ts|net\/buffer-pool\.ts|node:net|node:internal\/stream|node:stream|node:internal\/streams|onStreamRead/,
  ],
  ['frames in', /wire\/frame-parser\.ts|amqp091\/connection\.ts/],
  [
    'methods in, message put together',
    /amqp091\/(channel|publish-assembler)\.ts|wire\/(properties|methods\.gen|reader)\.ts/,
  ],
  [
    'session: permission, route, confirms',
    /core\/(publishing|session|router|confirms|commits|message|vhost|exchange)\.ts|core\/exchanges\//,
  ],
  ['settlement', /core\/(settlement|unacked)\.ts/],
  ['queue and dispatch', /core\/queues\/|core\/(consumer|message-memory|message-counters)\.ts/],
  ['frames out', /wire\/hot\.ts/],
  ['store', /\/store\//],
  ['turns, rings, clocks', /\/util\/|node:internal\/timers|processImmediate/],
  ['other', /./],
]

const root = fileURLToPath(new URL('../..', import.meta.url))
const scratch = mkdtempSync(join(tmpdir(), 'warren-stages-'))
try {
  const loader = join(scratch, 'amqpload')
  const source = join(dirname(fileURLToPath(import.meta.url)), 'amqpload.c')
  execFileSync('cc', ['-O2', '-o', loader, source, '-lm'], { stdio: 'inherit' })
  const columns = []
  for (const [name, args] of Object.entries(LOADS)) columns.push(await profile(name, args.split(' '), loader))
  console.log(`| stage | ${Object.keys(LOADS).join(' | ')} |\n|---|${'---|'.repeat(columns.length)}`)
  for (const [stage] of STAGES) console.log(`| ${stage} | ${columns.map((costs) => costs.get(stage)).join(' | ')} |`)
  console.log(`| together | ${columns.map((costs) => costs.get('together')).join(' | ')} |`)
} finally {
  rmSync(scratch, { recursive: true })
}

/** @returns nanoseconds for each message, by stage */
async function profile(name, args, loader) {
  const folder = join(scratch, name)
  const options = ['--port', '0', '--management-port', 'none', '--prometheus-port', 'none']
  const where = ['--protocols', 'amqp', '--data-dir', join(folder, 'data'), '--log-level', 'error']
  const flags = [...nodeFlags, '--cpu-prof', '--cpu-prof-interval', '500', '--cpu-prof-dir', folder]
  const broker = spawn(process.execPath, [...flags, join(root, 'src/main.ts'), 'start', ...options, ...where], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise((resolve) => broker.once('exit', resolve))
  let rate
  try {
    const port = String(await amqpPortOf(broker))
    const output = execFileSync(loader, [...args, '--port', port, '--seconds', String(seconds)], { encoding: 'utf8' })
    rate = JSON.parse(output).deliver_per_s
  } finally {
    broker.kill()
    await ended
  }
  const file = readdirSync(folder).find((each) => each.endsWith('.cpuprofile') && /\.0\.\d+\.cpuprofile$/.test(each))
  return sumByStage(JSON.parse(readFileSync(join(folder, file), 'utf8')), rate)
}

function sumByStage({ nodes, samples, timeDeltas, startTime, endTime }, rate) {
  const stageOf = new Map(nodes.map(({ id, callFrame }) => [id, stageOfFrame(callFrame)]))
  const from = endTime - seconds * 1e6 * (1 - WINDOW_SHARE / 2)
  const to = from + seconds * 1e6 * WINDOW_SHARE
  const micros = new Map(STAGES.map(([stage]) => [stage, 0]))
  let at = startTime
  for (const [i, id] of samples.entries()) {
    at += timeDeltas[i]
    const stage = stageOf.get(id)
    if (at >= from && at < to && stage !== null) micros.set(stage, micros.get(stage) + timeDeltas[i])
  }
  const messages = rate * seconds * WINDOW_SHARE
  const costs = new Map([...micros].map(([stage, spent]) => [stage, Math.round((spent * 1000) / messages)]))
  return costs.set(
    'together',
    [...costs.values()].reduce((sum, cost) => sum + cost, 0),
  )
}

function stageOfFrame({ functionName, url }) {
  if (functionName === '(idle)' || functionName === '(root)') return null
  return STAGES.find(([, pattern]) => pattern.test(`${functionName} ${url}`))[0]
}
