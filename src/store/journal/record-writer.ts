import { crc32 } from 'node:zlib'
import type { Content, QueueEntry } from '../message-store.ts'
import {
  BATCH_BYTES,
  checksum,
  DELIVERED_BYTES,
  DROP_BYTES,
  LEVELS,
  LIST_FIXED_BYTES,
  MESSAGE_FIXED_BYTES,
  RECORD_BATCH,
  RECORD_DELIVERED,
  RECORD_DROP,
  RECORD_HEADER_BYTES,
  RECORD_MESSAGE,
  RECORD_RELEVEL,
  RECORD_SETTLE,
  RECORD_TRANSACTION,
  RECORD_UPDATE,
  RELEVEL_BYTES,
  SETTLE_BYTES,
  TARGET_BYTES,
  TRANSACTION_FIXED_BYTES,
  UPDATE_BYTES,
  writeU16,
  writeU32,
  writeU48,
} from './format.ts'
import type { IndexPage } from './index-page.ts'

/** Records are gathered in chunks of this size. */
export const CHUNK_BYTES = 1024 * 1024
/** Bodies from here on are written from where they lie. */
const UNCOPIED_BYTES = 64 * 1024
/** Below this, a loop is faster than a call. */
const TINY_BYTES = 24

/** What an entry that waits to be written has for its page: whose queue it is in. */
export interface Home {
  readonly id: number
}

export interface Update {
  readonly queueId: number
  readonly number: number
  readonly dueAt: number
  readonly deliveryCount: number
  readonly acquiredCount: number
  readonly state: number
  readonly mark: number
  readonly redelivered: boolean
  /** -1 where it stays. */
  readonly level: number
}

export interface Drop {
  readonly queueId: number
  readonly from: number
  readonly to: number
  readonly level: number
}

/** Puts records together for one write to a segment. Used again for the next one. */
export class RecordWriter {
  /** What is to be written, once `finish` was called. */
  parts: Buffer[] = []
  /** Contents whose bytes are among the parts: they must not be freed before these are written. */
  readonly held: Content[] = []
  /** Bytes so far. */
  bytes = 0
  readonly #main = Buffer.allocUnsafeSlow(CHUNK_BYTES)
  #open = this.#main
  #from = 0
  #at = 0
  #segmentId = 0
  #position = 0

  /** @param position where in the segment the first record will be */
  reset(segmentId: number, position: number): void {
    this.parts = []
    this.held.length = 0
    this.bytes = 0
    this.#open = this.#main
    this.#from = 0
    this.#at = 0
    this.#segmentId = segmentId
    this.#position = position
  }

  /** Offset in the segment at which the next record begins. */
  get offset(): number {
    return this.#position + this.bytes
  }

  finish(): Buffer[] {
    this.#cut()
    return this.parts
  }

  #cut(): void {
    if (this.#at > this.#from) this.parts.push(this.#open.subarray(this.#from, this.#at))
    this.#from = this.#at
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#open.length) return
    this.#cut()
    this.#open = Buffer.allocUnsafeSlow(Math.max(bytes, CHUNK_BYTES))
    this.#from = 0
    this.#at = 0
  }

  /** Fills in length and checksum of the record from `start` to `end` in the open chunk, and what follows it elsewhere. */
  #seal(start: number, end: number, tail: Buffer | null): void {
    const out = this.#open
    const length = end - start - RECORD_HEADER_BYTES + (tail === null ? 0 : tail.length)
    const own = checksum(out.subarray(start + RECORD_HEADER_BYTES, end), this.#segmentId, length)
    writeU32(out, start, length)
    writeU32(out, start + 4, tail === null ? own : crc32(tail, own))
    this.#at = end
    this.bytes += end - start
    if (tail === null) return
    this.#cut()
    this.parts.push(tail)
    this.bytes += tail.length
  }

  /** @param targets entries whose `page` is still their queue @returns bytes of the record */
  message(targets: readonly QueueEntry[], content: Content, flags: number): number {
    const { propertiesLength, bodyLength, buffer, propertiesOffset, bodyOffset } = content
    const uncopied = bodyLength >= UNCOPIED_BYTES
    const copied = propertiesLength + (uncopied ? 0 : bodyLength)
    this.#reserve(MESSAGE_FIXED_BYTES + targets.length * TARGET_BYTES + content.headRoom() + copied)
    const before = this.bytes
    const out = this.#open
    const start = this.#at
    out[start + 8] = RECORD_MESSAGE
    out[start + 9] = flags
    writeU16(out, start + 10, targets.length)
    let at = start + MESSAGE_FIXED_BYTES
    for (let i = 0; i < targets.length; i++) {
      writeTarget(out, at, targets[i]!)
      at += TARGET_BYTES
    }
    const headAt = at
    at = content.writeHead(out, at)
    writeU32(out, start + 12, at - headAt)
    writeU32(out, start + 16, propertiesLength)
    writeU32(out, start + 20, bodyLength)
    copyBytes(buffer, propertiesOffset, propertiesLength, out, at)
    at += propertiesLength
    if (uncopied) {
      content.references++
      this.held.push(content)
      this.#seal(start, at, buffer.subarray(bodyOffset, bodyOffset + bodyLength))
    } else {
      copyBytes(buffer, bodyOffset, bodyLength, out, at)
      this.#seal(start, at + bodyLength, null)
    }
    return this.bytes - before
  }

