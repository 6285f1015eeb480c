import { malformed, protocolError } from '../errors.ts'
import type { PacketReader } from './packet-reader.ts'
import type { PacketProperties, UserProperties } from './packets.ts'
import * as p from './packets.ts'

// The properties of MQTT 5.0 (2.2.2): which there are, what they look like, and where they may be.

/** A will's properties, which are no packet's. */
export const WILL = 0

type Kind = 'bool' | 'u8' | 'u16' | 'u32' | 'varint' | 'text' | 'bytes' | 'pair'

interface Property {
  readonly name: keyof PacketProperties
  readonly kind: Kind
  /** Those that a client may send it in. */
  readonly packets: readonly number[]
}

const row = (name: keyof PacketProperties, kind: Kind, ...packets: number[]): Property => ({ name, kind, packets })
const ACKS = [p.PUBACK, p.PUBREC, p.PUBREL, p.PUBCOMP]

const PROPERTIES: Readonly<Record<number, Property>> = {
  0x01: row('payloadFormatIndicator', 'bool', p.PUBLISH, WILL),
  0x02: row('messageExpiryInterval', 'u32', p.PUBLISH, WILL),
  0x03: row('contentType', 'text', p.PUBLISH, WILL),
  0x08: row('responseTopic', 'text', p.PUBLISH, WILL),
  0x09: row('correlationData', 'bytes', p.PUBLISH, WILL),
  0x0b: row('subscriptionIdentifiers', 'varint', p.SUBSCRIBE),
  0x11: row('sessionExpiryInterval', 'u32', p.CONNECT, p.DISCONNECT),
  0x12: row('assignedClientIdentifier', 'text'),
  0x13: row('serverKeepAlive', 'u16'),
  0x15: row('authenticationMethod', 'text', p.CONNECT, p.AUTH),
  0x16: row('authenticationData', 'bytes', p.CONNECT, p.AUTH),
  0x17: row('requestProblemInformation', 'bool', p.CONNECT),
  0x18: row('willDelayInterval', 'u32', WILL),
  0x19: row('requestResponseInformation', 'bool', p.CONNECT),
  0x1a: row('responseInformation', 'text'),
  0x1c: row('serverReference', 'text'),
  0x1f: row('reasonString', 'text', ...ACKS, p.DISCONNECT, p.AUTH),
  0x21: row('receiveMaximum', 'u16', p.CONNECT),
  0x22: row('topicAliasMaximum', 'u16', p.CONNECT),
  0x23: row('topicAlias', 'u16', p.PUBLISH),
  0x24: row('maximumQoS', 'u8'),
  0x25: row('retainAvailable', 'bool'),
  0x26: row(
    'userProperties',
    'pair',
    ...[p.CONNECT, p.PUBLISH, WILL, ...ACKS, p.SUBSCRIBE, p.UNSUBSCRIBE, p.DISCONNECT, p.AUTH],
  ),
  0x27: row('maximumPacketSize', 'u32', p.CONNECT),
  0x28: row('wildcardSubscriptionAvailable', 'bool'),
  0x29: row('subscriptionIdentifiersAvailable', 'bool'),
  0x2a: row('sharedSubscriptionAvailable', 'bool'),
}

/** Reads the properties that a client may send in a packet. @returns null where there are none @throws MqttError */
export function readProperties(reader: PacketReader, packet: number): PacketProperties | null {
  const length = reader.varint()
  if (length === 0) return null
  const { end } = reader
  if (length > reader.left) throw malformed('the properties are longer than the packet')
  reader.end = reader.offset + length
  const found: Record<string, unknown> = {}
  while (reader.left > 0) {
    const property = PROPERTIES[reader.varint()]
    if (property === undefined) throw malformed('a property is unknown')
    if (!property.packets.includes(packet)) {
      throw protocolError(`the property ${property.name} has no place in this packet`)
    }
    readInto(found, property, reader)
  }
  reader.end = end
  return found
}

function readInto(found: Record<string, unknown>, { name, kind }: Property, reader: PacketReader): void {
  if (kind === 'pair') {
    const pairs = (found[name] ??= []) as UserProperties
    pairs.push([reader.text(), reader.text()])
    return
  }
  if (found[name] !== undefined) throw protocolError(`the property ${name} comes twice`)
  found[name] = name === 'subscriptionIdentifiers' ? [readIdentifier(reader)] : readValue(kind, name, reader)
}

function readIdentifier(reader: PacketReader): number {
  const identifier = reader.varint()
  if (identifier === 0) throw protocolError('the subscription identifier is 0')
  return identifier
}

function readValue(kind: Exclude<Kind, 'pair'>, name: string, reader: PacketReader): unknown {
  switch (kind) {
    case 'bool': {
      const value = reader.u8()
      if (value > 1) throw protocolError(`the property ${name} is neither 0 nor 1`)
      return value === 1
    }
    case 'u8':
      return reader.u8()
    case 'u16':
      return reader.u16()
    case 'u32':
      return reader.u32()
    case 'varint':
      return reader.varint()
    case 'text': {
      const text = reader.text()
      if (name === 'responseTopic' && (text.includes('+') || text.includes('#'))) {
        throw protocolError('the response topic has a wildcard')
      }
      return text
    }
    default:
      // what it is a view of may be read over
      return Buffer.from(reader.bytes())
  }
}

const IDS = new Map(Object.entries(PROPERTIES).map(([id, property]) => [property.name, { id: Number(id), property }]))

/** Properties as bytes, with their length in front. */
export function encodeProperties(properties: PacketProperties | null): Buffer {
  if (properties === null) return NONE
  const parts: Buffer[] = []
  for (const [name, value] of Object.entries(properties)) {
    const known = IDS.get(name as keyof PacketProperties)!
    for (const each of valuesOf(known.property.kind, value)) parts.push(Buffer.from([known.id]), each)
  }
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  return Buffer.concat([encodeVarint(length), ...parts])
}

const NONE = Buffer.from([0])

function valuesOf(kind: Kind, value: unknown): Buffer[] {
  switch (kind) {
    case 'bool':
      return [Buffer.from([value === true ? 1 : 0])]
    case 'u8':
      return [Buffer.from([value as number])]
    case 'u16':
      return [u16(value as number)]
    case 'u32': {
      const bytes = Buffer.allocUnsafe(4)
      bytes.writeUInt32BE(value as number)
      return [bytes]
    }
    case 'varint':
      return (value as number[]).map(encodeVarint)
    case 'text':
    case 'bytes':
      return [sized(value as string | Buffer)]
    default:
      return (value as UserProperties).map(([name, text]) => Buffer.concat([sized(name), sized(text)]))
  }
}

export function u16(value: number): Buffer {
  return Buffer.from([value >>> 8, value & 0xff])
}

/** A text or bytes with their length in front. */
export function sized(value: string | Buffer): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value
  return Buffer.concat([u16(bytes.length), bytes])
}

export function encodeVarint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  do {
    const low = rest & 0x7f
    rest >>>= 7
    bytes.push(rest > 0 ? low | 0x80 : low)
  } while (rest > 0)
  return Buffer.from(bytes)
}

/** Bytes of a variable byte integer. */
export const varintBytes = (value: number): number =>
  value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : 4
