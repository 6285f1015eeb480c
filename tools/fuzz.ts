/**
 * Sends a million sound, damaged and meaningless frames of AMQP, packets of MQTT and frames of STOMP to a broker in this process:
 * `npm run fuzz -- [--frames N] [--seed N] [--protocol amqp|mqtt|stomp]`, one protocol or all. Ends with an error when the broker crashes, hangs, makes a mistake of its own, grows, or lets other clients feel it.
 */
import { parseArgs } from 'node:util'
import amqp from 'amqplib'
import { loadConfig } from '../src/config/load.ts'
import { type RunningServer, startServer } from '../src/server.ts'
import { type Log, silentLog } from '../src/telemetry/log.ts'
import type { Random } from './fuzz/frames.ts'
import { playPieces } from './fuzz/hostile-socket.ts'
import { mqttSession } from './fuzz/mqtt-packets.ts'
import { playSession } from './fuzz/session.ts'
import { stompSession } from './fuzz/stomp-frames.ts'

const SESSIONS_PER_ROUND = 300
const AT_ONCE = 4
/** Whoever asks gets an answer within this time, also while the machine is busy. */
const PATIENCE_MS = 20_000
/** Rounds until pools and compiled code have their size. */
const WARM_UP_ROUNDS = 5
const GROWTH_MAX_BYTES = 32 * 1024 * 1024
const VHOST = 'fuzz'
const LISTENERS = ['--mqtt-port', '0', '--web-mqtt-port', 'none', '--stomp-port', '0', '--web-stomp-port', 'none']

const PROTOCOLS = ['amqp', 'mqtt', 'stomp'] as const
type ProtocolName = (typeof PROTOCOLS)[number]

const { values } = parseArgs({
  options: { frames: { type: 'string' }, seed: { type: 'string' }, protocol: { type: 'string' } },
})
const protocols = PROTOCOLS.filter((name) => values.protocol === undefined || values.protocol === name)
if (protocols.length === 0) throw new Error(`--protocol is one of ${PROTOCOLS.join(', ')}`)
const wanted = Number(values.frames ?? 1_000_000)
const seed = Number(values.seed ?? Math.floor(Math.random() * 0x7fff_ffff))

const mistakes: string[] = []
const log: Log = {
  ...silentLog,
  error: (text, facts) => {
    const { err } = facts ?? {}
    mistakes.push(text)
    // at once: whatever happens next may end the process
    console.error(`${text}: ${err instanceof Error ? err.stack : JSON.stringify(facts)}`)
  },
  child: () => log,
}

