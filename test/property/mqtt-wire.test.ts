/** MQTT's bytes: against another implementation, mqtt-packet, both ways; and what is no MQTT, which is refused. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import mqtt, { type Packet } from 'mqtt-packet'
import { MqttError } from '../../src/protocols/mqtt/errors.ts'
import * as decode from '../../src/protocols/mqtt/wire/decode.ts'
import * as encode from '../../src/protocols/mqtt/wire/encode.ts'
import { PacketParser } from '../../src/protocols/mqtt/wire/packet-parser.ts'
import { PacketReader } from '../../src/protocols/mqtt/wire/packet-reader.ts'
import { encodeProperties, readProperties } from '../../src/protocols/mqtt/wire/properties.ts'
import * as p from '../../src/protocols/mqtt/wire/packets.ts'
import { Interner } from '../../src/util/interner.ts'
import { Random } from '../../tools/fuzz/frames.ts'
import { damaged, mqttSession } from '../../tools/fuzz/mqtt-packets.ts'
import { cutAtRandom } from '../wire/wire-client.ts'

type Decoded = ReturnType<typeof decodeAny>

const BYTES_MAX = 1024 * 1024
const topics = new Interner()
/** Of the PUBLISH before, as it may be. */
const TOPIC = 'a/b'

/** What a server does with a packet of a client. */
function decodeAny(first: number, reader: PacketReader, version: p.Version) {
  const type = first >>> 4
  switch (type) {
    case p.CONNECT:
      return { type, ...decode.decodeConnect(reader) }
    case p.PUBLISH: {
      const { buffer, payloadOffset, payloadLength, ...rest } = decode.decodePublish(
        reader,
        first & 15,
        version,
        topics,
        TOPIC,
      )
      return { type, ...rest, payload: Buffer.from(buffer.subarray(payloadOffset, payloadOffset + payloadLength)) }
    }
    case p.SUBSCRIBE:
      return { type, ...decode.decodeSubscribe(reader, version) }
    case p.UNSUBSCRIBE:
      return { type, ...decode.decodeUnsubscribe(reader, version) }
    case p.DISCONNECT:
    case p.AUTH:
      return { type, ...decode.decodeReason(reader, type, version) }
    default:
      return { type, ...decode.decodeAck(reader, type, version) }
  }
}

type OnPacket = (first: number, buffer: Buffer, start: number, end: number) => void

class Parser extends PacketParser {
  protected override readonly onPacket: OnPacket

  constructor(bytesMax: number, onPacket: OnPacket) {
    super(bytesMax)
    this.onPacket = onPacket
  }

  override parse(chunk: Buffer): void {
    super.parse(chunk)
  }
}

/** All packets in some bytes that come in pieces. @throws MqttError */
function decodeAll(bytes: Buffer, version: p.Version, seed: number): Decoded[] {
  const found: Decoded[] = []
  const reader = new PacketReader()
  let spoken = version
  const parser = new Parser(BYTES_MAX, (first, buffer, start, end) => {
    reader.reset(buffer, start, end)
    const packet = decodeAny(first, reader, spoken)
    if ('clientId' in packet) spoken = packet.version
    found.push(packet)
  })
  for (const piece of cutAtRandom(seed)(bytes)) parser.parse(Buffer.from(piece))
  return found
}

const text = (maxLength: number): fc.Arbitrary<string> =>
  fc.string({ unit: 'grapheme', maxLength }).filter((value) => !value.includes('\0'))
