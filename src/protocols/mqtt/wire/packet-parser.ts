import { malformed, MqttError } from '../errors.ts'
import { PACKET_TOO_LARGE } from '../reason-codes.ts'

const KEPT_BYTES_MIN = 256
const NOTHING = Buffer.alloc(0)

/**
 * Finds packets in what is read: those that came whole are handed on in place, the others gathered first. While it is suspended it only
 * keeps what comes. It is the base of who takes packets, and no part of it, so that a read has one object less to fetch into the
 * processor's cache.
 */
export abstract class PacketParser {
  /** Of a whole packet. */
  protected bytesMax: number
  protected parsingSuspended = false
  /** The beginning of what has not been handed on. */
  #kept: Buffer = NOTHING
  #keptLength = 0
  #stopped = false

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax
  }

  /**
   * What it throws stops the parser.
   * @param first the first byte: type and flags @param start behind the fixed header; the bytes stay as they are
   */
  protected abstract onPacket(first: number, buffer: Buffer, start: number, end: number): void

  /** @throws MqttError, and whatever `onPacket` throws */
  protected parse(chunk: Buffer): void {
    if (this.#stopped) return
    if (this.#keptLength === 0 && !this.parsingSuspended) this.#handOn(chunk, chunk.length)
    else {
      this.#keep(chunk)
      if (!this.parsingSuspended) this.parseKept()
    }
  }

  /** Goes on with what was kept. @throws as `parse` */
  protected parseKept(): void {
    this.parsingSuspended = false
    if (this.#keptLength === 0 || this.#stopped) return
    const kept = this.#kept
    const length = this.#keptLength
    if (!this.#isWhole(kept, length)) return
    this.#kept = NOTHING
    this.#keptLength = 0
    this.#handOn(kept, length)
  }

  /** Nothing more is handed on. */
  protected stopParsing(): void {
    this.#stopped = true
    this.#kept = NOTHING
    this.#keptLength = 0
  }

  #handOn(buffer: Buffer, end: number): void {
    let at = 0
    while (at < end && !this.parsingSuspended && !this.#stopped) {
      const size = this.#sizeOf(buffer, at, end)
      if (size < 0 || at + size > end) break
      const first = buffer[at]!
      const start = at + headBytes(buffer, at)
      at += size
      this.onPacket(first, buffer, start, at)
    }
    if (at < end && !this.#stopped) this.#keep(buffer.subarray(at, end))
  }

  #isWhole(buffer: Buffer, end: number): boolean {
    const size = this.#sizeOf(buffer, 0, end)
    return size >= 0 && size <= end
  }

  /** Bytes of the packet that begins here, or -1 where that cannot be seen yet. */
  #sizeOf(buffer: Buffer, at: number, end: number): number {
    let length = 0
    for (let i = 1; i <= 4; i++) {
      if (at + i >= end) return -1
      const byte = buffer[at + i]!
      length |= (byte & 0x7f) << (7 * (i - 1))
      if (byte >= 0x80) continue
      const size = 1 + i + length
      if (size > this.bytesMax) {
        throw new MqttError(PACKET_TOO_LARGE, `a packet of ${size} bytes, where ${this.bytesMax} are allowed`)
      }
      return size
    }
    throw malformed('the length of a packet has more than four bytes')
  }

  #keep(bytes: Buffer): void {
    const needed = this.#keptLength + bytes.length
    if (needed > this.#kept.length) {
      // twice as much each time, so that a claim of a large packet costs nothing before its bytes come
      const grown = Buffer.allocUnsafe(Math.max(needed, this.#kept.length * 2, KEPT_BYTES_MIN))
      this.#kept.copy(grown, 0, 0, this.#keptLength)
      this.#kept = grown
    }
    bytes.copy(this.#kept, this.#keptLength)
    this.#keptLength = needed
  }
}

/** Of a fixed header that is there. */
function headBytes(buffer: Buffer, at: number): number {
  let bytes = 2
  while (buffer[at + bytes - 1]! >= 0x80) bytes++
  return bytes
}
