import type { LoadedMessage } from '../store/message-store.ts'
import { assert } from '../util/assert.ts'
import { HAS_PRIORITY, HAS_REST, HAS_TTL, type HeadRest, PERSISTENT, REMEMBERED_BYTES } from './message-record.ts'
import { Message, type PropertyFormat } from './message.ts'

/** Makes messages of what a store gives back; `message-record.ts` draws the bytes. */
export class MessageDecoder {
  readonly #formats = new Map<number, PropertyFormat>()
  readonly #bytes = Buffer.alloc(REMEMBERED_BYTES)
  #length = 0
  #format: PropertyFormat | null = null
  #exchange = ''
  #routingKey = ''
  #flags = 0
  #priority = 0
  #ttlMs = -1
  #rest: HeadRest | null = null

  /** @param formats of all property bytes that may be found */
  constructor(formats: readonly PropertyFormat[]) {
    for (const format of formats) this.#formats.set(format.id, format)
  }

  /** The message is a view of the bytes that were loaded: they must be adopted before the call that gave them ends. */
  decode(loaded: LoadedMessage): Message {
    const { buffer, headOffset, headLength } = loaded
    if (!this.#isLast(buffer, headOffset, headLength)) this.#read(buffer, headOffset, headLength)
    const message = new Message(
      this.#exchange,
      this.#routingKey,
      this.#format!,
      buffer,
      loaded.propertiesOffset,
      loaded.propertiesLength,
      loaded.bodyOffset,
      loaded.bodyLength,
    )
    message.persistent = (this.#flags & PERSISTENT) !== 0
    message.hasPriority = (this.#flags & HAS_PRIORITY) !== 0
    message.priority = this.#priority
    message.ttlMs = this.#ttlMs
    if (this.#rest !== null) {
      message.extraKeys = this.#rest.keys ?? null
      message.deaths = this.#rest.deaths ?? null
    }
    return message
  }

  #isLast(buffer: Buffer, offset: number, length: number): boolean {
    if (length !== this.#length) return false
    const bytes = this.#bytes
    for (let i = length - 1; i >= 0; i--) if (bytes[i] !== buffer[offset + i]) return false
    return true
  }

  #read(buffer: Buffer, offset: number, length: number): void {
    const format = this.#formats.get(buffer[offset]!)
    assert(format !== undefined, `a stored message has properties of the unknown format ${buffer[offset]!}`)
    this.#format = format
    this.#flags = buffer[offset + 1]!
    this.#priority = buffer[offset + 2]!
    let at = offset + 3
    const exchangeEnd = at + 2 + buffer.readUInt16BE(at)
    this.#exchange = buffer.toString('utf8', at + 2, exchangeEnd)
    at = exchangeEnd
    const keyEnd = at + 2 + buffer.readUInt16BE(at)
    this.#routingKey = buffer.toString('utf8', at + 2, keyEnd)
    at = keyEnd
    this.#ttlMs = -1
    if ((this.#flags & HAS_TTL) !== 0) {
      this.#ttlMs = buffer.readUIntBE(at, 6)
      at += 6
    }
    this.#rest =
      (this.#flags & HAS_REST) === 0 ? null : (JSON.parse(buffer.toString('utf8', at + 4, offset + length)) as HeadRest)
    this.#length = this.#rest === null && length <= REMEMBERED_BYTES ? length : 0
    if (this.#length > 0) buffer.copy(this.#bytes, 0, offset, offset + length)
  }
}
