/**
 * Where messages live. The store does not know what a message means: it takes the bytes that core gives it (routing facts as a
 * `head`, properties, body), the queues and numbers they go to, and a few numbers about each message in each queue. It says when
 * they are safe, and gives them back.
 */

/** Messages cannot be read or written, for a reason outside the program; the text names the place. */
export class MessageStoreError extends Error {
  override readonly name = 'MessageStoreError'
}

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
  /** The store's own: first of the entries that the next record of this content will name, or null. */
  pending: QueueEntry | null
  /** Upper bound of what `writeHead` writes, in bytes: at most 2^24. */
  headRoom(): number
  /** Writes what core wants back with the content apart from properties and body. @returns where it ends */
  writeHead(out: Buffer, at: number): number
}

/** What becomes of a message in a queue, as far as a restart has to know it. */
export const STATE_READY = 0
/** Came back, and is to be delivered before all that has its place by number, in the order in which this state was set. */
export const STATE_RETURNED = 1
/** Not to be had before `dueAt`; then it is ready. */
export const STATE_HELD = 2
/** On its way to a dead-letter exchange; `mark` says why. */
export const STATE_DYING = 3

/** One message in one queue. Core's `Entry` implements it; the store keeps its own notes in the fields at the end. */
export interface QueueEntry {
  /** Rises by one per message of the queue. */
  readonly number: number
  /** When it expires (ms since the epoch), or -1. */
  readonly expiresAt: number
  readonly message: Content
  /** Priority lane, 0 to 254. */
  level: number
  redelivered: boolean
  /** Returns that count towards the delivery limit. */
  deliveryCount: number
  /** All returns. */
  acquiredCount: number

  /**
   * Where its record is: `NOT_STORED`, `PENDING`, `CANCELLED`, `LEFT_MEMORY`, or a location of the store's. Core only asks whether it is 0,
   * and says what has left memory.
   */
  location: number
  /** Bytes of its record on disk. */
  recordBytes: number
  /** The index page that lists it, and its row there. */
  page: object | null
  row: number
  /** The next entry of the same content that waits to be written. */
  next: QueueEntry | null
}

/** The store knows nothing of the entry. */
export const NOT_STORED = 0
/** Given to the store, not yet written. */
export const PENDING = -1
/** Given to the store, and settled before it was written: it never will be. */
export const CANCELLED = -2

/** In the store only: core has let go of the entry. Another one may stand for the message by now. */
export const LEFT_MEMORY = -3

/** What `promote` answers for an entry that `spill` is just writing. */
export const BEING_SPILLED = -1

/** A part of a queue: the messages of one level with numbers from `from` to `to`, both included. */
export interface Range {
  readonly from: number
  readonly to: number
  readonly level: number
}

/** A message that is read back. The object is used again for the next one; its bytes are valid during the call only. */
export interface LoadedMessage {
  readonly number: number
  readonly expiresAt: number
  readonly level: number
  readonly redelivered: boolean
  readonly deliveryCount: number
  readonly acquiredCount: number
  /** One of the STATE constants. */
  readonly state: number
  /** With STATE_HELD when it is ready again (ms since the epoch); else what core gave with the state. */
  readonly dueAt: number
  /** What core gave with the state: 0 to 255. */
  readonly mark: number
  readonly buffer: Buffer
  readonly headOffset: number
  readonly headLength: number
  readonly propertiesOffset: number
  readonly propertiesLength: number
  readonly bodyOffset: number
  readonly bodyLength: number
}

/** Who asked for messages gets them one by one, in order of number, then the end. Calls come in a later turn, never from within. */
export interface LoadVisitor {
  /** @returns core's entry for the message, whose store fields are then filled in; null if it is no longer wanted */
  onLoaded(message: LoadedMessage): QueueEntry | null
  /** A message could not be read: the store has reported and settled it. */
  onLost(number: number, level: number, bodyLength: number): void
  onLoadEnd(): void
}

/** Who asked when messages expire is told of them one by one, in no order, then of the end. Calls come in a later turn. */
export interface ExpiryVisitor {
  onExpiring(number: number, expiresAt: number): void
  onCollectEnd(): void
}

/** What a queue had when the store was opened. */
export interface RecoveredLevel {
  readonly level: number
  /** Messages in STATE_READY. */
  readonly count: number
  /** Their body bytes. */
  readonly bytes: number
  /** Lowest and highest number among them. */
  readonly from: number
  readonly to: number
}

