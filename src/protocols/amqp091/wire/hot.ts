/**
 * The frames that are written per message, by hand:
 *
 *     method frame   01 channel length | 00 3c 00 3c  consumer-tag  delivery-tag  redelivered  exchange  routing-key | ce
 *     header frame   02 channel length | 00 3c 00 00  body-size(8)  property flags and values                        | ce
 *     body frames    03 channel length | up to frame-max - 8 bytes                                                     | ce
 */
import type { Message } from '../../../core/message.ts'
import { CHUNK_BYTES } from '../../../net/buffer-pool.ts'
import type { Transport } from '../../../net/transport.ts'
import { FRAME_BODY, FRAME_END, FRAME_HEADER, FRAME_METHOD, FRAME_OVERHEAD } from './frames.ts'
import { Writer } from './writer.ts'

const HEADER_FIXED_BYTES = 12
/** Bodies from here on are sent from where they are; smaller ones are copied, which is cheaper than one more piece to write. */
const UNCOPIED_BYTES = 32 * 1024
/** Bytes between properties and body: the end of the header frame and the head of the body frame. */
const BOUNDARY_BYTES = FRAME_OVERHEAD

/** Keeps a message's bytes where they are while they wait to be written. */
export interface Keeper {
  retain(message: Message): void
  release(message: Message): void
}

/**
 * basic.deliver for one consumer. The bytes for the exchange and routing key that came last are kept whole, but for delivery tag and redelivered flag: messages
 * mostly come in runs of the same key. Where keys vary, the method is written piece by piece instead.
 */
export class DeliverTemplate {
  exchange = ''
  routingKey = ''
  /** The method frame for `exchange` and `routingKey`; null until a key has come twice in a row. */
  bytes: Buffer | null = null
  /** Frame head, class, method, consumer tag. */
  readonly prefix: Buffer

  constructor(channel: number, consumerTag: string) {
    const writer = new Writer()
    writer.u8(FRAME_METHOD)
    writer.u16(channel)
    writer.u32(0)
    writer.u16(60)
    writer.u16(60)
    writer.shortstr(consumerTag)
    this.prefix = writer.finish()
  }

  /** The method frame as it is kept, or null where it has to be written piece by piece. */
  bytesFor(exchange: string, routingKey: string): Buffer | null {
    if (this.routingKey === routingKey && this.exchange === exchange) return (this.bytes ??= this.#build())
    this.exchange = exchange
    this.routingKey = routingKey
    this.bytes = null
    return null
  }

  #build(): Buffer {
    const { prefix, exchange, routingKey } = this
    const bytes = Buffer.alloc(
      prefix.length + TAG_BYTES + 3 + Buffer.byteLength(exchange) + Buffer.byteLength(routingKey),
    )
    writeMethod(bytes, 0, bytes.length, this, 0, false)
    return bytes
  }
}

/** Delivery tag and redelivered flag. */
const TAG_BYTES = 9

/** The whole basic.deliver frame of `length` bytes. */
function writeMethod(
  out: Buffer,
  at: number,
  length: number,
  { prefix, exchange, routingKey }: DeliverTemplate,
  tag: number,
  redelivered: boolean,
): void {
  prefix.copy(out, at)
  writeU32(out, at + 3, length - FRAME_OVERHEAD)
  let p = at + prefix.length
  writeTag(out, p, tag, redelivered)
  p = writeShortstr(out, p + TAG_BYTES, exchange)
  p = writeShortstr(out, p, routingKey)
  out[p] = FRAME_END
}

function writeTag(out: Buffer, at: number, tag: number, redelivered: boolean): void {
  writeU32(out, at, Math.floor(tag / 0x1_0000_0000))
  writeU32(out, at + 4, tag)
  out[at + 8] = redelivered ? 1 : 0
}

function writeShortstr(out: Buffer, at: number, text: string): number {
  const bytes = out.write(text, at + 1)
  out[at] = bytes
  return at + 1 + bytes
}

export function writeDeliver(
  transport: Transport,
  template: DeliverTemplate,
  channel: number,
  tag: number,
  redelivered: boolean,
  message: Message,
  properties: Buffer | null,
  frameMax: number,
  keeper: Keeper,
): void {
  const { exchange, routingKey } = message
  const bytes = template.bytesFor(exchange, routingKey)
  const length =
    bytes === null
      ? template.prefix.length + TAG_BYTES + 3 + Buffer.byteLength(exchange) + Buffer.byteLength(routingKey)
      : bytes.length
  const single = message.bodyLength <= frameMax - FRAME_OVERHEAD && message.bodyLength < UNCOPIED_BYTES
  const content = single && properties === null ? contentBytes(message) : -1
  const whole = content >= 0 && length + content <= CHUNK_BYTES
  const at = transport.reserve(whole ? length + content : length)
  const { out } = transport
  if (bytes === null) writeMethod(out, at, length, template, tag, redelivered)
  else {
    bytes.copy(out, at, 0, length)
    writeTag(out, at + template.prefix.length, tag, redelivered)
  }
  if (whole) fillContent(out, at + length, channel, message)
  else writeContent(transport, channel, message, properties, frameMax, keeper)
}

