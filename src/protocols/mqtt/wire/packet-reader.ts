import { isUtf8 } from 'node:buffer'
import type { Interner } from '../../../util/interner.ts'
import { malformed } from '../errors.ts'

/** Longer texts are not worth remembering. */
const INTERNED_BYTES_MAX = 255

/** One packet's bytes behind its fixed header, read in order. Everything throws MqttError where there is less, or other, than there should be. */
export class PacketReader {
  buffer: Buffer = Buffer.alloc(0)
  offset = 0
  end = 0

  reset(buffer: Buffer, start: number, end: number): void {
    this.buffer = buffer
    this.offset = start
    this.end = end
  }

  get left(): number {
    return this.end - this.offset
  }

  #take(bytes: number): number {
    const at = this.offset
    if (bytes > this.end - at) throw malformed('the packet is too short')
    this.offset = at + bytes
    return at
  }

  u8(): number {
    return this.buffer[this.#take(1)]!
  }

  u16(): number {
    const at = this.#take(2)
    return (this.buffer[at]! << 8) | this.buffer[at + 1]!
  }

  u32(): number {
    return this.buffer.readUInt32BE(this.#take(4))
  }

  /** A Variable Byte Integer (MQTT 5.0, 1.5.5). */
  varint(): number {
    let value = 0
    for (let shift = 0; shift <= 21; shift += 7) {
      const byte = this.u8()
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    throw malformed('a variable byte integer has more than four bytes')
  }

  /** A view of the bytes. */
  bytes(): Buffer {
    const length = this.u16()
    const at = this.#take(length)
    return this.buffer.subarray(at, at + length)
  }

  /** An UTF-8 Encoded String (MQTT 5.0, 1.5.4). @param interner knows texts that come often @param likely one that it may be again; both know sound ones only */
  text(interner: Interner | null = null, likely = ''): string {
    const length = this.u16()
    const at = this.#take(length)
    const { buffer } = this
    if (length === likely.length && isSameAscii(likely, buffer, at)) return likely
    const known = interner === null || length > INTERNED_BYTES_MAX ? null : interner.find(buffer, at, length)
    if (known !== null) return known
    const bytes = buffer.subarray(at, at + length)
    if (!isUtf8(bytes)) throw malformed('a text is not UTF-8')
    if (bytes.includes(0)) throw malformed('a text has a null character')
    const text = bytes.toString('utf8')
    if (interner !== null && length <= INTERNED_BYTES_MAX) interner.remember(buffer, at, length, text)
    return text
  }

  packetId(): number {
    const id = this.u16()
    if (id === 0) throw malformed('the packet identifier is 0')
    return id
  }

  expectEnd(): void {
    if (this.offset !== this.end) throw malformed('bytes are left behind the packet')
  }
}

/** Whether these bytes are that text. Of another than ASCII it says no. */
function isSameAscii(text: string, buffer: Buffer, at: number): boolean {
  // from the end, where topics differ
  for (let i = text.length - 1; i >= 0; i--) {
    const byte = buffer[at + i]!
    if (byte !== text.charCodeAt(i) || byte >= 0x80) return false
  }
  return true
}