/** Where a queue's messages are, apart from those that core holds in memory. */
export interface StoredCounts {
  /** Messages whose record is on disk; those that core also has in memory are among them. */
  readonly messages: number
  readonly bodyBytes: number
  /** Those whose index row is on disk only. */
  readonly pagedOut: number
  /** Those of `pagedOut` whose record serves several queues. */
  readonly pagedOutShared: number
  /** Bytes of records and index pages on disk. */
  readonly diskBytes: number
  /** Bytes of index pages in memory. */
  readonly indexBytes: number
  /** Messages written to disk for it, and read back, since the store was opened. */
  readonly writes: number
  readonly reads: number
}

/** One queue's part of the store. Numbers are given by core, rise, and are never used again. */
export interface QueueLog {
  /** The highest number that was ever given; 0 when the queue is new. Set at recovery. */
  readonly lastNumber: number

  /**
   * Records that message `entry.number` of this queue is `entry.message`. Returns the record's position in the log, to be compared
   * with `committed`. Positions rise; a store that is not durable returns 0.
   */
  enqueue(entry: QueueEntry): number

  /**
   * Records that the message is gone (acknowledged, expired, dropped, dead-lettered), for an entry whose `location` is not
   * `NOT_STORED`. One that has not been written yet never will be.
   */
  settle(entry: QueueEntry): void

  /**
   * Records that counts, `redelivered`, the level or the state of an entry changed, for one whose `location` is not `NOT_STORED`.
   * @param state one of the STATE constants @param dueAt ms since the epoch: with STATE_HELD when it is ready again, else a time for core
   * to have back, or 0 @param mark 0 to 255, for core to have back
   */
  update(entry: QueueEntry, state: number, dueAt: number, mark: number): void

  /** Messages up to this number may have been delivered: after a crash they count as redelivered. */
  readonly deliveredUpTo: number
  /**
   * Raises `deliveredUpTo`. What was stored before may be delivered once the position returned is committed; what is enqueued
   * after this call at once.
   */
  markDelivered(number: number): number

  /** Whether the entry's bytes can be read back, so that core may forget the entry and its memory. */
  isStored(entry: QueueEntry): boolean

  /**
   * Sees to it that the bytes of these entries can be read back: in order of number, of one level, none of them stored or pending.
   * `done` is called in a later turn, whatever became of the entries meanwhile. They are written without a sync, and are gone
   * after a restart.
   */
  spill(entries: readonly QueueEntry[], done: () => void): void

  /**
   * Where the records of stored entries lie so far apart that reading them back would be slow, writes copies that lie together. As in
   * `spill`, `done` follows. Their bytes must be in memory; what has left that when its turn comes is left out.
   * @returns false when there is no need
   */
  gather(entries: readonly QueueEntry[], done: () => void): boolean

  /**
   * Reads messages in STATE_READY back, lowest numbers first, at most so many and, but for the first, so many bytes. There is one
   * load at a time per queue and level.
   */
  load(range: Range, messagesMax: number, bytesMax: number, visitor: LoadVisitor): void

  /** As `load`, with the highest numbers first. */
  loadLast(range: Range, messagesMax: number, bytesMax: number, visitor: LoadVisitor): void

  /** Reads back those of a range in STATE_READY that have expired at `now` (ms since the epoch), at most so many. */
  loadExpired(range: Range, now: number, messagesMax: number, visitor: LoadVisitor): void

  /** The earliest `expiresAt` that may be found in a range, or -1 when nothing there expires. An estimate that is never too late. */
  earliestExpiry(range: Range): number

  /**
   * Tells of the stored messages in STATE_READY that expire after `after`, and not after `until` (ms since the epoch). Nothing is read
   * of them but when they expire.
   */
  collectExpiring(after: number, until: number, visitor: ExpiryVisitor): void

  /**
   * Reads stored messages back by number, in the order given, whatever their state: as many as have so many bytes together, and at
   * least one. Numbers that are gone are passed over. There may be several such loads at a time.
   */
  loadNumbers(numbers: readonly number[], bytesMax: number, visitor: LoadVisitor): void

  /**
   * Which of these messages are there after a restart, whatever their state: for who has noted their numbers elsewhere. `done` is called in
   * a later turn.
   */
  findPresent(numbers: readonly number[], done: (present: ReadonlySet<number>) => void): void

  /**
   * Records that these messages are gone, whatever their state: for those that core has no entries of, and that are not being read. Numbers that
   * are gone are passed over.
   */
  settleNumbers(numbers: readonly number[]): void

  /**
   * Records that all messages that there are change their level: to `levels[level]`, or to none other where there is no such item. To do so
   * twice must come to the same as to do so once. Entries that core holds have their new level already. @returns as `enqueue`
   */
  relevel(levels: readonly number[]): number

