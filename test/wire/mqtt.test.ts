/** What is on the wire: sound and broken packets of all versions, whole, byte by byte and cut at random. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startBroker, type WarrenBroker } from '../../src/testkit/start-broker.ts'
import { MqttWire, type Version } from '../support/mqtt-wire.ts'
import { byteByByte, cutAtRandom, whole, WireClient } from './wire-client.ts'

let broker: WarrenBroker
let url: string
before(async () => {
  broker = await startBroker({ protocols: ['mqtt'] })
  url = broker.urls.mqtt!
})
after(() => broker.stop())

const CUTS = { whole, byteByByte, 'cut at random': cutAtRandom(7) }
const bytesOf = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex')

/** What the broker says to these bytes until it closes the connection. */
async function answerTo(hex: string, cut = whole): Promise<string> {
  const { hostname, port } = new URL(url)
  const wire = await WireClient.connect(hostname, Number(port), cut)
  await wire.send(bytesOf(hex))
  return (await wire.untilClosed()).toString('hex')
}

/** A refusal of MQTT 5 in less than 128 bytes. */
function connack(code: number, reason: string): string {
  const text = Buffer.from(reason)
  const head = Buffer.from([0x20, text.length + 6, 0, code, text.length + 3, 0x1f, 0, text.length])
  return Buffer.concat([head, text]).toString('hex')
}

const CONNECT_4 = '10 0d 00044d515454 04 02 0000 0001 61'
const CONNECT_5 = '10 0e 00044d515454 05 02 0000 00 0001 61'
const CONNACK_4 = '20020000'
/** Maximum packet size, receive maximum, alias maximum: as the defaults are. */
const CONNACK_5 = '200e00000b2103e8270100000022 0010'.replaceAll(' ', '')
const DISCONNECT = 'e000'

describe('before the login', () => {
  const refused: readonly (readonly [name: string, send: string, answer: string])[] = [
    ['what is no MQTT', '474554202f20485454502f312e310d0a', ''],
    ['another packet than CONNECT', 'c000', ''],
    ['a PUBLISH', '3003000161', ''],
    ['CONNECT with flags', '11 0d 00044d515454 04 02 0000 0001 61', ''],
    ['another protocol', '10 0d 00044d515453 04 02 0000 0001 61', ''],
    ['MQTT 6', '10 0d 00044d515454 06 02 0000 0001 61', '20020001'],
    ['MQIsdp 4', '10 0f 00064d5149736470 04 02 0000 0001 61', '20020001'],
    ['the reserved flag', '10 0d 00044d515454 04 03 0000 0001 61', ''],
    ['a will of QoS 3', '10 13 00044d515454 04 1e 0000 0001 61 000162 000163', ''],
    ['a QoS without a will', '10 0d 00044d515454 04 0a 0000 0001 61', ''],
    ['a password without a user (3.1.1)', '10 10 00044d515454 04 42 0000 0001 61 0001 62', ''],
    ['a packet that is too short', '10 08 00044d515454 04 02', ''],
    ['bytes behind CONNECT', '10 0e 00044d515454 04 02 0000 0001 61 00', ''],
    ['a client id that is no UTF-8', '10 0d 00044d515454 04 02 0000 0001 ff', ''],
    ['a client id with a null character', '10 0d 00044d515454 04 02 0000 0001 00', ''],
    ['a length of five bytes', '10 ffffffff7f', ''],
    ['a packet that is too large', '10 80808002', ''],
    ['an empty client id for a session that lasts', '10 0c 00044d515454 04 00 0000 0000', '20020002'],
    ['a wrong password (3.1.1)', '10 13 00044d515454 04 c2 0000 0001 61 0001 62 0001 63', '20020004'],
    ['a wrong password (5)', '10 14 00044d515454 05 c2 0000 00 0001 61 0001 62 0001 63', '2003008600'],
    ['an unknown vhost', '10 18 00044d515454 04 c2 0000 0001 61 0006 783a67756573 0001 63', '20020004'],
    [
      'an unknown authentication method',
      '10 12 00044d515454 05 02 0000 04 15000178 0001 61',
      connack(0x8c, "the authentication method 'x' is not known"),
    ],
    ['authentication data without a method', '10 12 00044d515454 05 02 0000 04 16000178 0001 61', ''],
    ['a receive maximum of 0', '10 11 00044d515454 05 02 0000 03 210000 0001 61', ''],
    ['a maximum packet size of 0', '10 13 00044d515454 05 02 0000 05 2700000000 0001 61', ''],
    ['a property twice', '10 14 00044d515454 05 02 0000 06 210001 210001 0001 61', ''],
    ['a property of another packet', '10 11 00044d515454 05 02 0000 03 230001 0001 61', ''],
    ['an unknown property', '10 10 00044d515454 05 02 0000 02 7f01 0001 61', ''],
    [
      'a will with a wildcard',
      '10 15 00044d515454 05 06 0000 00 0001 61 00 000123 000163',
      connack(0x90, 'the topic of the will has a wildcard'),
    ],
  ]
  for (const [name, send, answer] of refused) {
    test(name, async () => {
      for (const cut of Object.values(CUTS)) assert.equal(await answerTo(send, cut), answer)
    })
  }

  test('is let in by every version', async () => {
    const connect3 = '10 0f 00064d5149736470 03 02 0000 0001 61'
    for (const cut of Object.values(CUTS)) {
      assert.equal(await answerTo(`${connect3} ${DISCONNECT}`, cut), CONNACK_4)
      assert.equal(await answerTo(`${CONNECT_4} ${DISCONNECT}`, cut), CONNACK_4)
      assert.equal(await answerTo(`${CONNECT_5} ${DISCONNECT}`, cut), CONNACK_5)
    }
  })

  test('an id is given to who has none', async () => {
    const client = await MqttWire.open(url, 5)
    await client.sendConnect({ clientId: '' })
    const { properties } = await client.connack()
    assert.match(properties!.assignedClientIdentifier!, /^auto-/)
    await client.disconnect()
  })
})

