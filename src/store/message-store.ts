/**
 * Where message bytes live. The store does not know what a message means: it takes property bytes, body bytes and the queue
 * numbers and positions they go to, and says when they are safe.
 */

/** The bytes of one message, wherever they are. `Message` implements it; the store moves the bytes and updates the fields. */
export interface Content {
  buffer: Buffer
  propertiesOffset: number
  propertiesLength: number
  bodyOffset: number
  bodyLength: number
  /** The store's own bookkeeping: null while the bytes are views of a network buffer. */
  slab: object | null
  /** Position of the last record that names this content, or 0. */
  position: number
  references: number
}

export interface MessageStoreStats {
  /** Messages held, each counted once whatever number of queues it is in. */
  messages: number
  /** Bytes of memory that the store has taken for contents, free room in slabs included. */
  memoryBytes: number
  /** Property and body bytes of the messages held. */
  contentBytes: number
}

/**
 * One shard's store. All calls are synchronous and happen on the owner's thread; only `onCommitted` comes back later.
 *
 * `enqueue` and `settle` are the records of architecture section 4: self-contained (queue number, message number), so that a
 * log can replay them, and idempotent. A store without a log (memory) has nothing to write and commits at once.
 */
export interface MessageStore {
  /** Whether records survive the process: decides if a persistent message has to wait for `committed`. */
  readonly durable: boolean

  /**
   * A buffer of at least `bytes` bytes for a large content that is gathered from several reads. Adopting a content that lies in one, from its
   * start, copies nothing; one that is never adopted is simply dropped.
   */
  allocate(bytes: number): Buffer

  /** Takes a message's bytes out of the network buffer. Call once, before the end of the turn in which it arrived. */
  adopt(content: Content): void

  /** Drops one reference; the bytes are freed with the last one. */
  release(content: Content): void

  /**
   * Records that message `number` of queue `queueId` is `content`. Returns the record's position in the log, to be compared
   * with `committed`. Positions rise by one; a store that is not durable returns 0.
   */
  enqueue(queueId: number, number: number, content: Content): number

  /** Records that message `number` of queue `queueId` is gone (acknowledged, expired, dropped, dead-lettered). */
  settle(queueId: number, number: number): void

  /** What is recorded between `begin` and `end` is recovered whole or not at all. Not nested. */
  begin(): void
  end(): void

  /** Every record up to and including this position is safe. */
  readonly committed: number

  /** Called after `committed` has risen. One listener: the broker. */
  onCommitted(listener: () => void): void

  stats(): MessageStoreStats

  /** Writes what is pending, then frees everything. */
  close(): Promise<void>
}
