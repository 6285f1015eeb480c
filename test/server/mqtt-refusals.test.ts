/** What MQTT clients are told: refusals with codes, and words where they take them; and the broker’s own topics. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startBroker, type WarrenBroker } from '../../src/testkit/start-broker.ts'
import { MqttWire } from '../support/mqtt-wire.ts'

let broker: WarrenBroker
let url: string
before(async () => {
  broker = await startBroker({
    protocols: ['mqtt'],
    config: { 'mqtt.disconnect_on_unauthorized': false },
    users: [
      {
        name: 'some',
        password: 'some',
        permissions: { '/': { configure: '^mqtt-subscription-', write: '^mqtt-subscription-', read: '^mqtt-' } },
      },
    ],
  })
  url = broker.urls.mqtt!
})
after(() => broker.stop())

const some = { username: 'some', password: Buffer.from('some') }

describe('reason strings', () => {
  test('explain PUBACK, PUBREC, SUBACK and UNSUBACK', async () => {
    const client = await MqttWire.connect(url, 5, { clientId: 'told', ...some })
    await client.publish('a', 'x', { qos: 1 })
    const puback = await client.expect('puback')
    assert.equal(puback.reasonCode, 0x87)
    assert.match(puback.properties!.reasonString!, /write access to exchange 'amq\.topic'.* refused/)
    await client.publish('a', 'x', { qos: 2, messageId: 2 })
    const pubrec = await client.expect('pubrec')
    assert.equal(pubrec.reasonCode, 0x87)
    assert.match(pubrec.properties!.reasonString!, /refused/)
    const subscriptions = [
      { topic: 'a', qos: 1 },
      { topic: 'a#', qos: 1 },
    ] as const
    await client.send({ cmd: 'subscribe', messageId: 3, subscriptions: [...subscriptions] })
    const suback = await client.expect('suback')
    assert.deepEqual(suback.granted, [0x87, 0x8f])
    assert.match(suback.properties!.reasonString!, /read access .* refused.*; the filter has a wildcard beside/)
    await client.send({ cmd: 'unsubscribe', messageId: 4, unsubscriptions: ['#a'] })
    const unsuback = await client.expect('unsuback')
    assert.deepEqual(unsuback.granted, [0x8f])
    assert.match(unsuback.properties!.reasonString!, /the filter has a wildcard beside/)
    await client.disconnect()
  })

  test('are left out where the client wants none', async () => {
    const properties = { requestProblemInformation: false }
    const client = await MqttWire.connect(url, 5, { clientId: 'short', properties, ...some })
    await client.publish('a', 'x', { qos: 1 })
    const puback = await client.expect('puback')
    assert.deepEqual([puback.reasonCode, puback.properties], [0x87, undefined])
    await client.send({ cmd: 'subscribe', messageId: 3, subscriptions: [{ topic: 'a#', qos: 1 }] })
    assert.equal((await client.expect('suback')).properties?.reasonString, undefined)
    await client.disconnect()
  })

  test('are left out where the packet would be larger than the client takes', async () => {
    const properties = { maximumPacketSize: 30 }
    const client = await MqttWire.connect(url, 5, { clientId: 'small', properties, ...some })
    await client.publish('a', 'x', { qos: 1 })
    assert.equal((await client.expect('puback')).properties, undefined)
    await client.publish('a/#', 'x')
    const goodbye = await client.expect('disconnect')
    assert.deepEqual([goodbye.reasonCode, goodbye.properties?.reasonString], [0x90, undefined])
  })

  test('explain why a client is not let in, but not why its login failed', async () => {
    const unknown = await MqttWire.open(url, 5)
    await unknown.sendConnect({ properties: { authenticationMethod: 'x' } })
    const refused = await unknown.connack()
    assert.equal(refused.reasonCode, 0x8c)
    assert.equal(refused.properties!.reasonString, "the authentication method 'x' is not known")
    const wrong = await MqttWire.open(url, 5)
    await wrong.sendConnect({ password: Buffer.from('wrong') })
    const { reasonCode, properties } = await wrong.connack()
    assert.deepEqual([reasonCode, properties?.reasonString], [0x86, undefined])
  })

  test('a will on the broker’s own topics is refused', async () => {
    const client = await MqttWire.open(url, 5)
    await client.sendConnect({
      will: { topic: '$SYS/broker/version', payload: Buffer.from('mine'), qos: 0, retain: true },
    })
    assert.equal((await client.connack()).reasonCode, 0x90)
  })
})

describe('a client is sent no packet larger than it takes', () => {
  test('be it CONNACK, which leaves out what it can, or refuses', async () => {
    const told = new Map<number, string>()
    const user = { username: 'guest', password: Buffer.from('guest') }
    for (let maximumPacketSize = 1; maximumPacketSize <= 100; maximumPacketSize++) {
      const client = await MqttWire.open(url, 5)
      const properties = { maximumPacketSize, requestResponseInformation: true }
      await client.sendConnect({ clientId: 'narrow', keepalive: 60, properties, ...user })
      const packet = await client.next()
      if (packet?.cmd !== 'connack') told.set(maximumPacketSize, 'nothing')
      else {
        assert.ok(packet.length! + 2 <= maximumPacketSize, `${packet.length! + 2} of ${maximumPacketSize} bytes`)
        told.set(maximumPacketSize, [packet.reasonCode, ...Object.keys(packet.properties ?? {}).toSorted()].join(' '))
      }
      client.cut()
    }
    assert.deepEqual(
      [...new Set(told.values())],
      [
        'nothing',
        '149',
        '0 maximumPacketSize receiveMaximum',
        '0 maximumPacketSize receiveMaximum topicAliasMaximum',
        '0 maximumPacketSize receiveMaximum responseInformation topicAliasMaximum',
      ],
    )
  })

  test('or SUBACK, without which there is no way to go on', async () => {
    const client = await MqttWire.connect(url, 5, { clientId: 'narrow', properties: { maximumPacketSize: 20 } })
    const subscriptions = (count: number) =>
      Array.from({ length: count }, (_, i) => ({ topic: `narrow/${i}`, qos: 1 as const }))
    await client.send({ cmd: 'subscribe', messageId: 1, subscriptions: subscriptions(15) })
    assert.equal((await client.expect('suback')).granted.length, 15)
    await client.send({ cmd: 'subscribe', messageId: 2, subscriptions: subscriptions(16) })
    assert.equal((await client.expect('disconnect')).reasonCode, 0x95)
    assert.equal(await client.next(), null)
  })
})

for (const version of [4, 5] as const) {
  test(`version ${version}: a PUBLISH without a topic ends the connection, and comes to nobody`, async () => {
    const subscriber = await MqttWire.connect(url, version, { clientId: `all-${version}` })
    await subscriber.subscribe('#', 0)
    const client = await MqttWire.connect(url, version, { clientId: `mute-${version}` })
    const properties = version === 5 ? [0] : []
    const rest = [0, 0, ...properties, 120]
    await client.wire.send(Buffer.from([0x30, rest.length, ...rest]))
    await client.wire.untilClosed()
    const came = await subscriber.ping()
    assert.deepEqual(
      came.filter((packet) => packet.cmd === 'publish' && !packet.topic.startsWith('$')),
      [],
    )
    await subscriber.disconnect()
  })
}

test('$SYS names the broker and its own version', async () => {
  const client = await MqttWire.connect(url, 5, { clientId: 'sys' })
  await client.subscribe('$SYS/broker/version', 0)
  assert.match((await client.expect('publish')).payload.toString(), /^WarrenMQ \d+\.\d+\.\d+/)
  await client.disconnect()
})

test('$SYS counts each session once whose client is away, whatever its queues', async () => {
  const lasting = { clean: false, properties: { sessionExpiryInterval: 60 } }
  for (const [clientId, levels] of [
    ['zero', [0]],
    ['both', [0, 1]],
  ] as const) {
    const client = await MqttWire.connect(url, 5, { clientId, ...lasting })
    for (const qos of levels) await client.subscribe(`away/${qos}`, qos)
    await client.disconnect()
  }
  const client = await MqttWire.connect(url, 5, { clientId: 'counting' })
  await client.subscribe('$SYS/broker/clients/disconnected', 0)
  assert.equal((await client.expect('publish')).payload.toString(), '2')
  await client.disconnect()
})
