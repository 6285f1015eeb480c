/**
 * What LDAP is written in (BER, X.690, as RFC 4511 restricts it): each value is a tag of one byte, a definite length, and so many bytes,
 * which are values again where the tag says so. Nothing here trusts a length: the other side may be anybody.
 */
export interface BerValue {
  readonly tag: number
  readonly content: Buffer
}

export const INTEGER = 0x02
export const OCTET_STRING = 0x04
export const ENUMERATED = 0x0a
export const SEQUENCE = 0x30
export const SET = 0x31
const BOOLEAN = 0x01

/** Longer ones are not waited for. */
const MESSAGE_BYTES_MAX = 4 * 1024 * 1024
const LENGTH_BYTES_MAX = 4

/** It is no BER, or not what is expected there. */
export class BerError extends Error {
  constructor(text: string) {
    super(text)
    this.name = 'BerError'
  }
}

/** The values that lie one after another. @throws BerError */
export function* valuesIn(bytes: Buffer): Generator<BerValue, undefined> {
  for (let at = 0; at < bytes.length;) {
    const head = readHead(bytes, at)
    if (head === null || head.end > bytes.length) throw new BerError('a value is longer than what it is part of')
    yield { tag: bytes[at]!, content: bytes.subarray(head.start, head.end) }
    at = head.end
  }
}

/** @returns where the content begins and ends; null where the length is not there yet @throws BerError */
function readHead(bytes: Buffer, at: number): { start: number; end: number } | null {
  const first = bytes[at + 1]
  if (first === undefined) return null
  const start = at + 2
  if (first < 0x80) return { start, end: start + first }
  const count = first & 0x7f
  if (count === 0 || count > LENGTH_BYTES_MAX) throw new BerError('a length cannot be read')
  if (start + count > bytes.length) return null
  return { start: start + count, end: start + count + bytes.readUIntBE(start, count) }
}

/** Takes values in their order. */
export class BerReader {
  readonly #values: Generator<BerValue, undefined>

  constructor(bytes: Buffer) {
    this.#values = valuesIn(bytes)
  }

  /** @throws BerError where there is none, or one with another tag */
  next(tag: number): Buffer {
    const value = this.nextOfAny()
    if (value.tag !== tag) throw new BerError(`expected a value with tag ${tag}, got ${value.tag}`)
    return value.content
  }

  /** @throws BerError where there is none */
  nextOfAny(): BerValue {
    const { value } = this.#values.next()
    if (value === undefined) throw new BerError('a value is missing')
    return value
  }

  /** Of up to 4 bytes. @throws BerError */
  number(tag: number): number {
    const content = this.next(tag)
    if (content.length === 0 || content.length > 4) throw new BerError('a number cannot be read')
    return content.readIntBE(0, content.length)
  }
}

/** Cuts what comes over the network into messages, of which each is one value. */
export class MessageSplitter {
  #chunks: Buffer[] = []
  #bytes = 0
  /** Of the message that is coming; 0 while its length has not. */
  #wanted = 0

  /** Nothing of a next message is there. */
  get empty(): boolean {
    return this.#bytes === 0
  }

  /** @returns the messages that are complete with this chunk @throws BerError */
  push(chunk: Buffer): Buffer[] {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    const messages: Buffer[] = []
    for (let message = this.#take(); message !== null; message = this.#take()) messages.push(message)
    return messages
  }

  #take(): Buffer | null {
    if (this.#wanted === 0) this.#wanted = this.#measure()
    if (this.#wanted === 0 || this.#bytes < this.#wanted) return null
    const all = this.#joined()
    this.#chunks = [all.subarray(this.#wanted)]
    this.#bytes -= this.#wanted
    const message = all.subarray(0, this.#wanted)
    this.#wanted = 0
    return message
  }

  #measure(): number {
    if (this.#bytes === 0) return 0
    const all = this.#joined()
    if (all[0] !== SEQUENCE) throw new BerError('a message does not begin like one')
    const head = readHead(all, 0)
    if (head === null) return 0
    if (head.end > MESSAGE_BYTES_MAX) throw new BerError('a message is too long')
    return head.end
  }

  #joined(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)]
    return this.#chunks[0]!
  }
}

export function encode(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), content])
  const head = Buffer.alloc(6)
  head[0] = tag
  head[1] = 0x80 | LENGTH_BYTES_MAX
  head.writeUInt32BE(length, 2)
  return Buffer.concat([head, content])
}

export const encodeText = (text: string, tag = OCTET_STRING): Buffer => encode(tag, Buffer.from(text, 'utf8'))

/** @param value from 0 to 2^31 - 1 */
export function encodeNumber(value: number, tag = INTEGER): Buffer {
  const content = Buffer.alloc(4)
  content.writeInt32BE(value)
  let from = 0
  // as few bytes as the sign allows
  while (from < 3 && content[from] === 0 && content[from + 1]! < 0x80) from++
  return encode(tag, content.subarray(from))
}

export const encodeBoolean = (value: boolean): Buffer => encode(BOOLEAN, Buffer.from([value ? 0xff : 0]))
