import { Message } from '../../core/message.ts'
import { ProtocolError } from './errors.ts'
import { BasicPublish } from './wire/methods.gen.ts'
import { amqpPropertyFormat, hasHeader, PropertyScan, scanProperties } from './wire/properties.ts'
import { joinU64 } from '../../util/uint64.ts'

export const IDLE = 0
const EXPECTS_HEADER = 1
const EXPECTS_BODY = 2

const BASIC = 60
const MESSAGE_BYTES_MAX = 512 * 1024 * 1024
/** class, weight, body size */
export const HEADER_FIXED_BYTES = 12
/** What is set aside for a body before its bytes come: an announced size is only a claim. */
const FIRST_ALLOCATION_MAX = 1024 * 1024

/** Where large messages are gathered. */
interface Allocator {
  allocate(bytes: number): Buffer
}

/**
 * Puts a message together from its header and body frames. When both lie in one read, which is usual, the message is a view of it;
 * otherwise its bytes are gathered in a buffer of its own.
 */
export class PublishAssembler {
  state = IDLE
  /** The size that the header announced. */
  bodyBytes = 0
  /** What the header says that the broker acts on. Valid until the next header. */
  readonly scan = new PropertyScan()
  readonly #store: Allocator
  #buffer: Buffer = NO_BYTES
  /** Where the properties lay when they were scanned: what the scan's offsets count from. */
  #scanned = 0
  #propertiesOffset = 0
  #propertiesLength = 0
  #bodyOffset = 0
  /** Body bytes that have come. */
  #received = 0
  /** Whether `#buffer` is the message's own, and not a view of what was read. */
  #gathers = false
  /** The message is too large to be kept: its bytes are counted and dropped. */
  #drops = false

  constructor(store: Allocator) {
    this.#store = store
  }

  /** A publish method came: its header is next. */
  begin(): void {
    this.state = EXPECTS_HEADER
  }

  /** Forgets a message that is half there. */
  reset(): void {
    this.state = IDLE
    this.#buffer = NO_BYTES
  }

  /**
   * @param keepMax the largest body that will be wanted; a larger one is read and dropped
   * @returns whether the message is complete
   * @throws ProtocolError, MalformedValueError
   */
  header(buffer: Buffer, start: number, end: number, kept: boolean, keepMax: number): boolean {
    if (this.state !== EXPECTS_HEADER) throw unexpectedFrame(this.state)
    const classId = (buffer[start]! << 8) | buffer[start + 1]!
    if (classId !== BASIC) {
      const text = `expected content header for class 60, got one for class ${classId} instead`
      throw new ProtocolError('unexpectedFrame', text)
    }
    const bodyBytes = joinU64(buffer.readUInt32BE(start + 4), buffer.readUInt32BE(start + 8))
    if (bodyBytes > MESSAGE_BYTES_MAX) {
      const text = `content body size ${bodyBytes} exceeds maximum allowed size ${MESSAGE_BYTES_MAX}`
      throw new ProtocolError('frameError', text)
    }
    this.bodyBytes = bodyBytes
    this.#propertiesLength = end - start - HEADER_FIXED_BYTES
    scanProperties(buffer, start + HEADER_FIXED_BYTES, this.#propertiesLength, this.scan)
    this.#received = 0
    this.#drops = this.bodyBytes > keepMax
    this.#gathers = false
    this.#buffer = buffer
    this.#scanned = start + HEADER_FIXED_BYTES
    this.#propertiesOffset = this.#scanned
    this.#bodyOffset = end
    if (!kept) this.#gather()
    this.state = this.bodyBytes === 0 ? IDLE : EXPECTS_BODY
    return this.bodyBytes === 0
  }

  /** @returns whether the message is complete @throws ProtocolError */
  body(buffer: Buffer, start: number, end: number, first: boolean, frameBytes: number): boolean {
    if (this.state !== EXPECTS_BODY) throw unexpectedFrame(this.state)
    if (first && frameBytes > this.bodyBytes - this.#received) {
      throw new ProtocolError('frameError', 'content body frame exceeds remaining content size')
    }
    const bytes = end - start
    if (bytes === this.bodyBytes && buffer === this.#buffer) {
      this.#bodyOffset = start
    } else if (!this.#drops) {
      if (!this.#gathers) this.#gather()
      this.#makeRoom(this.#bodyOffset + this.#received + bytes)
      buffer.copy(this.#buffer, this.#bodyOffset + this.#received, start, end)
    }
    this.#received += bytes
    if (this.#received < this.bodyBytes) return false
    this.state = IDLE
    return true
  }

  /** The complete message. */
  message(exchange: string, routingKey: string): Message {
    const { scan } = this
    const message = new Message(
      exchange,
      routingKey,
      amqpPropertyFormat,
      this.#buffer,
      this.#propertiesOffset,
      this.#propertiesLength,
      this.#bodyOffset,
      this.bodyBytes,
    )
    message.persistent = scan.deliveryMode === 2
    if (scan.priority >= 0) {
      message.hasPriority = true
      message.priority = scan.priority
    }
    return message
  }

  /** The text of a property that the scan found. */
  text(offset: number, length: number): string {
    const at = offset - this.#scanned + this.#propertiesOffset
    return this.#buffer.toString('utf8', at, at + length)
  }

  /** Whether the message carries a header of this name. */
  hasHeader(name: Buffer): boolean {
    const { headersOffset, headersLength } = this.scan
    if (headersOffset < 0) return false
    return hasHeader(this.#buffer, headersOffset - this.#scanned + this.#propertiesOffset, headersLength, name)
  }

  #gather(): void {
    const own = this.#store.allocate(this.#propertiesLength + Math.min(this.bodyBytes, FIRST_ALLOCATION_MAX))
    this.#buffer.copy(own, 0, this.#propertiesOffset, this.#propertiesOffset + this.#propertiesLength)
    this.#buffer = own
    this.#propertiesOffset = 0
    this.#bodyOffset = this.#propertiesLength
    this.#gathers = true
  }

  #makeRoom(bytes: number): void {
    if (bytes <= this.#buffer.length) return
    const most = this.#propertiesLength + this.bodyBytes
    const wider = this.#store.allocate(Math.min(most, Math.max(bytes, this.#buffer.length * 2)))
    this.#buffer.copy(wider, 0, 0, this.#bodyOffset + this.#received)
    this.#buffer = wider
  }
}

const NO_BYTES = Buffer.alloc(0)

/** What RabbitMQ says of a frame out of its place. */
export function unexpectedFrame(state: number): ProtocolError {
  if (state === IDLE) {
    return new ProtocolError('unexpectedFrame', 'expected method frame, got non method frame instead', 0)
  }
  const text =
    state === EXPECTS_HEADER
      ? 'expected content header for class 60, got non content header frame instead'
      : 'expected content body, got non content body frame instead'
  return new ProtocolError('unexpectedFrame', text, BasicPublish.id)
}