const topic = text(30).filter((value) => value !== '' && !/[+#]/.test(value))
const octets = (maxLength: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes))
const id = fc.integer({ min: 1, max: 0xffff })
const qos = fc.constantFrom(0 as const, 1 as const, 2 as const)
const version = fc.constantFrom(4 as const, 5 as const)
// an empty value is lost by the other implementation where a name comes twice
const value = text(10).filter((each) => each !== '')
const userProperties = fc
  .dictionary(
    text(10).filter((name) => name !== ''),
    fc.oneof(value, fc.array(value, { minLength: 2, maxLength: 3 })),
    { minKeys: 1, maxKeys: 3 },
  )
  .map((entries) => Object.assign(Object.create(null) as Record<string, string | string[]>, entries))
const u32 = fc.nat(0xffffffff)

const optional = <T extends Record<string, unknown>>(parts: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.option(
    fc.record(parts, { requiredKeys: [], noNullPrototype: true }).filter((found) => Object.keys(found).length > 0),
    { nil: undefined },
  )

const messageProperties = {
  payloadFormatIndicator: fc.boolean(),
  messageExpiryInterval: u32,
  responseTopic: topic,
  correlationData: octets(40),
  userProperties,
  contentType: text(20),
}
const publishProperties = optional({ ...messageProperties, topicAlias: id })
const willProperties = optional({ ...messageProperties, willDelayInterval: u32 })
const connectProperties = optional({
  sessionExpiryInterval: u32,
  receiveMaximum: id,
  maximumPacketSize: fc.integer({ min: 1, max: 0xffffffff }),
  topicAliasMaximum: fc.nat(0xffff),
  requestResponseInformation: fc.boolean(),
  requestProblemInformation: fc.boolean(),
  userProperties,
})

/** Properties as we have them: the other implementation has lists of values by name. */
function asDecoded<T extends { userProperties?: Record<string, string | string[]> }>(
  given: T | undefined,
): object | null {
  if (given?.userProperties === undefined) return given ?? null
  const pairs = Object.entries(given.userProperties).flatMap(([name, values]) =>
    [values].flat().map((each) => [name, each]),
  )
  return { ...given, userProperties: pairs }
}

const of = (spoken: p.Version, properties: object | undefined): object =>
  spoken === 5 && properties !== undefined ? { properties } : {}
const generate = (packet: object, spoken: p.Version): Buffer =>
  mqtt.generate(packet as Packet, { protocolVersion: spoken })

describe('packets of a client, as another implementation writes them', () => {
  test('PUBLISH', () => {
    fc.assert(
      fc.property(
        version,
        topic,
        octets(300),
        qos,
        fc.boolean(),
        id,
        publishProperties,
        fc.integer(),
        (v, t, payload, q, retain, messageId, properties, seed) => {
          const packet = {
            cmd: 'publish',
            topic: t,
            payload,
            qos: q,
            retain,
            dup: false,
            messageId,
            ...of(v, properties),
          }
          assert.deepEqual(decodeAll(generate(packet, v), v, seed), [
            {
              type: p.PUBLISH,
              topic: t,
              qos: q,
              dup: false,
              retain,
              packetId: q === 0 ? 0 : messageId,
              properties: v === 5 ? asDecoded(properties) : null,
              payload,
            },
          ])
        },
      ),
    )
  })

  test('CONNECT', () => {
    const will = fc.record({ topic, payload: octets(50), qos, retain: fc.boolean(), properties: willProperties })
    const parts = fc.record({
      clientId: text(20).filter((name) => name !== ''),
      clean: fc.boolean(),
      keepalive: fc.nat(0xffff),
      username: text(10).filter((name) => name !== ''),
      password: octets(20).filter(({ length }) => length > 0),
      will: fc.option(will, { nil: undefined }),
    })
    fc.assert(
      fc.property(version, parts, connectProperties, fc.integer(), (v, given, properties, seed) => {
        const { will: w, keepalive, ...rest } = given
        const sentWill =
          w === undefined ? {} : { will: { ...w, ...of(v, w.properties), ...(v === 4 && { properties: undefined }) } }
        const packet = {
          cmd: 'connect',
          protocolId: 'MQTT',
          protocolVersion: v,
          keepalive,
          ...rest,
          ...sentWill,
          ...of(v, properties),
        }
        const bytes = generate(packet, v)
        const expectedWill = w === undefined ? null : { ...w, properties: v === 5 ? asDecoded(w.properties) : null }
        assert.deepEqual(decodeAll(bytes, v, seed), [
          {
            type: p.CONNECT,
            version: v,
            keepAlive: keepalive,
            ...rest,
            will: expectedWill,
            properties: v === 5 ? asDecoded(properties) : null,
          },
        ])
      }),
    )
  })

  test('SUBSCRIBE and UNSUBSCRIBE', () => {
    const request = fc.record({ topic, qos, nl: fc.boolean(), rap: fc.boolean(), rh: fc.nat(2) })
    const requests = fc.array(request, { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(
        version,
        id,
        requests,
        fc.option(fc.integer({ min: 1, max: 268_435_455 }), { nil: undefined }),
        (v, messageId, subscriptions, identifier) => {
          const properties = identifier === undefined ? undefined : { subscriptionIdentifier: identifier }
          const bytes = generate({ cmd: 'subscribe', messageId, subscriptions, ...of(v, properties) }, v)
          const filters = subscriptions.map((each) => each.topic)
          const other = generate({ cmd: 'unsubscribe', messageId, unsubscriptions: filters }, v)
          assert.deepEqual(decodeAll(Buffer.concat([bytes, other]), v, messageId), [
            {
              type: p.SUBSCRIBE,
              packetId: messageId,
              properties: v === 5 && identifier !== undefined ? { subscriptionIdentifiers: [identifier] } : null,
              requests: subscriptions.map(({ topic: filter, qos: q, nl, rap, rh }) => ({
                filter,
                qos: q,
                noLocal: v === 5 && nl,
                retainAsPublished: v === 5 && rap,
                retainHandling: v === 5 ? rh : 0,
              })),
            },
            { type: p.UNSUBSCRIBE, packetId: messageId, filters },
          ])
        },
      ),
    )
  })

  test('acknowledgements, DISCONNECT and AUTH', () => {
    const KINDS = { puback: p.PUBACK, pubrec: p.PUBREC, pubrel: p.PUBREL, pubcomp: p.PUBCOMP } as const
    const kind = fc.constantFrom(...(Object.keys(KINDS) as (keyof typeof KINDS)[]))
    fc.assert(
      fc.property(version, kind, id, fc.boolean(), (v, cmd, messageId, bad) => {
        const reasonCode = v === 5 && bad ? (cmd === 'pubrel' || cmd === 'pubcomp' ? 0x92 : 0x80) : 0
        const bytes = generate({ cmd, messageId, reasonCode }, v)
        assert.deepEqual(decodeAll(bytes, v, messageId), [
          { type: KINDS[cmd], packetId: messageId, reason: reasonCode },
        ])
      }),
    )
    const disconnect = generate({ cmd: 'disconnect', reasonCode: 4, properties: { sessionExpiryInterval: 9 } }, 5)
    assert.deepEqual(decodeAll(disconnect, 5, 0), [
      { type: p.DISCONNECT, reason: 4, properties: { sessionExpiryInterval: 9 } },
    ])
    assert.deepEqual(decodeAll(generate({ cmd: 'disconnect' }, 4), 4, 0), [
      { type: p.DISCONNECT, reason: 0, properties: null },
    ])
    const properties = { authenticationMethod: 'm', authenticationData: Buffer.from('d') }
    assert.deepEqual(decodeAll(generate({ cmd: 'auth', reasonCode: 0x18, properties }, 5), 5, 0), [
      { type: p.AUTH, reason: 0x18, properties },
    ])
  })
})

/** What the other implementation reads. */
function parsed(bytes: Buffer, spoken: p.Version): Record<string, unknown> {
  const found: Packet[] = []
  const parser = mqtt.parser({ protocolVersion: spoken })
  parser.on('packet', (packet: Packet) => found.push(packet))
  parser.on('error', (error: Error) => assert.fail(error))
  parser.parse(bytes)
  assert.equal(found.length, 1)
  return found[0] as unknown as Record<string, unknown>
}

describe('packets of the server, as another implementation reads them', () => {
  test('CONNACK, SUBACK, UNSUBACK', () => {
    const properties = { receiveMaximum: 10, topicAliasMaximum: 16, assignedClientIdentifier: 'a', reasonString: 'why' }
    const five = parsed(encode.encodeConnack(5, true, 0, properties), 5)
    assert.deepEqual([five['cmd'], five['sessionPresent'], five['reasonCode']], ['connack', true, 0])
    assert.deepEqual({ ...(five['properties'] as object) }, properties)
    const four = parsed(encode.encodeConnack(4, false, 5, null), 4)
    assert.deepEqual([four['cmd'], four['sessionPresent'], four['returnCode']], ['connack', false, 5])
    for (const v of [4, 5] as const) {
      const suback = parsed(encode.encodeSuback(v, 7, [0, 1, 2, 0x80], null), v)
      assert.deepEqual([suback['cmd'], suback['messageId'], suback['granted']], ['suback', 7, [0, 1, 2, 0x80]])
    }
    const unsuback = parsed(encode.encodeUnsuback(5, 8, [0, 0x11], null), 5)
    assert.deepEqual([unsuback['cmd'], unsuback['messageId'], unsuback['granted']], ['unsuback', 8, [0, 0x11]])
    assert.equal(parsed(encode.encodeUnsuback(4, 8, [0], null), 4)['messageId'], 8)
  })

  test('user properties in their order', () => {
    const name = fc.constantFrom('a', 'b', '10', '2', '__proto__')
    fc.assert(
      fc.property(fc.array(fc.tuple(name, text(5)), { minLength: 1, maxLength: 8 }), (pairs) => {
        const bytes = encodeProperties({ userProperties: pairs })
        const reader = new PacketReader()
        reader.reset(bytes, 0, bytes.length)
        assert.deepEqual(readProperties(reader, p.PUBLISH), { userProperties: pairs })
      }),
    )
  })

  test('DISCONNECT and AUTH', () => {
    const bytes = encode.encodeReason(p.DISCONNECT, 0x8e, {
      reasonString: 'taken over',
      userProperties: [
        ['a', 'b'],
        ['a', 'c'],
      ],
    })
    const { cmd, reasonCode, properties } = parsed(bytes, 5) as {
      cmd: string
      reasonCode: number
      properties: Record<string, unknown>
    }
    assert.deepEqual([cmd, reasonCode, properties['reasonString']], ['disconnect', 0x8e, 'taken over'])
    assert.deepEqual({ ...(properties['userProperties'] as object) }, { a: ['b', 'c'] })
    assert.equal(parsed(encode.encodeReason(p.AUTH, 0x18, { authenticationMethod: 'm' }), 5)['reasonCode'], 0x18)
  })
})

describe('what is no MQTT', () => {
  const refusedOr = (act: () => unknown): boolean => {
    try {
      act()
      return false
    } catch (error) {
      if (!(error instanceof MqttError)) throw error
      return true
    }
  }

  test('octets are decoded or refused', () => {
    fc.assert(
      fc.property(octets(200), fc.constantFrom(3 as const, 4 as const, 5 as const), fc.integer(), (bytes, v, seed) => {
        refusedOr(() => decodeAll(bytes, v, seed))
      }),
      { numRuns: 3000 },
    )
  })

  test('damaged packets are decoded or refused', () => {
    let refused = 0
    let taken = 0
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const random = new Random(seed)
        const [hello, ...packets] = mqttSession(random)
        const bytes = Buffer.concat([
          hello!,
          ...packets.map((packet) => (random.once(30) ? damaged(random, packet) : packet)),
        ])
        if (refusedOr(() => decodeAll(bytes, 4, seed))) refused++
        else taken++
      }),
      { numRuns: 1000 },
    )
    assert.ok(refused > 50 && taken > 50, `${refused} refused, ${taken} taken`)
  })

  test('a packet is as long as it may be, and no longer', () => {
    const parser = new Parser(100, () => {})
    parser.parse(Buffer.concat([Buffer.of(0x30, 98), Buffer.alloc(98)]))
    assert.throws(() => parser.parse(Buffer.of(0x30, 99)), MqttError)
    const other = new Parser(BYTES_MAX, () => {})
    assert.throws(() => other.parse(Buffer.of(0x30, 0x80, 0x80, 0x80, 0x80)), MqttError)
  })
})
