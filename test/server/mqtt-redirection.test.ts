/** Where MQTT 5 clients are told to go that the broker does not serve, or no longer (MQTT 5.0, 4.11). */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { test, type TestContext } from 'node:test'
import mqtt, { type IClientOptions, type IConnackPacket, type IDisconnectPacket, type Packet } from 'mqtt'
import { startBroker, type StartBrokerOptions, type WarrenBroker } from '../../src/index.ts'
import { missing } from '../clients/debian/programs.ts'
import { MqttWire } from '../support/mqtt-wire.ts'
import { eventually } from '../support/with-broker.ts'

const ELSEWHERE = 'mqtt-2.example.org:1883 [fe80::1]:8883'
const USE_ANOTHER_SERVER = 0x9c
const SHUTTING_DOWN = 0x8b
const QUOTA_EXCEEDED = 0x97

type Keys = Readonly<Record<string, string>>

async function start(t: TestContext, config: Keys, more: StartBrokerOptions = {}): Promise<WarrenBroker> {
  const broker = await startBroker({ protocols: ['mqtt'], config, ...more })
  t.after(() => broker.stop())
  return broker
}

const redirecting = (t: TestContext, config: Keys = {}, more: StartBrokerOptions = {}): Promise<WarrenBroker> =>
  start(t, { 'warren.mqtt.server_reference': ELSEWHERE, ...config }, more)

function dial(t: TestContext, { urls }: WarrenBroker, options: IClientOptions = {}): mqtt.MqttClient {
  const client = mqtt.connect(urls.mqtt!, { protocolVersion: 5, reconnectPeriod: 0, ...options })
  t.after(() => client.endAsync(true))
  return client
}

/** What CONNACK says to a client that is refused. */
async function refusal(t: TestContext, broker: WarrenBroker, options: IClientOptions = {}): Promise<IConnackPacket> {
  const client = dial(t, broker, options)
  client.on('error', () => {})
  const packet = await new Promise<Packet>((resolve) => client.once('packetreceive', resolve))
  assert.equal(packet.cmd, 'connack')
  return packet
}

/** What DISCONNECT says to a client when the broker stops; null where it comes without one. */
async function farewell(t: TestContext, broker: WarrenBroker, options = {}): Promise<IDisconnectPacket | null> {
  const client = dial(t, broker, options)
  await new Promise((resolve) => client.once('connect', resolve))
  const told = new Promise<IDisconnectPacket | null>((resolve) => {
    client.once('disconnect', resolve)
    client.once('close', () => resolve(null))
  })
  await broker.stop()
  return told
}

test('clients are told to use another server when the broker stops', async (t) => {
  const packet = await farewell(t, await redirecting(t))
  assert.equal(packet!.reasonCode, USE_ANOTHER_SERVER)
  assert.equal(packet!.properties!.serverReference, ELSEWHERE)
  assert.notEqual(packet!.properties!.reasonString, undefined)
})

test('clients of MQTT 3.1.1 are told nothing when it stops', async (t) => {
  assert.equal(await farewell(t, await redirecting(t), { protocolVersion: 4 }), null)
})

test('without another server all is as it is', async (t) => {
  const full = await start(t, { connection_max: '0' })
  const { reasonCode, properties } = await refusal(t, full)
  assert.deepEqual([reasonCode, properties?.serverReference], [QUOTA_EXCEEDED, undefined])
  assert.equal((await refusal(t, full, { protocolVersion: 4 })).returnCode, 5)
  const packet = await farewell(t, await start(t, {}))
  assert.deepEqual([packet!.reasonCode, packet!.properties?.serverReference], [SHUTTING_DOWN, undefined])
})

