/**
 * What idle things cost: bytes of resident memory per connection, per channel, per queue, per MQTT connection and per queued message, and
 * the time that declaring takes. The broker runs in a process of its own; run with
 *
 *     node bench/memory.ts [--data-dir DIR]
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { once } from 'node:events'
import { connect as connectTo, type Socket } from 'node:net'
import { connect } from 'amqplib'
import mqtt from 'mqtt-packet'

const CONNECTIONS = 1000
const CHANNELS = 1000
const QUEUES = 10_000
const MESSAGES = 200_000

const where = process.argv.includes('--data-dir') ? process.argv.slice(-2) : ['--memory']
const main = new URL('../src/main.ts', import.meta.url).pathname
const broker = spawn(
  process.execPath,
  [
    main,
    'start',
    '--port',
    '0',
    '--mqtt-port',
    '0',
    '--web-mqtt-port',
    'none',
    '--management-port',
    '0',
    '--prometheus-port',
    'none',
    ...where,
  ],
  {
    stdio: ['ignore', 'pipe', 'inherit'],
  },
)
const { amqp: url, mqtt: mqttUrl } = await addressesOf(broker)
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

  const beforeMqtt = await settledBytes()
  const sockets: Socket[] = []
  for (let i = 0; i < CONNECTIONS; i++) sockets.push(await openMqtt(mqttUrl, i))
  report(`${CONNECTIONS} idle MQTT connections`, beforeMqtt, CONNECTIONS)
  const beforeSubscriptions = await settledBytes()
  for (const socket of sockets) {
    await ask(socket, { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'bench/topic', qos: 1 }] })
  }
  report(`${CONNECTIONS} subscriptions of MQTT clients`, beforeSubscriptions, CONNECTIONS)
  for (const socket of sockets) socket.destroy()

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

function addressesOf(child: ChildProcess): Promise<{ amqp: string; mqtt: string }> {
  return new Promise((resolve, reject) => {
    let text = ''
    child.stdout!.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      const [amqp, mqttAddress] = [/amqp:\/\/[^\s]+/, /mqtt:\/\/[^\s]+/].map((pattern) => pattern.exec(text)?.[0])
      if (text.includes('is ready') && amqp !== undefined && mqttAddress !== undefined) {
        resolve({ amqp, mqtt: mqttAddress })
      }
    })
    child.once('exit', () => reject(new Error('the broker did not start')))
  })
}

/** A bare socket, so that this process costs little beside the broker. */
async function openMqtt(address: string, i: number): Promise<Socket> {
  const { hostname, port } = new URL(address)
  const socket = connectTo(Number(port), hostname)
  await ask(socket, { cmd: 'connect', clientId: `bench-${i}`, clean: true, keepalive: 0, protocolVersion: 4 })
  return socket
}

async function ask(socket: Socket, packet: mqtt.Packet): Promise<void> {
  socket.write(mqtt.generate(packet))
  await once(socket, 'data')
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
