import type { Message } from '../../../core/message.ts'
import { CHUNK_BYTES } from '../../../net/buffer-pool.ts'
import type { Transport } from '../../../net/transport.ts'
import * as p from './packets.ts'
import { encodeProperties, encodeVarint, u16, varintBytes } from './properties.ts'

/** Bodies from here on are sent from where they are; smaller ones are copied, which is cheaper than one more piece to write. */
const UNCOPIED_BYTES = 32 * 1024

const packet = (first: number, ...parts: readonly Buffer[]): Buffer => {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  return Buffer.concat([Buffer.from([first]), encodeVarint(length), ...parts])
}

/** @param code the reason code in MQTT 5, else the return code */
export const encodeConnack = (
  version: p.Version,
  sessionPresent: boolean,
  code: number,
  properties: p.PacketProperties | null,
): Buffer =>
  packet(
    p.CONNACK << 4,
    Buffer.from([sessionPresent ? 1 : 0, code]),
    ...(version === 5 ? [encodeProperties(properties)] : []),
  )

/** @param properties only told in MQTT 5 */
export const encodeSuback = (
  version: p.Version,
  packetId: number,
  codes: readonly number[],
  properties: p.PacketProperties | null,
): Buffer =>
  packet(p.SUBACK << 4, u16(packetId), ...(version === 5 ? [encodeProperties(properties)] : []), Buffer.from(codes))

/** @param codes only told in MQTT 5, as `properties` are */
export const encodeUnsuback = (
  version: p.Version,
  packetId: number,
  codes: readonly number[],
  properties: p.PacketProperties | null,
): Buffer =>
  version === 5
    ? packet(p.UNSUBACK << 4, u16(packetId), encodeProperties(properties), Buffer.from(codes))
    : packet(p.UNSUBACK << 4, u16(packetId))

/** Of UTF-16 code units. */
const REASON_STRING_MAX = 1024

/**
 * A packet that says why in words, unless it would be larger than the client takes with them (MQTT 5.0, 3.14.2.2.3 and its likes).
 * @param text empty for no words @param bytesMax of a whole packet
 * @param serverReference where the client should go, which matters more than the words, and is left out after them
 */
export function withReasonString(
  text: string,
  bytesMax: number,
  encode: (properties: p.PacketProperties | null) => Buffer,
  serverReference: string | null = null,
): Buffer {
  const needed = serverReference === null ? null : { serverReference }
  if (text !== '') {
    const bytes = encode({ ...needed, reasonString: text.slice(0, REASON_STRING_MAX).toWellFormed() })
    if (bytes.length <= bytesMax) return bytes
  }
  const bytes = encode(needed)
  return bytes.length > bytesMax ? encode(null) : bytes
}

export const PINGRESP_BYTES = Buffer.from([p.PINGRESP << 4, 0])

/** DISCONNECT, which a server sends in MQTT 5 only, and AUTH. */
export const encodeReason = (type: number, reason: number, properties: p.PacketProperties | null): Buffer =>
  packet(type << 4, Buffer.from([reason]), encodeProperties(properties))

/** PUBACK, PUBREC, PUBREL or PUBCOMP of MQTT 5, with properties. */
export const encodeAck = (
  type: number,
  packetId: number,
  reason: number,
  properties: p.PacketProperties | null,
): Buffer =>
  packet((type << 4) | (type === p.PUBREL ? 2 : 0), u16(packetId), Buffer.from([reason]), encodeProperties(properties))

/** PUBACK, PUBREC, PUBREL or PUBCOMP, without properties. */
export function writeAck(
  transport: Transport,
  type: number,
  packetId: number,
  version: p.Version,
  reason: number,
): void {
  const first = (type << 4) | (type === p.PUBREL ? 2 : 0)
  const hasReason = version === 5 && reason !== 0
  const at = transport.reserve(hasReason ? 5 : 4)
  const { out } = transport
  out[at] = first
  out[at + 1] = hasReason ? 3 : 2
  out[at + 2] = packetId >>> 8
  out[at + 3] = packetId
  if (hasReason) out[at + 4] = reason
}

/** Keeps a message's bytes where they are while they wait to be written. */
export interface Keeper {
  retain(message: Message): void
  release(message: Message): void
}

/** A PUBLISH but for its payload. */
export interface PublishHead {
  /** Type and flags. */
  readonly first: number
  /** In UTF-8; empty where an alias stands for it. */
  readonly topic: Buffer
  /** 0 with QoS 0. */
  readonly packetId: number
  /** With their length; null before MQTT 5. */
  readonly properties: Buffer | null
}

/** Bytes of a whole PUBLISH. */
export function publishBytes({ topic, packetId, properties }: PublishHead, bodyBytes: number): number {
  const length = 2 + topic.length + (packetId === 0 ? 0 : 2) + (properties?.length ?? 0) + bodyBytes
  return 1 + varintBytes(length) + length
}

export function writePublish(transport: Transport, head: PublishHead, message: Message, keeper: Keeper): void {
  const { bodyLength } = message
  const bytes = publishBytes(head, bodyLength)
  const whole = bodyLength < UNCOPIED_BYTES && bytes <= CHUNK_BYTES
  if (whole) {
    const at = transport.reserve(bytes)
    const end = fillHead(transport.out, at, head, bodyLength)
    message.buffer.copy(transport.out, end, message.bodyOffset, message.bodyOffset + bodyLength)
    return
  }
  const start = Buffer.allocUnsafe(bytes - bodyLength)
  fillHead(start, 0, head, bodyLength)
  transport.write(start)
  if (bodyLength < UNCOPIED_BYTES) {
    transport.write(message.body())
    return
  }
  // before its bytes are looked at, since it may move them
  keeper.retain(message)
  transport.appendLarge(message.body(), () => keeper.release(message))
}

function fillHead(out: Buffer, start: number, head: PublishHead, bodyBytes: number): number {
  const { first, topic, packetId, properties } = head
  let rest = 2 + topic.length + (packetId === 0 ? 0 : 2) + (properties?.length ?? 0) + bodyBytes
  let at = start
  out[at++] = first
  for (; rest >= 0x80; rest >>>= 7) out[at++] = (rest & 0x7f) | 0x80
  out[at++] = rest
  out[at++] = topic.length >>> 8
  out[at++] = topic.length
  at += topic.copy(out, at)
  if (packetId !== 0) {
    out[at++] = packetId >>> 8
    out[at++] = packetId
  }
  if (properties !== null) at += properties.copy(out, at)
  return at
}