test('clients beyond the limit of the node are told to use another server', async (t) => {
  const broker = await redirecting(t, { connection_max: '1' })
  const first = dial(t, broker)
  await new Promise((resolve) => first.once('connect', resolve))
  const { reasonCode, properties } = await refusal(t, broker)
  assert.deepEqual([reasonCode, properties!.serverReference], [USE_ANOTHER_SERVER, ELSEWHERE])
  assert.match(properties!.reasonString!, /node connection limit \(1\) is reached/)
  assert.equal((await refusal(t, broker, { protocolVersion: 4 })).returnCode, 5)
})

for (const limit of ['vhost-limits/%2F', 'user-limits/guest']) {
  test(`so are those beyond one of ${limit}`, async (t) => {
    const broker = await redirecting(t, {}, { managementPort: 0 })
    const answer = await fetch(`${broker.managementUrl!}/api/${limit}/max-connections`, {
      method: 'PUT',
      headers: { authorization: `Basic ${btoa('guest:guest')}`, 'content-type': 'application/json' },
      body: JSON.stringify({ value: 0 }),
    })
    assert.ok(answer.ok, await answer.text())
    const { reasonCode, properties } = await refusal(t, broker)
    assert.deepEqual([reasonCode, properties!.serverReference], [USE_ANOTHER_SERVER, ELSEWHERE])
  })
}

test('who fails to log in is sent nowhere', async (t) => {
  const { reasonCode, properties } = await refusal(t, await redirecting(t), { username: 'guest', password: 'wrong' })
  assert.deepEqual([reasonCode, properties?.serverReference], [0x86, undefined])
})

test('packets are as small as clients want them: first the reason goes, then the reference', async (t) => {
  const full = await redirecting(t, { connection_max: '0' })
  const connacks = new Map<number, IConnackPacket>()
  // head, flags and code, length of the properties, and a reference with its id and length
  const small = 2 + 2 + 1 + 3 + ELSEWHERE.length
  for (const maximumPacketSize of [small, small - 1]) {
    const client = await MqttWire.open(full.urls.mqtt!, 5)
    t.after(() => client.cut())
    await client.sendConnect({ properties: { maximumPacketSize } })
    const packet = await client.connack()
    assert.equal(packet.reasonCode, USE_ANOTHER_SERVER)
    connacks.set(maximumPacketSize, packet)
  }
  assert.deepEqual({ ...connacks.get(small)!.properties }, { serverReference: ELSEWHERE })
  assert.deepEqual({ ...connacks.get(small - 1)!.properties }, {})

  const broker = await redirecting(t)
  const clients = await Promise.all(
    [small - 1, small - 2].map((maximumPacketSize) =>
      MqttWire.connect(broker.urls.mqtt!, 5, { clientId: `c${maximumPacketSize}`, properties: { maximumPacketSize } }),
    ),
  )
  await broker.stop()
  const told = await Promise.all(clients.map((client) => client.expect('disconnect')))
  assert.deepEqual(
    told.map(({ reasonCode, properties }) => [reasonCode, { ...properties }]),
    [
      [USE_ANOTHER_SERVER, { serverReference: ELSEWHERE }],
      [USE_ANOTHER_SERVER, {}],
    ],
  )
})

const skip = missing('mosquitto-clients', { program: 'sh', args: ['-c', 'command -v mosquitto_sub'] })

test('mosquitto_sub understands it', { skip }, async (t) => {
  /** Runs to its end. */
  const subscribe = async ({ urls }: WarrenBroker): Promise<string> => {
    const { hostname, port } = new URL(urls.mqtt!)
    const child = spawn('mosquitto_sub', ['-V', '5', '-h', hostname, '-p', port, '-t', 'x', '-d'])
    t.after(() => child.kill())
    let said = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()))
    await new Promise((resolve) => child.once('close', resolve))
    return said
  }
  assert.match(await subscribe(await redirecting(t, { connection_max: '0' })), /Use another server/)
  const broker = await redirecting(t)
  const said = subscribe(broker)
  await eventually(() => broker.queues().some(({ consumers }) => consumers > 0))
  await broker.stop()
  assert.match(await said, /Received DISCONNECT \(156\)/)
})
