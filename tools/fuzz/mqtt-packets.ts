/**
 * What a hostile or broken client of MQTT may send, from a seed: mostly sound packets about few names, so that they meet one another's
 * effects; some of them damaged, and some that are no more than octets.
 */
import { changedOctets, type Random } from './frames.ts'

export type MqttVersion = 3 | 4 | 5

const CONNECT = 1
const PUBLISH = 3
const PUBREL = 6
const SUBSCRIBE = 8
const UNSUBSCRIBE = 10
const PINGREQ = 12
const DISCONNECT = 14
const AUTH = 15

const TOPICS = ['a', 'a/b', 'a/b/c', 'b', 'r/1', 'r/2']
const ODD_TOPICS = ['', '/', 'a.b', 'a/*', '$SYS/broker/uptime', '$x/y', 'a/+', '#', 'a\0b', 'x'.repeat(300), 'a/ö']
const FILTERS = ['a/#', 'a/+', '+/b', '#', 'r/+', 'a', '$share/g/a/#', '$SYS/#']
const ODD_FILTERS = ['', '$share/g', '$share//a', 'a/#/b', 'a+', '$share/+/a', '+/+/+/+/#', 'x/'.repeat(200)]
const CLIENTS = ['c0', 'c1', 'c2', 'c3']
const ODD_CLIENTS = ['', 'x'.repeat(4464), 'a\0', 'ü', '../x', 'qos0']

/** How the value of a property is written, by its identifier. */
const PROPERTIES: Readonly<Record<number, (random: Random) => Buffer>> = {
  0x01: (r) => Buffer.of(r.of([0, 1, 1, 2])),
  0x02: (r) => u32(r.of([0, 1, 60, 0xffffffff])),
  0x03: (r) => text(r.of(['text/plain', ''])),
  0x08: (r) => text(r.of(r.once(4) ? ODD_TOPICS : TOPICS)),
  0x09: (r) => sized(r.bytes(r.below(20))),
  0x0b: (r) => r.of([Buffer.of(0), Buffer.of(1), varint(268_435_455), Buffer.of(0xff, 0xff, 0xff, 0xff, 1)]),
  0x11: (r) => u32(r.of([0, 1, 3600, 0xffffffff])),
  0x15: (r) => text(r.of(['SCRAM-SHA-256', ''])),
  0x16: (r) => sized(r.bytes(5)),
  0x17: (r) => Buffer.of(r.of([0, 1, 2])),
  0x18: (r) => u32(r.of([0, 1, 0xffffffff])),
  0x19: (r) => Buffer.of(r.of([0, 1, 2])),
  0x1f: () => text('reason'),
  0x21: (r) => u16(r.of([0, 1, 20, 65_535])),
  0x22: (r) => u16(r.of([0, 1, 10])),
  0x23: (r) => u16(r.of([0, 1, 2, 16, 17, 65_535])),
  0x26: (r) => Buffer.concat([text(r.of(['k', 'k', 'other', '', '__proto__'])), text(r.of(['v', '', 'ü']))]),
  0x27: (r) => u32(r.of([0, 1, 30, 200, 65_536, 0xffffffff])),
}

/** Identifiers that the specification allows with a kind of packet; others come now and then. */
const ALLOWED: Readonly<Record<number, readonly number[]>> = {
  [CONNECT]: [0x11, 0x15, 0x16, 0x17, 0x19, 0x21, 0x22, 0x26, 0x27],
  [PUBLISH]: [0x01, 0x02, 0x03, 0x08, 0x09, 0x23, 0x26],
  [SUBSCRIBE]: [0x0b, 0x26],
  [UNSUBSCRIBE]: [0x26],
  [DISCONNECT]: [0x11, 0x1f, 0x26],
  [AUTH]: [0x15, 0x16, 0x1f, 0x26],
}
/** Of a will. */
const WILL_ALLOWED = [0x01, 0x02, 0x03, 0x08, 0x09, 0x18, 0x26]

const u16 = (value: number): Buffer => Buffer.of(value >>> 8, value & 0xff)
const u32 = (value: number): Buffer =>
  Buffer.of(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff)
const sized = (bytes: Buffer): Buffer => Buffer.concat([u16(bytes.length), bytes])
const text = (value: string): Buffer => sized(Buffer.from(value))

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  do {
    bytes.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0))
    rest >>>= 7
  } while (rest > 0)
  return Buffer.from(bytes)
}

function packet(first: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  return Buffer.concat([Buffer.of(first), varint(body.length), body])
}

function properties(random: Random, version: MqttVersion, allowed: readonly number[]): Buffer {
  if (version !== 5) return Buffer.alloc(0)
  const parts: Buffer[] = []
  for (let left = random.once(2) ? 0 : 1 + random.below(4); left > 0; left--) {
    const id = random.of(random.once(30) ? Object.keys(PROPERTIES).map(Number) : allowed)
    parts.push(Buffer.of(id), PROPERTIES[id]!(random))
  }
  const all = Buffer.concat(parts)
  return Buffer.concat([varint(all.length), all])
}