  /** The messages of two parallel lists are gone. */
  settles(queueIds: readonly number[], numbers: readonly number[]): void {
    this.#reserve(LIST_FIXED_BYTES + queueIds.length * SETTLE_BYTES)
    const out = this.#open
    const start = this.#at
    let at = start + LIST_FIXED_BYTES
    let runs = 0
    for (let i = 0; i < queueIds.length;) {
      const queueId = queueIds[i]!
      const first = numbers[i]!
      let count = 1
      while (queueIds[i + count] === queueId && numbers[i + count] === first + count) count++
      writeU48(out, at, queueId)
      writeU48(out, at + 6, first)
      writeU32(out, at + 12, count)
      at += SETTLE_BYTES
      runs++
      i += count
    }
    this.#endList(start, at, RECORD_SETTLE, runs)
  }

  updates(updates: readonly Update[]): void {
    this.#reserve(LIST_FIXED_BYTES + updates.length * UPDATE_BYTES)
    const out = this.#open
    const start = this.#at
    let at = start + LIST_FIXED_BYTES
    for (const update of updates) {
      writeU48(out, at, update.queueId)
      writeU48(out, at + 6, update.number)
      writeU48(out, at + 12, update.dueAt)
      writeU32(out, at + 18, update.deliveryCount)
      writeU32(out, at + 22, update.acquiredCount)
      out[at + 26] = update.state
      out[at + 27] = update.mark
      out[at + 28] = update.redelivered ? 1 : 0
      out[at + 29] = update.level + 1
      at += UPDATE_BYTES
    }
    this.#endList(start, at, RECORD_UPDATE, updates.length)
  }

  delivered(queueId: number, upTo: number): void {
    this.#reserve(LIST_FIXED_BYTES + DELIVERED_BYTES)
    const at = this.#at + LIST_FIXED_BYTES
    writeU48(this.#open, at, queueId)
    writeU48(this.#open, at + 6, upTo)
    this.#endList(this.#at, at + DELIVERED_BYTES, RECORD_DELIVERED, 1)
  }

  drop({ queueId, from, to, level }: Drop): void {
    this.#reserve(LIST_FIXED_BYTES + DROP_BYTES)
    const out = this.#open
    const at = this.#at + LIST_FIXED_BYTES
    writeU48(out, at, queueId)
    writeU48(out, at + 6, from)
    writeU48(out, at + 12, to)
    out[at + 18] = level
    out[at + 19] = 0
    this.#endList(this.#at, at + DROP_BYTES, RECORD_DROP, 1)
  }

  /** @param levels by level, the one that it becomes; one without an item stays */
  relevel(queueId: number, levels: readonly number[]): void {
    this.#reserve(LIST_FIXED_BYTES + RELEVEL_BYTES)
    const out = this.#open
    const at = this.#at + LIST_FIXED_BYTES
    writeU48(out, at, queueId)
    for (let level = 0; level < LEVELS; level++) out[at + 6 + level] = levels[level] ?? level
    this.#endList(this.#at, at + RELEVEL_BYTES, RECORD_RELEVEL, 1)
  }

  #endList(start: number, end: number, type: number, count: number): void {
    const out = this.#open
    out[start + 8] = type
    out[start + 9] = 0
    writeU16(out, start + 10, 0)
    writeU32(out, start + 12, count)
    this.#seal(start, end, null)
  }

  /** The first record of each write. @param synced offset up to which the segment was on disk before */
  batch(number: number, nowMs: number, synced: number): void {
    this.#reserve(BATCH_BYTES)
    const out = this.#open
    const start = this.#at
    out.fill(0, start + 8, start + 12)
    out[start + 8] = RECORD_BATCH
    writeU48(out, start + 12, number)
    writeU48(out, start + 18, nowMs)
    writeU32(out, start + 24, synced)
    this.#seal(start, start + BATCH_BYTES, null)
  }

  page(page: IndexPage): void {
    const bytes = page.encodedBytes
    this.#reserve(bytes)
    page.encode(this.#open, this.#at)
    this.#seal(this.#at, this.#at + bytes, null)
  }

  /** What `write` adds becomes one TRANSACTION record. */
  transaction(write: () => void): void {
    this.#reserve(TRANSACTION_FIXED_BYTES)
    const out = this.#open
    const start = this.#at
    const from = this.#from
    const first = this.parts.length
    out.fill(0, start + 8, start + TRANSACTION_FIXED_BYTES)
    out[start + 8] = RECORD_TRANSACTION
    this.#at = start + TRANSACTION_FIXED_BYTES
    const before = this.bytes
    this.bytes += TRANSACTION_FIXED_BYTES
    write()
    const length = this.bytes - before - RECORD_HEADER_BYTES
    // mostly it is in one piece, and stays so: a write takes few pieces
    const isWhole = this.parts.length === first
    if (!isWhole) this.#cut()
    const head = isWhole ? out.subarray(0, this.#at) : this.parts[first]!
    let sum = checksum(head.subarray(start + RECORD_HEADER_BYTES - (isWhole ? 0 : from)), this.#segmentId, length)
    for (let i = first + 1; i < this.parts.length; i++) sum = crc32(this.parts[i]!, sum)
    writeU32(out, start, length)
    writeU32(out, start + 4, sum)
  }
}

function writeTarget(out: Buffer, at: number, { page, number, expiresAt, level }: QueueEntry): void {
  writeU48(out, at, (page as Home).id)
  writeU48(out, at + 6, number)
  writeU48(out, at + 12, expiresAt < 0 ? 0 : expiresAt + 1)
  out[at + 18] = level
  out[at + 19] = 0
}

function copyBytes(from: Buffer, start: number, length: number, to: Buffer, at: number): void {
  if (length > TINY_BYTES) from.copy(to, at, start, start + length)
  else for (let i = 0; i < length; i++) to[at + i] = from[start + i]!
}