/** Header and body frames of a message. `properties` are bytes that go instead of the message's own. */
export function writeContent(
  transport: Transport,
  channel: number,
  message: Message,
  properties: Buffer | null,
  frameMax: number,
  keeper: Keeper,
): void {
  const { bodyLength } = message
  const bodyMax = frameMax - FRAME_OVERHEAD
  if (properties === null && bodyLength <= bodyMax && bodyLength < UNCOPIED_BYTES) {
    const bytes = contentBytes(message)
    if (bytes <= CHUNK_BYTES) {
      const at = transport.reserve(bytes)
      fillContent(transport.out, at, channel, message)
      return
    }
  }
  const head =
    properties ?? message.buffer.subarray(message.propertiesOffset, message.propertiesOffset + message.propertiesLength)
  const fixed = Buffer.allocUnsafe(7 + HEADER_FIXED_BYTES)
  fillHeaderHead(fixed, 0, channel, bodyLength, head.length)
  transport.write(fixed)
  transport.write(head)
  writeEnd(transport)
  const uncopied = bodyLength >= UNCOPIED_BYTES
  // before its bytes are looked at, since it may move them; each part then holds it until that is written
  if (uncopied) keeper.retain(message)
  for (let sent = 0; sent < bodyLength; sent += bodyMax) {
    const part = Math.min(bodyMax, bodyLength - sent)
    const at = transport.reserve(7)
    fillBodyHead(transport.out, at, channel, part)
    const from = message.bodyOffset + sent
    const bytes = message.buffer.subarray(from, from + part)
    if (uncopied) {
      keeper.retain(message)
      transport.appendLarge(bytes, () => keeper.release(message))
    } else {
      transport.write(bytes)
    }
    writeEnd(transport)
  }
  if (uncopied) keeper.release(message)
}

function writeEnd(transport: Transport): void {
  const at = transport.reserve(1)
  transport.out[at] = FRAME_END
}

/** Bytes of the header frame and the single body frame. */
function contentBytes(message: Message): number {
  const header = FRAME_OVERHEAD + HEADER_FIXED_BYTES + message.propertiesLength
  return message.bodyLength === 0 ? header : header + FRAME_OVERHEAD + message.bodyLength
}

function fillContent(out: Buffer, at: number, channel: number, message: Message): void {
  const { propertiesLength, bodyLength, propertiesOffset, bodyOffset, buffer } = message
  fillHeaderHead(out, at, channel, bodyLength, propertiesLength)
  let p = at + 7 + HEADER_FIXED_BYTES
  if (bodyLength > 0 && bodyOffset - propertiesOffset - propertiesLength === BOUNDARY_BYTES) {
    // as it came: properties, boundary, body lie in one piece; the boundary is written anew
    buffer.copy(out, p, propertiesOffset, bodyOffset + bodyLength)
    p += propertiesLength
    out[p] = FRAME_END
    fillBodyHead(out, p + 1, channel, bodyLength)
    out[p + BOUNDARY_BYTES + bodyLength] = FRAME_END
    return
  }
  buffer.copy(out, p, propertiesOffset, propertiesOffset + propertiesLength)
  p += propertiesLength
  out[p++] = FRAME_END
  if (bodyLength === 0) return
  fillBodyHead(out, p, channel, bodyLength)
  buffer.copy(out, p + 7, bodyOffset, bodyOffset + bodyLength)
  out[p + 7 + bodyLength] = FRAME_END
}

function fillHeaderHead(out: Buffer, at: number, channel: number, bodyLength: number, propertiesLength: number): void {
  out[at] = FRAME_HEADER
  out[at + 1] = channel >>> 8
  out[at + 2] = channel
  writeU32(out, at + 3, HEADER_FIXED_BYTES + propertiesLength)
  out[at + 7] = 0
  out[at + 8] = 60
  out[at + 9] = 0
  out[at + 10] = 0
  writeU32(out, at + 11, 0) // bodies are below 4 GiB
  writeU32(out, at + 15, bodyLength)
}

function fillBodyHead(out: Buffer, at: number, channel: number, bytes: number): void {
  out[at] = FRAME_BODY
  out[at + 1] = channel >>> 8
  out[at + 2] = channel
  writeU32(out, at + 3, bytes)
}

/** basic.ack and basic.nack to a publisher. */
export function writeConfirm(
  transport: Transport,
  channel: number,
  tag: number,
  multiple: boolean,
  positive: boolean,
): void {
  const at = transport.reserve(21)
  const { out } = transport
  out[at] = FRAME_METHOD
  out[at + 1] = channel >>> 8
  out[at + 2] = channel
  writeU32(out, at + 3, 13)
  writeU32(out, at + 7, positive ? 0x003c0050 : 0x003c0078)
  writeU32(out, at + 11, Math.floor(tag / 0x1_0000_0000))
  writeU32(out, at + 15, tag >>> 0)
  // bit 0 multiple; RabbitMQ's nacks to publishers carry the requeue bit
  out[at + 19] = (multiple ? 1 : 0) | (positive ? 0 : 2)
  out[at + 20] = FRAME_END
}

export function writeHeartbeat(transport: Transport): void {
  const at = transport.reserve(8)
  const { out } = transport
  out.fill(0, at, at + 7)
  out[at] = 8
  out[at + 7] = FRAME_END
}

function writeU32(out: Buffer, at: number, value: number): void {
  out[at] = value >>> 24
  out[at + 1] = value >>> 16
  out[at + 2] = value >>> 8
  out[at + 3] = value
}
