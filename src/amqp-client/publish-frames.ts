/**
 * The frames that are written per message, by hand:
 *
 *     basic.publish  01 channel length | 00 3c 00 28  00 00  exchange  routing-key  flags       | ce
 *     header frame   02 channel length | 00 3c 00 00  body-size(8)  property flags and values   | ce
 *     body frames    03 channel length | up to frame-max - 8 bytes                                | ce
 *     basic.ack      01 channel 00 00 00 0d | 00 3c 00 50  delivery-tag(8)  multiple              | ce
 */
import { CHUNK_BYTES } from '../net/buffer-pool.ts'
import type { Transport } from '../net/transport.ts'
import {
  appendMethodFrame,
  FRAME_BODY,
  FRAME_END,
  FRAME_HEAD_BYTES,
  FRAME_HEADER,
  FRAME_METHOD,
  FRAME_OVERHEAD,
} from '../protocols/amqp091/wire/frames.ts'
import { type BasicAck, type BasicNack, BasicPublish, type BasicReject } from '../protocols/amqp091/wire/methods.gen.ts'
import { Writer } from '../protocols/amqp091/wire/writer.ts'

const HEADER_FIXED_BYTES = 12
/** Bodies from here on are sent from where they are; smaller ones are copied, which is cheaper than one more piece to write. */
const UNCOPIED_BYTES = 32 * 1024
const NOTHING_TO_FREE = (): void => {}

/** The publish frame of one channel that came last: messages mostly come in runs of the same exchange and key. */
export class PublishTemplate {
  readonly #channel: number
  #exchange = ''
  #routingKey = ''
  #mandatory = false
  /** A view of the writer's bytes. */
  #bytes: Buffer | null = null
  readonly #writer = new Writer()

  constructor(channel: number) {
    this.#channel = channel
  }

  /** @throws RangeError where exchange or routing key have more than 255 bytes */
  bytesFor(exchange: string, routingKey: string, mandatory: boolean): Buffer {
    if (
      this.#bytes !== null &&
      this.#routingKey === routingKey &&
      this.#exchange === exchange &&
      this.#mandatory === mandatory
    ) {
      return this.#bytes
    }
    this.#bytes = null
    this.#writer.reset()
    appendMethodFrame(this.#writer, this.#channel, new BasicPublish(exchange, routingKey, mandatory))
    const bytes = this.#writer.buffer.subarray(0, this.#writer.length)
    this.#exchange = exchange
    this.#routingKey = routingKey
    this.#mandatory = mandatory
    this.#bytes = bytes
    return bytes
  }
}

/** @param method the publish frame @param properties as `amqpPropertyFormat` encodes them */
export function writePublish(
  transport: Transport,
  channel: number,
  method: Buffer,
  properties: Uint8Array,
  body: Uint8Array,
  frameMax: number,
): void {
  const bodyMax = frameMax - FRAME_OVERHEAD
  const header = FRAME_OVERHEAD + HEADER_FIXED_BYTES + properties.length
  const whole = method.length + header + FRAME_OVERHEAD + body.length
  if (whole > CHUNK_BYTES || body.length > bodyMax || body.length >= UNCOPIED_BYTES) {
    writeInParts(transport, channel, method, properties, body, bodyMax)
    return
  }
  let at = transport.reserve(body.length === 0 ? whole - FRAME_OVERHEAD : whole)
  const { out } = transport
  method.copy(out, at)
  at += method.length
  writeHeaderHead(out, at, channel, properties.length, body.length)
  at += FRAME_HEAD_BYTES + HEADER_FIXED_BYTES
  out.set(properties, at)
  at += properties.length
  out[at++] = FRAME_END
  if (body.length === 0) return
  writeFrameHead(out, at, FRAME_BODY, channel, body.length)
  out.set(body, at + FRAME_HEAD_BYTES)
  out[at + FRAME_HEAD_BYTES + body.length] = FRAME_END
}

function writeInParts(
  transport: Transport,
  channel: number,
  method: Buffer,
  properties: Uint8Array,
  body: Uint8Array,
  bodyMax: number,
): void {
  transport.write(method)
  const head = Buffer.allocUnsafe(FRAME_HEAD_BYTES + HEADER_FIXED_BYTES)
  writeHeaderHead(head, 0, channel, properties.length, body.length)
  transport.write(head)
  transport.write(properties)
  writeEnd(transport)
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.length)
  for (let sent = 0; sent < bytes.length; sent += bodyMax) {
    const part = bytes.subarray(sent, sent + bodyMax)
    const at = transport.reserve(FRAME_HEAD_BYTES)
    writeFrameHead(transport.out, at, FRAME_BODY, channel, part.length)
    if (part.length >= UNCOPIED_BYTES) transport.appendLarge(part, NOTHING_TO_FREE)
    else transport.write(part)
    writeEnd(transport)
  }
}

function writeHeaderHead(out: Buffer, at: number, channel: number, propertyBytes: number, bodyBytes: number): void {
  writeFrameHead(out, at, FRAME_HEADER, channel, HEADER_FIXED_BYTES + propertyBytes)
  writeU32(out, at + 7, 0x003c_0000)
  writeU32(out, at + 11, 0) // bodies are below 4 GiB
  writeU32(out, at + 15, bodyBytes)
}

function writeFrameHead(out: Buffer, at: number, type: number, channel: number, bytes: number): void {
  out[at] = type
  out[at + 1] = channel >>> 8
  out[at + 2] = channel
  writeU32(out, at + 3, bytes)
}

function writeEnd(transport: Transport): void {
  const at = transport.reserve(1)
  transport.out[at] = FRAME_END
}

/** Where the bits of basic.ack, basic.nack and basic.reject stand. */
export const MULTIPLE = 1
export const NACK_REQUEUE = 2
export const REJECT_REQUEUE = 1

export function writeSettlement(
  transport: Transport,
  channel: number,
  method: typeof BasicAck | typeof BasicNack | typeof BasicReject,
  tag: number,
  bits: number,
): void {
  const at = transport.reserve(FRAME_OVERHEAD + 13)
  const { out } = transport
  writeFrameHead(out, at, FRAME_METHOD, channel, 13)
  writeU32(out, at + 7, method.id)
  writeU32(out, at + 11, Math.floor(tag / 0x1_0000_0000))
  writeU32(out, at + 15, tag >>> 0)
  out[at + 19] = bits
  out[at + 20] = FRAME_END
}

function writeU32(out: Buffer, at: number, value: number): void {
  out[at] = value >>> 24
  out[at + 1] = value >>> 16
  out[at + 2] = value >>> 8
  out[at + 3] = value
}