describe('afterwards', () => {
  const broken: readonly (readonly [name: string, send: string, reason: number])[] = [
    ['a second CONNECT', CONNECT_5, 0x82],
    ['a packet of servers', '20020000', 0x82],
    ['a packet of type 0', '0000', 0x82],
    ['a PUBLISH of QoS 3', '36 03 0001 61', 0x81],
    ['a PUBLISH of QoS 0 sent again', '38 04 0001 61 00', 0x81],
    ['a PUBLISH with the packet id 0', '32 06 0001 61 0000 00', 0x81],
    ['a PUBLISH on a wildcard', '30 04 0001 23 00', 0x90],
    ['a PUBLISH on no topic', '30 03 0000 00', 0x82],
    ['a topic alias of 0', '30 07 0001 61 03 230000', 0x94],
    ['a topic alias beyond the maximum', '30 07 0001 61 03 230011', 0x94],
    ['a topic alias that stands for nothing', '30 06 0000 03 230001', 0x82],
    ['a subscription identifier from a client', '30 06 0001 61 02 0b01', 0x82],
    ['a payload format that is none', '30 06 0001 61 02 0102', 0x82],
    ['a response topic with a wildcard', '30 08 0001 61 04 08000123', 0x82],
    ['PUBREL with wrong flags', '60 02 0001', 0x81],
    ['SUBSCRIBE with wrong flags', '80 07 0001 00 0001 61 00', 0x81],
    ['SUBSCRIBE without filters', '82 03 0001 00', 0x82],
    ['SUBSCRIBE with the packet id 0', '82 07 0000 00 0001 61 00', 0x81],
    ['SUBSCRIBE with QoS 3', '82 07 0001 00 0001 61 03', 0x81],
    ['SUBSCRIBE with reserved options', '82 07 0001 00 0001 61 40', 0x81],
    ['SUBSCRIBE with a retain handling of 3', '82 07 0001 00 0001 61 30', 0x82],
    ['SUBSCRIBE with the identifier 0', '82 09 0001 02 0b00 0001 61 00', 0x82],
    ['a shared subscription without its own messages', '82 10 0001 00 000a 2473686172652f672f61 04', 0x82],
    ['UNSUBSCRIBE without filters', 'a2 03 0001 00', 0x82],
    ['AUTH out of turn', 'f0 02 18 00', 0x82],
    ['a DISCONNECT that makes a session last', 'e0 07 00 05 110000000a', 0x82],
    ['a packet that is too large', '30 ffffff7f', 0x95],
    ['a PINGREQ with a body', 'c0 01 00', 0x81],
  ]
  for (const [name, send, reason] of broken) {
    test(name, async () => {
      for (const cut of Object.values(CUTS)) {
        const answer = bytesOf(await answerTo(`${CONNECT_5} ${send}`, cut))
        const told = answer.subarray(CONNACK_5.length / 2)
        assert.equal(told[0], 0xe0, 'DISCONNECT')
        assert.equal(told[2], reason)
      }
    })
  }

  test('MQTT 3 is told nothing: the connection is closed', async () => {
    for (const send of ['36 03 0001 61', '30 03 0001 23', '82 02 0001', '82 06 0001 0001 61 04', CONNECT_4]) {
      assert.equal(await answerTo(`${CONNECT_4} ${send}`), CONNACK_4)
    }
  })

  test('what is pipelined behind CONNECT is answered in order', async () => {
    const subscribe = '82 06 0001 0001 61 00'
    for (const cut of Object.values(CUTS)) {
      const answer = await answerTo(`${CONNECT_4} ${subscribe} 30040001 6162 c000 ${DISCONNECT}`, cut)
      assert.equal(answer, `${CONNACK_4}9003000100${'300400016162'}d000`)
    }
  })

  for (const version of [3, 4, 5] as Version[]) {
    test(`QoS 1 and 2 have their answers in version ${version}`, async () => {
      const client = await MqttWire.connect(url, version, { clientId: `answers-${version}` })
      await client.publish('nowhere', 'x', { qos: 1, messageId: 5 })
      const puback = await client.expect('puback')
      assert.equal(puback.messageId, 5)
      if (version === 5) assert.equal(puback.reasonCode, 0x10)
      await client.publish('nowhere', 'x', { qos: 2, messageId: 6 })
      assert.equal((await client.expect('pubrec')).messageId, 6)
      await client.send({ cmd: 'pubrel', messageId: 6, reasonCode: 0 })
      assert.equal((await client.expect('pubcomp')).messageId, 6)
      await client.send({ cmd: 'pubrel', messageId: 7, reasonCode: 0 })
      const unknown = await client.expect('pubcomp')
      if (version === 5) assert.equal(unknown.reasonCode, 0x92)
      await client.disconnect()
    })

    test(`a filter that is none is refused alone in version ${version}`, async () => {
      const client = await MqttWire.connect(url, version, { clientId: `filters-${version}` })
      const subscriptions = [
        { topic: 'a/#/b', qos: 1 as const },
        { topic: 'a', qos: 1 as const },
        { topic: '$share//a', qos: 0 as const },
      ]
      await client.send({ cmd: 'subscribe', messageId: 1, subscriptions })
      const bad = version === 5 ? 0x8f : 0x80
      assert.deepEqual((await client.expect('suback')).granted, [bad, 1, bad])
      await client.disconnect()
    })
  }

  test('a PUBLISH of QoS 2 that comes again is published once', async () => {
    const client = await MqttWire.connect(url, 4, { clientId: 'once' })
    await client.subscribe('once', 0)
    await client.publish('once', 'x', { qos: 2, messageId: 9 })
    await client.publish('once', 'x', { qos: 2, messageId: 9, dup: true })
    const kinds = (await client.ping()).map(({ cmd }) => cmd).sort()
    assert.deepEqual(kinds, ['publish', 'pubrec', 'pubrec'])
    await client.disconnect()
  })

  test('who has more under way than is allowed is told so', async () => {
    const own = await startBroker({ protocols: ['mqtt'], config: { 'warren.mqtt.receive_maximum': 2 } })
    try {
      const client = await MqttWire.open(own.urls.mqtt!, 5)
      await client.sendConnect()
      assert.equal((await client.connack()).properties!.receiveMaximum, 2)
      for (const messageId of [1, 2, 3]) await client.publish('a', 'x', { qos: 2, messageId })
      for (const messageId of [1, 2]) assert.equal((await client.expect('pubrec')).messageId, messageId)
      assert.equal((await client.expect('disconnect')).reasonCode, 0x93)
    } finally {
      await own.stop()
    }
  })
})