async function within<T>(what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing within ${PATIENCE_MS / 1000} s`)), PATIENCE_MS)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Another client, in another vhost, that notices nothing. */
class Witness {
  slowestMs = 0
  #delivered: (body: string) => void = () => {}
  #channel: amqp.ConfirmChannel | null = null
  #connection: amqp.ChannelModel | null = null
  #stopped = false
  #done: Promise<void> = Promise.resolve()
  /** What it saw that it should not have. */
  failure: Error | null = null

  async start(url: string): Promise<void> {
    this.#connection = await amqp.connect(url, { noDelay: true })
    this.#channel = await this.#connection.createConfirmChannel()
    await this.#channel.assertQueue('witness', { exclusive: true })
    await this.#channel.consume('witness', (message) => this.#delivered(message!.content.toString()), { noAck: true })
    this.#done = this.#look().catch((error: Error) => {
      this.failure = error
    })
  }

  async #look(): Promise<void> {
    for (let i = 0; !this.#stopped; i++) {
      const started = performance.now()
      const delivered = new Promise<string>((resolve) => (this.#delivered = resolve))
      this.#channel!.sendToQueue('witness', Buffer.from(String(i)))
      const body = await within('another client', delivered)
      if (body !== String(i)) throw new Error(`another client got ${body}, not ${i}`)
      this.slowestMs = Math.max(this.slowestMs, performance.now() - started)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#done
    await this.#connection!.close()
  }
}

async function greetAfresh(url: string): Promise<void> {
  const connection = await amqp.connect(`${url}/${VHOST}`, { noDelay: true })
  const channel = await connection.createChannel()
  const { queue } = await channel.assertQueue('', { exclusive: true })
  channel.sendToQueue(queue, Buffer.from('hello'))
  const message = await channel.get(queue, { noAck: true })
  if (message === false || message.content.toString() !== 'hello') throw new Error('a new client lost its message')
  await connection.close()
}

function resetVhost({ broker }: RunningServer): void {
  if (broker.vhosts.has(VHOST)) broker.deleteVhost(VHOST)
  broker.putVhost(VHOST)
  broker.setPermission({ user: 'guest', vhost: VHOST, configure: '.*', write: '.*', read: '.*' })
}

const portOf = (url: string): number => Number(new URL(url).port)

/** @returns how many frames it has sent */
function playOne({ urls }: RunningServer, protocol: ProtocolName, sessionSeed: number): Promise<number> {
  if (protocol === 'amqp') return playSession({ port: portOf(urls.amqp[0]!), vhost: VHOST }, sessionSeed)
  const stomp = (random: Random): Buffer[] => stompSession(random, VHOST)
  return playPieces(portOf(urls[protocol][0]!), protocol === 'mqtt' ? mqttSession : stomp, sessionSeed)
}

async function playRound(server: RunningServer, first: number): Promise<number> {
  let next = first
  let frames = 0
  const worker = async (): Promise<void> => {
    while (next < first + SESSIONS_PER_ROUND) {
      const session = next++
      frames += await within(
        `session ${session}`,
        playOne(server, protocols[session % protocols.length]!, seed + session),
      )
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return frames
}

/** Twice, with a turn between: buffers go after the objects that held them. */
async function memory(): Promise<number> {
  for (let i = 0; i < 2; i++) {
    globalThis.gc?.()
    await new Promise((resolve) => setImmediate(resolve))
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

async function untilAlone({ broker }: RunningServer): Promise<void> {
  while (broker.connections.size > 1) await new Promise((resolve) => setTimeout(resolve, 5))
}

async function run(server: RunningServer): Promise<void> {
  const url = `amqp://guest:guest@127.0.0.1:${portOf(server.urls.amqp[0]!)}`
  const witness = new Witness()
  await witness.start(url)
  let frames = 0
  let base = 0
  for (let round = 0; frames < wanted; round++) {
    resetVhost(server)
    frames += await playRound(server, round * SESSIONS_PER_ROUND)
    await within('a new client', greetAfresh(url))
    server.broker.deleteVhost(VHOST)
    await within('closed connections', untilAlone(server))
    const bytes = await memory()
    if (round === WARM_UP_ROUNDS) base = bytes
    const text = `${frames} frames, ${(bytes / 1_000_000).toFixed(1)} MB, others waited ${witness.slowestMs.toFixed(0)} ms at most`
    console.log(text)
    if (witness.failure !== null) throw witness.failure
    if (mistakes.length > 0) throw new Error('the broker made mistakes')
    if (base > 0 && bytes > base + GROWTH_MAX_BYTES) throw new Error(`memory grew from ${base} to ${bytes} bytes`)
  }
  await witness.stop()
}

console.log(`seed ${seed}`)
if (globalThis.gc === undefined) console.log('without --expose-gc the memory shown includes garbage')
const server = await startServer(
  loadConfig({
    argv: ['--port', '0', '--management-port', '0', '--prometheus-port', 'none', '--memory', ...LISTENERS],
    keys: { 'mqtt.vhost': VHOST, 'stomp.default_vhost': VHOST },
    env: {},
  }),
  log,
)
const started = performance.now()
await run(server)
await server.stop('done')
console.log(`done in ${((performance.now() - started) / 1000).toFixed(0)} s`)
