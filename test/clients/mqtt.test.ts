/** The npm client `mqtt`, as Node.js developers use it, over TCP and WebSocket. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import mqtt, { type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt'
import { startBroker, type WarrenBroker } from '../../src/testkit/start-broker.ts'

let broker: WarrenBroker
before(async () => {
  broker = await startBroker({ protocols: ['mqtt'] })
})
after(() => broker.stop())

async function withClient(
  options: IClientOptions,
  use: (client: MqttClient) => Promise<void>,
  url = broker.urls.mqtt!,
): Promise<void> {
  const client = await mqtt.connectAsync(url, { reconnectPeriod: 0, ...options })
  try {
    await use(client)
  } finally {
    await client.endAsync(true)
  }
}

const nextMessage = (client: MqttClient): Promise<[topic: string, payload: Buffer, packet: IPublishPacket]> =>
  new Promise((resolve) => client.once('message', (...message) => resolve(message)))

for (const protocolVersion of [3, 4, 5] as const) {
  const version = protocolVersion === 3 ? ({ protocolVersion, protocolId: 'MQIsdp' } as const) : { protocolVersion }

  for (const qos of [0, 1, 2] as const) {
    test(`publishes and subscribes with QoS ${qos} in version ${protocolVersion}`, () =>
      withClient({ ...version, clientId: `v${protocolVersion}q${qos}` }, async (client) => {
        const topic = `room/${protocolVersion}/${qos}`
        const [granted] = await client.subscribeAsync(topic, { qos })
        assert.equal(granted!.qos, qos)
        const message = nextMessage(client)
        await client.publishAsync(topic, 'hello', { qos })
        const [gotTopic, payload, packet] = await message
        assert.deepEqual([gotTopic, String(payload), packet.qos], [topic, 'hello', qos])
      }))
  }

  test(`many messages of QoS 2 arrive once, in order, in version ${protocolVersion}`, () =>
    withClient({ ...version, clientId: `many${protocolVersion}` }, async (client) => {
      const topic = `many/${protocolVersion}`
      await client.subscribeAsync(topic, { qos: 2 })
      const got: number[] = []
      const all = new Promise<void>((resolve) =>
        client.on('message', (_topic, payload) => {
          got.push(Number(payload.toString()))
          if (got.length === 200) resolve()
        }),
      )
      await Promise.all(Array.from({ length: 200 }, (_, i) => client.publishAsync(topic, String(i), { qos: 2 })))
      await all
      assert.deepEqual(
        got,
        Array.from({ length: 200 }, (_, i) => i),
      )
    }))

  test(`speaks over WebSocket in version ${protocolVersion}`, () =>
    withClient(
      { ...version, clientId: `web${protocolVersion}` },
      async (client) => {
        await client.subscribeAsync('web', { qos: 1 })
        const message = nextMessage(client)
        await client.publishAsync('web', Buffer.alloc(100_000, 1), { qos: 1 })
        const [, payload] = await message
        assert.equal(payload.length, 100_000)
      },
      broker.urls.webMqtt,
    ))
}

test('a request has its answer by response topic and correlation data', () =>
  withClient({ protocolVersion: 5, clientId: 'asks' }, (asking) =>
    withClient({ protocolVersion: 5, clientId: 'answers' }, async (answering) => {
      await answering.subscribeAsync('questions')
      answering.on('message', (_topic, payload, { properties }) => {
        const { correlationData } = properties!
        answering.publish(properties!.responseTopic!, `${payload.toString()}!`, {
          properties: correlationData === undefined ? {} : { correlationData },
        })
      })
      await asking.subscribeAsync('answers/asks')
      const answer = nextMessage(asking)
      await asking.publishAsync('questions', 'well', {
        properties: { responseTopic: 'answers/asks', correlationData: Buffer.from([1, 0xff]) },
      })
      const [, payload, packet] = await answer
      assert.equal(String(payload), 'well!')
      assert.deepEqual(packet.properties!.correlationData, Buffer.from([1, 0xff]))
    }),
  ))

test('a wrong password is refused', async () => {
  const options = { username: 'guest', password: 'wrong', reconnectPeriod: 0 }
  await assert.rejects(
    mqtt.connectAsync(broker.urls.mqtt!, { ...options, protocolVersion: 4 }),
    /Bad username or password/i,
  )
  await assert.rejects(
    mqtt.connectAsync(broker.urls.mqtt!, { ...options, protocolVersion: 5 }),
    /Bad User Name or Password/i,
  )
})
