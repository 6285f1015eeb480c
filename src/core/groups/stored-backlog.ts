import { assert } from '../../util/assert.ts'

const CHUNK_BYTES_MIN = 32
const CHUNK_BYTES_MAX = 4096
/** No message takes more: three numbers of at most eight bytes each. */
const MESSAGE_BYTES_MAX = 24

/** What is known of a message that is in the store only. */
export interface StoredMessage {
  readonly number: number
  readonly bodyBytes: number
  /** When it expires (ms since the epoch), or -1. */
  readonly expiresAt: number
}

/**
 * Messages that are in the store only, in order of number, first in, first out: some bytes for each. A chunk has, one after the other,
 *
 *     varint    2 × (number - number of the one before), + 1 where it expires
 *     varint    body bytes
 *     varint    expiry - expiry of the one before that has one, with the sign in the lowest bit   (where it expires)
 *
 * with seven bits in a byte, the lowest first, and the highest bit set in all but the last.
 */
export class StoredBacklog {
  /** Messages, and their body bytes. */
  count = 0
  bodyBytes = 0
  #chunks: Chunk[] = []

  get first(): number {
    return this.#chunks[0]!.peek().number
  }

  /** The earliest time at which one expires (ms since the epoch), or -1 when none does. Never too late. */
  get earliestExpiry(): number {
    let earliest = -1
    for (const { earliestExpiry } of this.#chunks) {
      if (earliestExpiry >= 0 && (earliest < 0 || earliestExpiry < earliest)) earliest = earliestExpiry
    }
    return earliest
  }

  /** @param number higher than all before */
  push(number: number, bodyBytes: number, expiresAt: number): void {
    let chunk = this.#chunks.at(-1)
    if (chunk === undefined || !chunk.hasRoom) {
      chunk = new Chunk(chunk === undefined ? CHUNK_BYTES_MIN : CHUNK_BYTES_MAX)
      this.#chunks.push(chunk)
    }
    chunk.push(number, bodyBytes, expiresAt)
    this.count++
    this.bodyBytes += bodyBytes
  }

  /** The first one; it stays. Call while `count` is not 0. The object is used again. */
  peek(): StoredMessage {
    return this.#chunks[0]!.peek()
  }

  /** Takes the first one, which `peek` has given. */
  shift(): void {
    const chunk = this.#chunks[0]!
    this.count--
    this.bodyBytes -= chunk.peek().bodyBytes
    chunk.shift()
    if (chunk.count === 0) this.#chunks.shift()
  }

  /** Takes out those that have expired at `now`: of the chunks that have some, as many as hold `max` or more. */
  takeExpired(now: number, max: number, visit: (message: StoredMessage) => void): void {
    let taken = 0
    for (const [at, chunk] of this.#chunks.entries()) {
      if (taken >= max) break
      if (chunk.earliestExpiry < 0 || chunk.earliestExpiry > now) continue
      taken += this.#takeFrom(at, chunk, ({ expiresAt }) => expiresAt >= 0 && expiresAt <= now, visit)
    }
    this.#chunks = this.#chunks.filter(({ count }) => count > 0)
  }

  /** Takes out those of these messages that are there. */
  takeNumbers(numbers: ReadonlySet<number>, visit: (message: StoredMessage) => void): void {
    for (const [at, chunk] of this.#chunks.entries()) {
      this.#takeFrom(at, chunk, ({ number }) => numbers.has(number), visit)
    }
    this.#chunks = this.#chunks.filter(({ count }) => count > 0)
  }

