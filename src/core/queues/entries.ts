import {
  LEFT_MEMORY,
  type LoadedMessage,
  NOT_STORED,
  type QueueLog,
  STATE_HELD,
  STATE_READY,
} from '../../store/message-store.ts'
import { levelOf } from '../groups/level-of.ts'
import type { Message } from '../message.ts'
import { Entry } from './entry.ts'
import type { QueueHost } from './queue-host.ts'
import type { Queue } from './queue.ts'
import { markOfRetries, retriesOfMark } from './retries.ts'

/** A queue's entries as they come and go: their numbers, and what the log, the contents and the account of memory must know of it. */
export class Entries {
  /** Of the newest message. */
  lastNumber: number
  readonly #queue: Queue
  readonly #host: QueueHost
  readonly #log: QueueLog
  #durable: boolean
  #alwaysPersistent: boolean
  /** How many left memory although they are to outlive the process, and as yet do not: while the queue becomes one that has them do so. */
  leftUnrecorded = 0
  /** Up to here messages may have been stored with levels that are not theirs any more. */
  #misfiledUpTo = 0
  /** Up to here messages may have been delivered before the broker was started. */
  readonly #recoveredUpTo: number

  constructor(queue: Queue, host: QueueHost, log: QueueLog) {
    this.#queue = queue
    this.#host = host
    this.#log = log
    this.#durable = queue.durable
    this.#alwaysPersistent = queue.rules.alwaysPersistent
    this.lastNumber = Math.max(log.lastNumber, log.deliveredUpTo)
    this.#recoveredUpTo = log.deliveredUpTo
  }

  /** From now on messages outlive the process as these say. */
  logAs(durable: boolean, alwaysPersistent: boolean): void {
    this.#durable = durable
    this.#alwaysPersistent = alwaysPersistent
  }

  /** Whether a message of this queue outlives the process, where the store does. */
  isLogged(message: Message): boolean {
    return this.#durable && (message.persistent || this.#alwaysPersistent)
  }

  /** An entry for a message that has arrived. */
  create(message: Message, expiresAt: number): Entry {
    const { store, memory } = this.#host
    const queue = this.#queue
    if (message.slab === null) store.adopt(message)
    message.references++
    const level = levelOf(message, queue.rules, queue.settings)
    const entry = new Entry(queue, message, ++this.lastNumber, expiresAt, level)
    memory.added()
    if (queue.deduplication !== null) queue.deduplication.placed(entry)
    if (this.isLogged(message)) {
      const position = this.#log.enqueue(entry)
      if (position > message.position) message.position = position
    }
    if (this.#host.observer !== null) this.#host.observer.queued(entry)
    return entry
  }

  /** An entry for a message that was read back, which has a content of its own. */
  read(loaded: LoadedMessage): Entry {
    const { store, memory, decoder } = this.#host
    const message = decoder.decode(loaded)
    store.adopt(message)
    message.references = 1
    memory.added()
    return this.#entryOf(loaded, message)
  }

  /** An entry for looking, which nobody else knows of. @param copyOf gives a message bytes of its own */
  copy(loaded: LoadedMessage, copyOf: (message: Message) => Message): Entry {
    return this.#entryOf(loaded, copyOf(this.#host.decoder.decode(loaded)))
  }

  #entryOf(loaded: LoadedMessage, message: Message): Entry {
    // of what is not ready the level was not looked for: nothing depends on it in the log
    const isKnown = loaded.state === STATE_READY && loaded.number > this.#misfiledUpTo
    const level = isKnown ? loaded.level : this.#levelNow(message, loaded.level)
    const entry = new Entry(this.#queue, message, loaded.number, loaded.expiresAt, level)
    entry.redelivered = loaded.redelivered || loaded.number <= this.#recoveredUpTo
    entry.deliveryCount = loaded.deliveryCount
    entry.acquiredCount = loaded.acquiredCount
    if (loaded.mark !== 0) entry.retries = retriesOfMark(loaded.mark, loaded.dueAt)
    return entry
  }

  /** The queue has got other priorities, or may have had when the broker ended: of what is there, messages tell their levels themselves. */
  levelsChanged(): void {
    this.#misfiledUpTo = this.lastNumber
  }

  /** Where messages are grouped, a message must not come into a lane between those that its group has parked. */
  #levelNow(message: Message, stored: number): number {
    const { rules, settings } = this.#queue
    return settings.groups === null ? levelOf(message, rules, settings) : stored
  }

  /** Has the log note what became of an entry, and its retries, if it knows it. The arguments are those of `QueueLog.update`. */
  record(entry: Entry, state: number, dueAt: number, mark: number): void {
    if (entry.location === NOT_STORED) return
    const { retries } = entry
    if (retries === null) this.#log.update(entry, state, dueAt, mark)
    else this.#log.update(entry, state, state === STATE_HELD ? dueAt : retries.dueAt, mark | markOfRetries(retries))
  }

  /** The message is no more. */
  end(entry: Entry): void {
    // of a deleted queue the log has nothing any more
    if (entry.location !== NOT_STORED && !this.#queue.deleted) this.#log.settle(entry)
    this.leaveMemory(entry)
  }

  /** The entry is dropped, and the message, which is ready, goes on in the store: with its retries, of which the log only knows if it logs it. */
  leaveForStore(entry: Entry): void {
    if (entry.retries !== null && !this.#log.isRecorded(entry)) this.record(entry, STATE_READY, 0, 0)
    this.leaveHeldForStore(entry)
  }

  /** The entry is dropped, and the message, which waits, goes on in the store: that knows until when. */
  leaveHeldForStore(entry: Entry): void {
    if (this.isLogged(entry.message) && !this.#log.isRecorded(entry)) this.leftUnrecorded++
    if (this.#log.isStored(entry)) entry.location = LEFT_MEMORY
    this.leaveMemory(entry)
  }

  /** The entry is dropped; the message may go on in the store. */
  leaveMemory(entry: Entry): void {
    this.#host.memory.removed()
    this.#host.store.release(entry.message)
  }
}
