import type { Interner } from '../../../util/interner.ts'
import { malformed, MqttError, protocolError } from '../errors.ts'
import { CLIENT_ID_NOT_VALID, UNSUPPORTED_VERSION } from '../reason-codes.ts'
import type { PacketReader } from './packet-reader.ts'
import * as p from './packets.ts'
import { readProperties, WILL } from './properties.ts'

// Each function reads what stands behind the fixed header of one kind of packet, to its end. All throw MqttError.

const USERNAME = 0x80
const PASSWORD = 0x40
const WILL_RETAIN = 0x20
const WILL_FLAG = 0x04
const CLEAN = 0x02
const RESERVED = 0x01

export function decodeConnect(reader: PacketReader): p.ConnectPacket {
  const version = readVersion(reader)
  const flags = reader.u8()
  if ((flags & RESERVED) !== 0) throw malformed('the reserved flag of CONNECT is set')
  const willQos = (flags >>> 3) & 3
  if (willQos === 3) throw malformed('the will has no QoS')
  const hasWill = (flags & WILL_FLAG) !== 0
  if (!hasWill && (willQos !== 0 || (flags & WILL_RETAIN) !== 0)) throw malformed('flags of a will without a will')
  if (version < 5 && (flags & PASSWORD) !== 0 && (flags & USERNAME) === 0) {
    throw malformed('a password without a user name')
  }
  const keepAlive = reader.u16()
  const properties = version === 5 ? readProperties(reader, p.CONNECT) : null
  checkConnectProperties(properties)
  const clientId = reader.text()
  const will = hasWill ? readWill(reader, version, willQos as 0 | 1 | 2, (flags & WILL_RETAIN) !== 0) : null
  const username = (flags & USERNAME) !== 0 ? reader.text() : null
  const password = (flags & PASSWORD) !== 0 ? Buffer.from(reader.bytes()) : null
  reader.expectEnd()
  const clean = (flags & CLEAN) !== 0
  return { version, clean, keepAlive, clientId, will, username, password, properties }
}

function readVersion(reader: PacketReader): p.Version {
  const name = reader.text()
  const level = reader.u8()
  if (name === 'MQIsdp' && level === 3) return 3
  if (name === 'MQTT' && (level === 4 || level === 5)) return level
  if (name === 'MQTT' || name === 'MQIsdp') {
    throw new MqttError(UNSUPPORTED_VERSION, `protocol level ${level} of ${name} is not spoken`)
  }
  throw malformed('the protocol is not MQTT')
}

function checkConnectProperties(properties: p.PacketProperties | null): void {
  if (properties === null) return
  if (properties.receiveMaximum === 0) throw protocolError('the receive maximum is 0')
  if (properties.maximumPacketSize === 0) throw protocolError('the maximum packet size is 0')
  if (properties.authenticationData !== undefined && properties.authenticationMethod === undefined) {
    throw protocolError('authentication data without a method')
  }
}

function readWill(reader: PacketReader, version: p.Version, qos: 0 | 1 | 2, retain: boolean): p.WillPacket {
  const properties = version === 5 ? readProperties(reader, WILL) : null
  const topic = reader.text()
  const payload = Buffer.from(reader.bytes())
  return { topic, payload, qos, retain, properties }
}

/** @param flags the low half of the packet's first byte @param lastTopic most clients publish on one, time and again */
export function decodePublish(
  reader: PacketReader,
  flags: number,
  version: p.Version,
  topics: Interner,
  lastTopic: string,
): p.PublishPacket {
  const qos = (flags >>> 1) & 3
  if (qos === 3) throw malformed('a PUBLISH has no QoS')
  const dup = (flags & 8) !== 0
  if (dup && qos === 0) throw malformed('a PUBLISH of QoS 0 is marked as sent again')
  const topic = reader.text(topics, lastTopic)
  const packetId = qos === 0 ? 0 : reader.packetId()
  const properties = version === 5 ? readProperties(reader, p.PUBLISH) : null
  return {
    topic,
    qos: qos as 0 | 1 | 2,
    dup,
    retain: (flags & 1) !== 0,
    packetId,
    properties,
    buffer: reader.buffer,
    payloadOffset: reader.offset,
    payloadLength: reader.left,
  }
}

/** PUBACK, PUBREC, PUBREL, PUBCOMP. */
export function decodeAck(reader: PacketReader, type: number, version: p.Version): p.AckPacket {
  const packetId = reader.packetId()
  let reason = 0
  if (version === 5 && reader.left > 0) {
    reason = reader.u8()
    if (reader.left > 0) readProperties(reader, type)
  }
  reader.expectEnd()
  return { packetId, reason }
}

export function decodeSubscribe(reader: PacketReader, version: p.Version): p.SubscribePacket {
  const packetId = reader.packetId()
  const properties = version === 5 ? readProperties(reader, p.SUBSCRIBE) : null
  const requests: p.SubscriptionRequest[] = []
  while (reader.left > 0) requests.push(readRequest(reader, version))
  if (requests.length === 0) throw protocolError('a SUBSCRIBE without filters')
  return { packetId, requests, properties }
}

function readRequest(reader: PacketReader, version: p.Version): p.SubscriptionRequest {
  const filter = reader.text()
  const options = reader.u8()
  const qos = options & 3
  const retainHandling = (options >>> 4) & 3
  if (qos === 3 || (options & (version === 5 ? 0xc0 : 0xfc)) !== 0) throw malformed('the options of a filter are wrong')
  if (retainHandling === 3) throw protocolError('the retain handling is none')
  return {
    filter,
    qos: qos as 0 | 1 | 2,
    noLocal: (options & 4) !== 0,
    retainAsPublished: (options & 8) !== 0,
    retainHandling,
  }
}

export function decodeUnsubscribe(reader: PacketReader, version: p.Version): p.UnsubscribePacket {
  const packetId = reader.packetId()
  if (version === 5) readProperties(reader, p.UNSUBSCRIBE)
  const filters: string[] = []
  while (reader.left > 0) filters.push(reader.text())
  if (filters.length === 0) throw protocolError('an UNSUBSCRIBE without filters')
  return { packetId, filters }
}

/** DISCONNECT and AUTH. */
export function decodeReason(reader: PacketReader, type: number, version: p.Version): p.ReasonPacket {
  if (version < 5 || reader.left === 0) {
    reader.expectEnd()
    return { reason: 0, properties: null }
  }
  const reason = reader.u8()
  const properties = reader.left > 0 ? readProperties(reader, type) : null
  reader.expectEnd()
  return { reason, properties }
}

/** An empty client id of MQTT 3.1 and of a session that is to last is no name. @throws MqttError */
export function requireClientId({ clientId, version, clean }: p.ConnectPacket): void {
  if (clientId !== '' || version === 5 || (version === 4 && clean)) return
  throw new MqttError(CLIENT_ID_NOT_VALID, 'an empty client id')
}