/** A client that is let in, most of the time. */
function connectPacket(random: Random, version: MqttVersion): Buffer {
  const hasWill = random.once(3)
  const willQos = random.below(3)
  const clean = random.once(2)
  const flags = 0xc0 | (hasWill ? 4 | (willQos << 3) | (random.once(2) ? 0x20 : 0) : 0) | (clean ? 2 : 0)
  return packet(
    CONNECT << 4,
    text(version === 3 ? 'MQIsdp' : 'MQTT'),
    Buffer.of(version, random.once(60) ? random.below(256) : flags),
    u16(random.of([0, 0, 1, 60, 65_535])),
    properties(random, version, ALLOWED[CONNECT]!),
    text(random.of(random.once(20) ? ODD_CLIENTS : CLIENTS)),
    ...(hasWill
      ? [
          properties(random, version, WILL_ALLOWED),
          text(random.of(random.once(20) ? ODD_TOPICS : TOPICS)),
          sized(random.bytes(random.below(50))),
        ]
      : []),
    text(random.once(40) ? 'nobody' : 'guest'),
    text('guest'),
  )
}

function publishPacket(random: Random, version: MqttVersion): Buffer {
  const qos = random.below(random.once(50) ? 4 : 3)
  const dup = qos > 0 && random.once(5) ? 8 : 0
  const topic = random.of(random.once(15) ? ODD_TOPICS : TOPICS)
  const payload = random.bytes(random.once(30) ? 60_000 : random.below(200))
  return packet(
    (PUBLISH << 4) | dup | (qos << 1) | (random.once(3) ? 1 : 0),
    text(topic),
    qos > 0 ? u16(random.once(50) ? 0 : 1 + random.below(20)) : Buffer.alloc(0),
    properties(random, version, ALLOWED[PUBLISH]!),
    random.once(6) ? Buffer.alloc(0) : payload,
  )
}

function subscribePacket(random: Random, version: MqttVersion): Buffer {
  const filters = Array.from({ length: random.once(40) ? 0 : 1 + random.below(3) }, () => {
    const options = random.below(3) | (version === 5 ? random.below(4) << 2 : 0)
    const handling = version === 5 ? random.below(3) << 4 : 0
    return Buffer.concat([
      text(random.of(random.once(15) ? ODD_FILTERS : FILTERS)),
      Buffer.of(random.once(60) ? random.below(256) : options | handling),
    ])
  })
  const id = u16(random.once(50) ? 0 : 1 + random.below(100))
  return packet((SUBSCRIBE << 4) | 2, id, properties(random, version, ALLOWED[SUBSCRIBE]!), ...filters)
}

function unsubscribePacket(random: Random, version: MqttVersion): Buffer {
  const filters = Array.from({ length: 1 + random.below(2) }, () => text(random.of(FILTERS)))
  const id = u16(1 + random.below(100))
  return packet((UNSUBSCRIBE << 4) | 2, id, properties(random, version, ALLOWED[UNSUBSCRIBE]!), ...filters)
}

/** PUBACK, PUBREC, PUBREL or PUBCOMP, of any message. */
function ackPacket(random: Random, version: MqttVersion): Buffer {
  const type = 4 + random.below(4)
  const reason = version === 5 && random.once(4) ? Buffer.of(random.of([0, 0x10, 0x80, 0x92])) : Buffer.alloc(0)
  return packet((type << 4) | (type === PUBREL ? 2 : 0), u16(random.below(22)), reason)
}

const PACKETS: readonly (readonly [number, (random: Random, version: MqttVersion) => Buffer])[] = [
  [40, publishPacket],
  [15, subscribePacket],
  [5, unsubscribePacket],
  [25, ackPacket],
  [5, () => packet(PINGREQ << 4)],
  [1, connectPacket],
  [1, (r, v) => packet(AUTH << 4, Buffer.of(r.of([0, 0x18, 0x19])), properties(r, v, ALLOWED[AUTH]!))],
]
const WEIGHTS = PACKETS.reduce((sum, [weight]) => sum + weight, 0)

/** A packet that a client may send, or nearly so. */
function anyPacket(random: Random, version: MqttVersion): Buffer {
  let at = random.below(WEIGHTS)
  for (const [weight, make] of PACKETS) {
    if (at < weight) return make(random, version)
    at -= weight
  }
  return Buffer.alloc(0)
}

const disconnectPacket = (random: Random, version: MqttVersion): Buffer =>
  version === 5 && random.once(2)
    ? packet(DISCONNECT << 4, Buffer.of(random.of([0, 4, 0x80])), properties(random, version, ALLOWED[DISCONNECT]!))
    : packet(DISCONNECT << 4)

/** A packet with octets changed, lost or added, or of another length than it says. */
export function damaged(random: Random, bytes: Buffer): Buffer {
  if (!random.once(5)) return changedOctets(random, bytes)
  return Buffer.concat([bytes.subarray(0, 1), varint(random.below(1000)), bytes.subarray(2)])
}

/** All that one client sends. */
export function mqttSession(random: Random): Buffer[] {
  const version = random.of([3, 4, 4, 5, 5, 5] as const)
  if (random.once(30)) return [random.bytes(1 + random.below(300))]
  // damage ends a connection, so some sessions have little of it, and some none
  const damageOnceIn = random.of([5, 40, 0])
  const packets = [connectPacket(random, version)]
  for (let left = random.below(60); left > 0; left--) {
    const next = anyPacket(random, version)
    const isDamaged = damageOnceIn > 0 && random.once(damageOnceIn)
    packets.push(isDamaged ? damaged(random, next) : next)
  }
  if (random.once(2)) packets.push(disconnectPacket(random, version))
  return packets
}
