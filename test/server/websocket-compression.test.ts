/** What is compressed over WebSocket (permessage-deflate), where it may be, and what that must not cost. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { constants, deflateRawSync } from 'node:zlib'
import { AMQPWebSocketClient } from '@cloudamqp/amqp-client'
import { Client } from '@stomp/stompjs'
import mqtt, { type MqttClient } from 'mqtt'
import { type ClientOptions, WebSocket } from 'ws'
import { startBroker, type WarrenBroker } from '../../src/testkit/start-broker.ts'
import { residentBytes, withoutProc } from '../support/process-memory.ts'
import { startWarren } from '../support/warren-process.ts'

const COMPRESSES = Object.fromEntries(['amqp', 'mqtt', 'stomp'].map((name) => [`web_${name}.ws_opts.compress`, true]))

const text = JSON.stringify(Array.from({ length: 5000 }, (_, i) => ({ at: i, state: 'as it was before', room: i % 7 })))

async function start(t: TestContext, config: Record<string, boolean> = COMPRESSES): Promise<WarrenBroker> {
  const broker = await startBroker({ protocols: ['mqtt', 'stomp'], managementPort: 0, config })
  t.after(() => broker.stop())
  return broker
}

/** Makes the connections of `ws`, to count what goes over them. */
class Counted {
  readonly options: ClientOptions
  socket: Socket | null = null

  constructor(url: string) {
    const { hostname, port } = new URL(url)
    const createConnection = () => (this.socket = connect(Number(port), hostname))
    this.options = { perMessageDeflate: true, createConnection }
  }

  get sent(): number {
    return this.socket!.bytesWritten
  }

  get received(): number {
    return this.socket!.bytesRead
  }
}

async function withMqtt(t: TestContext, url: string): Promise<{ client: MqttClient; bytes: Counted }> {
  const bytes = new Counted(url)
  const options = { protocolVersion: 5, reconnectPeriod: 0, wsOptions: bytes.options } as const
  const client = await mqtt.connectAsync(url, options)
  t.after(() => client.endAsync(true))
  return { client, bytes }
}

/** Publishes the text to itself. */
async function echo(client: MqttClient): Promise<void> {
  await client.subscribeAsync('text', { qos: 1 })
  const message = new Promise<Buffer>((resolve) => client.once('message', (_topic, payload) => resolve(payload)))
  await client.publishAsync('text', text, { qos: 1 })
  assert.equal(String(await message), text)
}

test('MQTT clients send and get messages compressed', async (t) => {
  const broker = await start(t)
  const { client, bytes } = await withMqtt(t, broker.urls.webMqtt!)
  await echo(client)
  for (const count of [bytes.sent, bytes.received]) assert.ok(count < text.length / 5, `${count} bytes`)
})

test('nothing is compressed unless configured', async (t) => {
  const broker = await start(t, {})
  const { client, bytes } = await withMqtt(t, broker.urls.webMqtt!)
  await echo(client)
  for (const count of [bytes.sent, bytes.received]) assert.ok(count > text.length, `${count} bytes`)
  for (const url of [broker.urls.webStomp!, `${broker.managementUrl!.replace('http', 'ws')}/ws/amqp`]) {
    const web = new WebSocket(url)
    t.after(() => web.terminate())
    await once(web, 'open')
    assert.equal(web.extensions, '')
  }
})

test('clients that do not offer it go without', async (t) => {
  const broker = await start(t)
  const client = await mqtt.connectAsync(broker.urls.webMqtt!, { wsOptions: { perMessageDeflate: false } })
  t.after(() => client.endAsync(true))
  await echo(client)
})

test('STOMP clients send and get messages compressed', async (t) => {
  const broker = await start(t)
  const bytes = new Counted(broker.urls.webStomp!)
  const web = new WebSocket(broker.urls.webStomp!, ['v12.stomp'], bytes.options)
  const client = new Client({ webSocketFactory: () => web as never, reconnectDelay: 0 })
  t.after(() => client.deactivate({ force: true }))
  const got = new Promise<string>((resolve) => {
    client.onConnect = () => {
      client.subscribe('/queue/text', ({ body }) => resolve(body))
      client.publish({ destination: '/queue/text', body: text })
    }
  })
  client.activate()
  assert.equal(await got, text)
  for (const count of [bytes.sent, bytes.received]) assert.ok(count < text.length / 5, `${count} bytes`)
})

test('AMQP clients of browsers get messages compressed', async (t) => {
  const broker = await start(t)
  const url = `${broker.managementUrl!.replace('http', 'ws')}/ws/amqp`
  const client = new AMQPWebSocketClient({ url, username: 'guest', password: 'guest' })
  const connection = await client.connect()
  const { socket } = client as unknown as { socket: { extensions: string } }
  assert.match(socket.extensions, /permessage-deflate/)
  const channel = await connection.channel()
  await channel.queueDeclare('text')
  await channel.basicPublish('', 'text', text)
  assert.equal((await channel.basicGet('text'))!.bodyString(), text)
  await connection.close()
})

const MIB = 1024 * 1024

/** A frame with a compressed message of zeros in it, with a mask that changes nothing. */
function bomb(bytes: number): Buffer {
  const payload = deflateRawSync(Buffer.alloc(bytes), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4)
  const head = Buffer.alloc(14)
  head.set([0xc2, 0xff])
  head.writeUInt32BE(payload.length, 6)
  return Buffer.concat([head, payload])
}

test(
  'what grows beyond the limit ends its connection, and is felt by nobody else',
  { skip: withoutProc },
  async (t) => {
    const ports = ['--protocols', 'amqp,mqtt', '--mqtt-port', '0', '--web-mqtt-port', '0']
    const warren = await startWarren(t, [...ports, '--web-mqtt-ws-opts-compress'])
    const url = warren.url('MQTT over WebSocket')
    const { client } = await withMqtt(t, url)
    await echo(client)
    const frame = bomb(400 * MIB)
    const before = residentBytes(warren.pid)
    const webs = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const bytes = new Counted(url)
        const web = new WebSocket(url, ['mqtt'], bytes.options)
        t.after(() => web.terminate())
        web.on('error', () => {})
        await once(web, 'open')
        return { web, bytes }
      }),
    )
    let peak = 0
    const watch = setInterval(() => (peak = Math.max(peak, residentBytes(warren.pid))), 5)
    const codes = Promise.all(webs.map(async ({ web }) => (await once(web, 'close'))[0] as number))
    for (const { bytes } of webs) bytes.socket!.write(frame)
    await echo(client)
    const ends = await codes.finally(() => clearInterval(watch))
    assert.deepEqual([...new Set(ends)], [1009])
    // 17 MiB each, two at a time, and what is not collected yet
    const grown = Math.round((peak - before) / MIB)
    t.diagnostic(`${grown} MiB`)
    assert.ok(grown < 200, `${grown} MiB for ${webs.length} messages of 400 MiB`)
    await echo(client)
  },
)
