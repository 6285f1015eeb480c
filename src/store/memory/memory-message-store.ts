import { assert } from '../../util/assert.ts'
import {
  type Content,
  type LoadVisitor,
  type MessageStore,
  type MessageStoreStats,
  type QueueLog,
  type RecoveredLevel,
  StoreCounters,
  type StoredCounts,
  type StoreDiskStats,
} from '../message-store.ts'
import { setImmediate } from '../../util/real-time.ts'

/**
 * Messages in memory, packed into slabs:
 *
 *     slab (256 KiB)  | content | content | content | … free
 *     content         | property bytes | (up to 8 bytes of slack, see below) | body bytes |
 *
 * A content is copied once, in one piece, when property and body bytes lie next to each other in the source with at most
 * `SPAN_GAP_MAX` bytes between them (an AMQP frame boundary); the gap comes along and is not looked at again.
 *
 * A slab is freed when its last content is released, and reused for the next one. A full slab that is mostly dead is compacted: what
 * is live moves to the current slab, so one straggler never pins more than its own bytes. Large contents have a buffer each.
 */
const SLAB_BYTES = 256 * 1024
const SPAN_GAP_MAX = 8
/** Contents from this size on are not packed. */
const LARGE_BYTES = 32 * 1024
/** Empty slabs kept for reuse: enough for bursts, little enough to forget. */
const SPARE_SLABS_MAX = 32

class Slab {
  readonly buffer: Buffer
  used = 0
  live = 0
  liveBytes = 0
  /** What was put here, in order; dead ones are swept out when they are the majority. Only compaction reads it. */
  contents: Content[] = []
  full = false
  /** Whether it packs many contents and is reused; a large content's own buffer is neither. */
  readonly packed: boolean

  constructor(buffer: Buffer, packed: boolean) {
    this.buffer = buffer
    this.packed = packed
  }
}

/** Buffers of large contents kept for reuse, in all: fresh ones cost page faults and garbage collection. */
const SPARE_LARGE_BYTES_MAX = 32 * 1024 * 1024

const NO_BYTES = Buffer.alloc(0)

const emptySlab = (): Slab => new Slab(Buffer.allocUnsafeSlow(SLAB_BYTES), true)

/** Sizes of large buffers: four steps to each power of two, so that a freed one fits the next. */
function classOf(bytes: number): number {
  const step = 2 ** Math.max(13, Math.floor(Math.log2(bytes)) - 2)
  return Math.ceil(bytes / step) * step
}

/** Bytes that a content takes in a slab. */
function packedBytes(content: Content): number {
  return content.propertiesLength + content.bodyLength + Math.max(0, spanGap(content))
}

/** Bytes between properties and body when both move in one copy; -1 when they do not. */
function spanGap(content: Content): number {
  const gap = content.bodyOffset - content.propertiesOffset - content.propertiesLength
  return gap >= 0 && gap <= SPAN_GAP_MAX ? gap : -1
}

export class MemoryMessageStore implements MessageStore {
  readonly durable = false
  readonly spills = false
  readonly committed = 0
  readonly lastPosition = 0
  readonly congested = false
  readonly highestQueueId = 0
  readonly counters = new StoreCounters()
  #current = emptySlab()
  readonly #spare: Slab[] = []
  /** Buffers of freed large contents, by size. */
  readonly #spareLarge = new Map<number, Buffer[]>()
  #spareLargeBytes = 0
  #slabBytes = SLAB_BYTES
  #contentBytes = 0
  #messages = 0

  adopt(content: Content): void {
    assert(content.slab === null, 'a content is adopted once')
    const bytes = packedBytes(content)
    this.#put(content, bytes >= LARGE_BYTES ? this.#ownSlab(content, bytes) : this.#roomFor(bytes), bytes)
    this.#messages++
    this.#contentBytes += content.propertiesLength + content.bodyLength
  }

  release(content: Content): void {
    if (--content.references > 0) return
    const slab = content.slab as Slab | null
    if (slab === null) return
    assert(content.references === 0, 'a content is released once per reference')
    this.#messages--
    this.#contentBytes -= content.propertiesLength + content.bodyLength
    content.slab = null
    // whoever still holds the object (a list that has not been swept yet) shall not hold the bytes
    content.buffer = NO_BYTES
    slab.live--
    slab.liveBytes -= packedBytes(content)
    if (slab.live === 0) this.#free(slab)
    else if (slab.full) this.#tidy(slab)
  }

  queue(): QueueLog {
    return NO_LOG
  }

  forgetUnclaimed(): number {
    return 0
  }

  begin(): number {
    return 0
  }

  end(): number {
    return 0
  }

  onCommitted(): void {}

  onRelief(): void {}

  setRoom(): void {}