  /** @returns how many were taken */
  #takeFrom(
    at: number,
    chunk: Chunk,
    isWanted: (message: StoredMessage) => boolean,
    visit: (message: StoredMessage) => void,
  ): number {
    const rest = new Chunk(CHUNK_BYTES_MIN)
    let taken = 0
    for (; chunk.count > 0; chunk.shift()) {
      const message = chunk.peek()
      if (!isWanted(message)) {
        rest.push(message.number, message.bodyBytes, message.expiresAt)
        continue
      }
      taken++
      this.count--
      this.bodyBytes -= message.bodyBytes
      visit(message)
    }
    this.#chunks[at] = rest
    return taken
  }

  /** The numbers, in order. */
  *numbers(): Generator<number> {
    for (const chunk of this.#chunks) yield* chunk.numbers()
  }
}

class Mutable implements StoredMessage {
  number = 0
  bodyBytes = 0
  expiresAt = -1
}

/** Where something is read. */
class Cursor {
  at = 0
  readonly message = new Mutable()
  /** Of the last one that expires. */
  lastExpiry = 0

  /** Reads the message that begins at `at`. */
  next(bytes: Uint8Array): StoredMessage {
    const { message } = this
    const head = this.#varint(bytes)
    const expires = head % 2 === 1
    message.number += (head - (expires ? 1 : 0)) / 2
    message.bodyBytes = this.#varint(bytes)
    message.expiresAt = -1
    if (expires) {
      const change = this.#varint(bytes)
      this.lastExpiry += change % 2 === 0 ? change / 2 : -(change + 1) / 2
      message.expiresAt = this.lastExpiry
    }
    return message
  }

  /** Beyond 31 bits, where shifts end, by multiplication. */
  #varint(bytes: Uint8Array): number {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[this.at++]!
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
  }
}

class Chunk {
  count = 0
  /** No message in it expires earlier; -1 when none does. It stays when that message is taken. */
  earliestExpiry = -1
  #bytes: Uint8Array
  #end = 0
  #lastNumber = 0
  #lastExpiry = 0
  /** Past the first message, while `#peeked`; else before it. */
  readonly #cursor = new Cursor()
  #peeked = false

  /** @param bytes room to begin with */
  constructor(bytes: number) {
    this.#bytes = new Uint8Array(bytes)
  }

  get hasRoom(): boolean {
    return this.#end + MESSAGE_BYTES_MAX <= CHUNK_BYTES_MAX
  }

  push(number: number, bodyBytes: number, expiresAt: number): void {
    assert(number > this.#lastNumber, 'numbers rise')
    if (this.#end + MESSAGE_BYTES_MAX > this.#bytes.length) this.#grow()
    this.#varint((number - this.#lastNumber) * 2 + (expiresAt >= 0 ? 1 : 0))
    this.#varint(bodyBytes)
    this.#lastNumber = number
    this.count++
    if (expiresAt < 0) return
    const change = expiresAt - this.#lastExpiry
    this.#varint(change >= 0 ? change * 2 : -change * 2 - 1)
    this.#lastExpiry = expiresAt
    if (this.earliestExpiry < 0 || expiresAt < this.earliestExpiry) this.earliestExpiry = expiresAt
  }

  peek(): StoredMessage {
    if (this.#peeked) return this.#cursor.message
    this.#peeked = true
    return this.#cursor.next(this.#bytes)
  }

  shift(): void {
    this.peek()
    this.#peeked = false
    this.count--
  }

  *numbers(): Generator<number> {
    if (this.count === 0) return
    const cursor = new Cursor()
    const first = this.peek()
    yield first.number
    cursor.at = this.#cursor.at
    cursor.message.number = first.number
    while (cursor.at < this.#end) yield cursor.next(this.#bytes).number
  }

  #grow(): void {
    const bytes = new Uint8Array(Math.min(CHUNK_BYTES_MAX, this.#bytes.length * 2))
    bytes.set(this.#bytes.subarray(0, this.#end))
    this.#bytes = bytes
  }

  #varint(value: number): void {
    let rest = value
    for (; rest >= 0x80; rest = Math.floor(rest / 128)) this.#bytes[this.#end++] = (rest % 128) | 0x80
    this.#bytes[this.#end++] = rest
  }
}