  /**
   * Records an entry as `enqueue` does, unless it is recorded already: one that would be gone after a restart so far. Its state is ready then.
   * @returns as `enqueue`; 0 where there is nothing to do, and BEING_SPILLED where it has to be asked for again when `spill` is done
   */
  promote(entry: QueueEntry): number

  /** Whether an entry is recorded, or is about to be: its message is there after a restart, or is as soon as all is committed. */
  isRecorded(entry: QueueEntry): boolean

  /** Records that everything in STATE_READY in a range is gone. */
  drop(range: Range): void

  /** By level: what was there when the store was opened, and is in STATE_READY. */
  recovered(): readonly RecoveredLevel[]

  /** Reads back what was not in STATE_READY when the store was opened: by number, those in STATE_RETURNED last and in their order. */
  loadRecovered(visitor: LoadVisitor): void

  counts(): StoredCounts

  /** The queue is deleted: everything of it goes. */
  delete(): void
}

/**
 * What a store has done with its files since it was opened. Plain numbers that only rise; times in ms, of all operations together. A file
 * that is written synchronously counts both a write and a sync for each.
 */
export class StoreCounters {
  reads = 0
  readBytes = 0
  readMs = 0
  writes = 0
  writeBytes = 0
  writeMs = 0
  syncs = 0
  syncMs = 0
  /** Messages that were read back, and written: each for each of its queues. */
  messagesRead = 0
  messagesWritten = 0
  /** Pages of the indexes of queues. */
  indexReads = 0
  indexWrites = 0
}

/** What a store has on disk. */
export interface StoreDiskStats {
  readonly files: number
  readonly bytes: number
  /** Of it, what is still wanted. */
  readonly liveBytes: number
  /** Bytes that were given to the store and are not written yet. */
  readonly waitingBytes: number
  /** Bytes of memory that the indexes of queues take. */
  readonly indexBytes: number
}

export interface MessageStoreStats {
  /** Messages held in memory, each counted once whatever number of queues it is in. */
  messages: number
  /** Bytes of memory that the store has taken for contents, free room in slabs included. */
  memoryBytes: number
  /** Property and body bytes of the messages held in memory. */
  contentBytes: number
}

/**
 * One shard's store. All calls are synchronous and happen on the owner's thread; only what a call's comment says comes back later.
 *
 * Records are self-contained (queue, message number), so that a log can replay them, and idempotent. A store without a log (memory) has
 * nothing to write and commits at once.
 */
export interface MessageStore {
  /** Whether records survive the process: decides if a persistent message has to wait for `committed`. */
  readonly durable: boolean
  /** Whether messages can leave memory: `spill`, `load` and what belongs to them work. */
  readonly spills: boolean

  /** The part of a queue, new or as it was recovered. */
  queue(id: number): QueueLog
  /** The highest queue id in what was recovered: ids must not be used again. */
  readonly highestQueueId: number
  /** Forgets what was recovered for queues that nobody asked for. @returns how many messages that were */
  forgetUnclaimed(): number

  /**
   * A buffer of at least `bytes` bytes for a large content that is gathered from several reads. Adopting a content that lies in one, from its
   * start, copies nothing; one that is never adopted is simply dropped.
   */
  allocate(bytes: number): Buffer

  /** Takes a message's bytes out of the network buffer. Call once, before the end of the turn in which it arrived. */
  adopt(content: Content): void

  /** Drops one reference; the bytes in memory are freed with the last one. */
  release(content: Content): void

  /**
   * What is recorded between `begin` and `end` is recovered whole or not at all. Where they are nested, the outermost pair counts.
   * @returns a number that is the same again only while what is recorded now is recovered together with what was recorded then
   */
  begin(): number
  /** @returns the position of what was recorded since the outermost `begin`, or 0 */
  end(): number

  /** Every record up to and including this position is safe. */
  readonly committed: number

  /** Of what was recorded last, whatever that was; 0 where a store is not durable. */
  readonly lastPosition: number

  /** Called after `committed` has risen. One listener: the broker. */
  onCommitted(listener: () => void): void

  /** Whether more is given than can be written: publishers should be held. */
  readonly congested: boolean
  /** Called when `congested` ends. One listener: the broker. */
  onRelief(listener: () => void): void

  /** So many bytes may be written before the disk is low, as of now: beyond them `congested` is set. */
  setRoom(bytes: number): void

  stats(): MessageStoreStats

  readonly counters: StoreCounters
  diskStats(): StoreDiskStats

  /** Writes what is pending, then frees everything. */
  close(): Promise<void>
}