  stats(): MessageStoreStats {
    const memoryBytes = this.#slabBytes + this.#spareLargeBytes
    return { messages: this.#messages, memoryBytes, contentBytes: this.#contentBytes }
  }

  diskStats(): StoreDiskStats {
    return NOTHING_ON_DISK
  }

  async close(): Promise<void> {
    this.#spare.length = 0
    this.#spareLarge.clear()
    this.#current = new Slab(Buffer.alloc(0), true)
  }

  #roomFor(bytes: number): Slab {
    if (this.#current.used + bytes <= this.#current.buffer.length) return this.#current
    const previous = this.#current
    previous.full = true
    const spare = this.#spare.pop()
    if (spare === undefined) this.#slabBytes += SLAB_BYTES
    this.#current = spare ?? emptySlab()
    if (previous.live === 0) this.#free(previous)
    return this.#current
  }

  allocate(bytes: number): Buffer {
    const size = classOf(bytes)
    const spare = this.#spareLarge.get(size)?.pop()
    if (spare === undefined) return Buffer.allocUnsafeSlow(size)
    this.#spareLargeBytes -= size
    return spare
  }

  /** A buffer that `allocate` gave becomes the content's slab as it is. */
  #ownSlab(content: Content, bytes: number): Slab {
    const { buffer } = content
    const owns = buffer.length === buffer.buffer.byteLength && buffer.length === classOf(bytes)
    const slab = new Slab(owns ? buffer : this.allocate(bytes), false)
    slab.full = true
    this.#slabBytes += slab.buffer.length
    return slab
  }

  #put(content: Content, slab: Slab, bytes: number): void {
    if (slab.buffer !== content.buffer) this.#copyInto(slab, content, bytes)
    content.slab = slab
    slab.live++
    slab.liveBytes += bytes
    slab.contents.push(content)
  }

  #copyInto(slab: Slab, content: Content, bytes: number): void {
    const at = slab.used
    const from = content.buffer
    if (spanGap(content) >= 0) {
      from.copy(slab.buffer, at, content.propertiesOffset, content.propertiesOffset + bytes)
      content.bodyOffset = at + content.bodyOffset - content.propertiesOffset
    } else {
      from.copy(slab.buffer, at, content.propertiesOffset, content.propertiesOffset + content.propertiesLength)
      const body = at + content.propertiesLength
      from.copy(slab.buffer, body, content.bodyOffset, content.bodyOffset + content.bodyLength)
      content.bodyOffset = body
    }
    content.propertiesOffset = at
    content.buffer = slab.buffer
    slab.used += bytes
  }

  #free(slab: Slab): void {
    slab.used = 0
    slab.contents = []
    if (slab === this.#current) return
    slab.full = false
    if (slab.packed && this.#spare.length < SPARE_SLABS_MAX) {
      this.#spare.push(slab)
      return
    }
    this.#slabBytes -= slab.buffer.length
    if (!slab.packed) this.#keepLarge(slab.buffer)
  }

  #keepLarge(buffer: Buffer): void {
    if (this.#spareLargeBytes + buffer.length > SPARE_LARGE_BYTES_MAX) return
    this.#spareLargeBytes += buffer.length
    const spares = this.#spareLarge.get(buffer.length)
    if (spares === undefined) this.#spareLarge.set(buffer.length, [buffer])
    else spares.push(buffer)
  }

  /** Sweeps dead contents out of the list (they would keep their objects alive), and moves the live ones when they are few. */
  #tidy(slab: Slab): void {
    if (!slab.packed || slab.live * 2 > slab.contents.length) return
    const live = slab.contents.filter((content) => content.slab === slab)
    slab.contents = live
    if (slab.liveBytes * 8 > slab.used) return
    for (const content of live) {
      const bytes = packedBytes(content)
      this.#put(content, this.#roomFor(bytes), bytes)
    }
    slab.live = 0
    slab.liveBytes = 0
    this.#free(slab)
  }
}

const NOTHING_STORED: StoredCounts = {
  messages: 0,
  bodyBytes: 0,
  pagedOut: 0,
  pagedOutShared: 0,
  diskBytes: 0,
  indexBytes: 0,
  writes: 0,
  reads: 0,
}

const NOTHING_ON_DISK: StoreDiskStats = { files: 0, bytes: 0, liveBytes: 0, waitingBytes: 0, indexBytes: 0 }

/** What a queue writes where nothing is kept: one for all queues. No entry is ever stored, so most of it is never called. */
const NO_LOG: QueueLog = {
  lastNumber: 0,
  deliveredUpTo: 0,
  enqueue: () => 0,
  settle() {},
  update() {},
  markDelivered: () => 0,
  isStored: () => false,
  spill: (_entries, done) => void setImmediate(done),
  gather: () => false,
  load: (_range, _messagesMax, _bytesMax, visitor) => endLoad(visitor),
  loadLast: (_range, _messagesMax, _bytesMax, visitor) => endLoad(visitor),
  loadExpired: (_range, _now, _messagesMax, visitor) => endLoad(visitor),
  earliestExpiry: () => -1,
  collectExpiring: (_after, _until, visitor) => void setImmediate(() => visitor.onCollectEnd()),
  loadNumbers: (_numbers, _bytesMax, visitor) => endLoad(visitor),
  findPresent: (_numbers, done) => void setImmediate(() => done(new Set())),
  settleNumbers() {},
  relevel: () => 0,
  promote: () => 0,
  isRecorded: () => false,
  drop() {},
  recovered: (): readonly RecoveredLevel[] => [],
  loadRecovered: (visitor) => endLoad(visitor),
  counts: () => NOTHING_STORED,
  delete() {},
}

function endLoad(visitor: LoadVisitor): void {
  setImmediate(() => visitor.onLoadEnd())
}
