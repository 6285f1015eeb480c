import { AmqpNetworkError } from './errors.ts'
import { joinU64 } from '../util/uint64.ts'
import type { ReceivedMessage } from './received.ts'

const CLASS_BASIC = 60
/** class, weight, body size */
const HEADER_FIXED_BYTES = 12
/** RabbitMQ's limit. A peer that announces more is none. */
const BODY_BYTES_MAX = 512 * 1024 * 1024
/** What is set aside for a body before its bytes come. */
const FIRST_ALLOCATION_MAX = 1024 * 1024

/**
 * Puts the content of a message together from its header and body frames. When both lie in one read, which is usual, the message is a view
 * of it; otherwise its bytes are gathered in a buffer of their own.
 */
export class ContentAssembler {
  #message: ReceivedMessage | null = null
  #expectsHeader = false
  #received = 0
  #gathers = false

  /** A method came that carries content: its header is next. @throws AmqpNetworkError */
  begin(message: ReceivedMessage): void {
    if (this.#message !== null) throw unexpected('a method')
    this.#message = message
    this.#expectsHeader = true
  }

  /** Whether a message is half there. */
  get busy(): boolean {
    return this.#message !== null
  }

  /** @returns the message if it is complete (it has no body) @throws AmqpNetworkError */
  header(buffer: Buffer, start: number, end: number, kept: boolean): ReceivedMessage | null {
    const message = this.#message
    if (message === null || !this.#expectsHeader) throw unexpected('a content header')
    if (end - start < HEADER_FIXED_BYTES || buffer.readUInt16BE(start) !== CLASS_BASIC) {
      throw new AmqpNetworkError('the broker sent a content header that cannot be read')
    }
    const bodyBytes = joinU64(buffer.readUInt32BE(start + 4), buffer.readUInt32BE(start + 8))
    if (bodyBytes > BODY_BYTES_MAX) throw new AmqpNetworkError(`the broker announced a body of ${bodyBytes} bytes`)
    this.#expectsHeader = false
    this.#received = 0
    this.#gathers = false
    message.buffer = buffer
    message.propertiesOffset = start + HEADER_FIXED_BYTES
    message.propertiesLength = end - start - HEADER_FIXED_BYTES
    message.bodyOffset = end
    message.bodyLength = bodyBytes
    if (!kept) this.#gather(message)
    return bodyBytes === 0 ? this.#take() : null
  }

  /** @returns the message if it is complete @throws AmqpNetworkError */
  body(buffer: Buffer, start: number, end: number): ReceivedMessage | null {
    const message = this.#message
    if (message === null || this.#expectsHeader) throw unexpected('a content body')
    const bytes = end - start
    if (bytes > message.bodyLength - this.#received) {
      throw new AmqpNetworkError('the broker sent more of a body than it announced')
    }
    if (bytes === message.bodyLength && buffer === message.buffer) {
      message.bodyOffset = start
    } else {
      if (!this.#gathers) this.#gather(message)
      makeRoom(message, this.#received, bytes)
      buffer.copy(message.buffer, message.bodyOffset + this.#received, start, end)
    }
    this.#received += bytes
    return this.#received < message.bodyLength ? null : this.#take()
  }

  /** Forgets a message that is half there. */
  reset(): void {
    this.#message = null
  }

  #take(): ReceivedMessage {
    const message = this.#message!
    this.#message = null
    return message
  }

  #gather(message: ReceivedMessage): void {
    const { propertiesLength } = message
    const own = Buffer.allocUnsafe(propertiesLength + Math.min(message.bodyLength, FIRST_ALLOCATION_MAX))
    message.buffer.copy(own, 0, message.propertiesOffset, message.propertiesOffset + propertiesLength)
    message.buffer = own
    message.propertiesOffset = 0
    message.bodyOffset = propertiesLength
    this.#gathers = true
  }
}

function makeRoom(message: ReceivedMessage, received: number, bytes: number): void {
  const { buffer, bodyOffset } = message
  const wanted = bodyOffset + received + bytes
  if (wanted <= buffer.length) return
  const most = bodyOffset + message.bodyLength
  const wider = Buffer.allocUnsafe(Math.min(most, Math.max(wanted, buffer.length * 2)))
  buffer.copy(wider, 0, 0, bodyOffset + received)
  message.buffer = wider
}

const unexpected = (what: string): AmqpNetworkError =>
  new AmqpNetworkError(`the broker sent ${what} where something else was due`)
