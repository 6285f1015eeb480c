import type { Message } from '../message.ts'
import type { SideLogOwner } from '../side-logs.ts'
import type { DeduplicationHost } from './deduplication-host.ts'
import { type Identity, identityOf, ttlOf } from './identity.ts'
import { SeenLog } from './seen-log.ts'
import type { NoteFormat } from './seen-block.ts'
import { MARK_FORMAT, SeenPublishers } from './seen-publishers.ts'
import { type FindPresent, SeenValues } from './seen-values.ts'
import type { DeduplicationSettings } from './settings.ts'
import { NO_ROW } from './value-table.ts'

/** Values of messages that are in a queue, where it is not told how many to remember. Beyond it, the oldest are forgotten. */
const PRESENT_MAX = 1_000_000

/** Names of the logs. */
const VALUES = 'seen-values'
const PUBLISHERS = 'seen-publishers'

/** What one exchange or queue remembers of the messages that it has taken. */
export class SeenMessages {
  settings: DeduplicationSettings
  /**
   * Log position of what was taken last. Whoever is told that its message is a duplicate may rely on the first one: it must be safe by
   * then.
   */
  lastPosition = 0
  /** Whether values are remembered, and each only as long as its message is in the queue. */
  goesWithMessages = false
  readonly #host: DeduplicationHost
  readonly #owner: SideLogOwner
  readonly #findPresent: FindPresent | null
  /** Name of the header whose values are compared, in UTF-8. */
  #header: Uint8Array | null = null
  #values: SeenValues | null = null
  #publishers: SeenPublishers | null = null

  /** @param findPresent null where there are no messages that values could go with */
  constructor(
    host: DeduplicationHost,
    owner: SideLogOwner,
    settings: DeduplicationSettings,
    findPresent: FindPresent | null,
  ) {
    this.#host = host
    this.#owner = owner
    this.#findPresent = findPresent
    this.settings = settings
    this.#open()
  }

  #open(): void {
    const { header, cacheSize, publishers } = this.settings
    this.#header = header === null ? null : Buffer.from(header)
    this.goesWithMessages = header !== null && cacheSize < 0
    const capacity = this.goesWithMessages ? PRESENT_MAX : cacheSize
    if (this.#values !== null) this.#values.capacity = capacity
    else if (header !== null)
      this.#values = new SeenValues(capacity, this.#host.clock, (format) => this.#logOf(VALUES, format))
    if (publishers) this.#publishers ??= new SeenPublishers(this.#logOf(PUBLISHERS, MARK_FORMAT))
  }

  #logOf<Note, Loaded>(purpose: string, format: NoteFormat<Note, Loaded>): SeenLog<Note, Loaded> | null {
    const survives = this.#host.store.durable && this.#owner.durable && this.settings.persistent
    return survives ? new SeenLog(this.#host, this.#owner, purpose, format) : null
  }

  /** Values and publishers that are remembered. */
  get size(): { readonly values: number; readonly publishers: number } {
    return { values: this.#values?.size ?? 0, publishers: this.#publishers?.size ?? 0 }
  }

  /** A policy has changed. What was remembered by other rules is forgotten; another number or time holds from now on. */
  change(settings: DeduplicationSettings): void {
    const before = this.settings
    this.settings = settings
    const other = before.persistent !== settings.persistent
    if (other || before.header !== settings.header || before.cacheSize < 0 !== settings.cacheSize < 0) {
      this.#values?.delete()
      this.#values = null
    }
    if (other || !settings.publishers) {
      this.#publishers?.delete()
      this.#publishers = null
    }
    this.#open()
  }

  /** Null for a message that can be no duplicate. */
  identify(message: Message): Identity | null {
    return identityOf(message, this.#header, this.settings.publishers)
  }

  isDuplicate({ key, publisher, publishingId }: Identity): boolean {
    if (key !== null && this.#values!.has(key)) return true
    return publisher !== null && this.#publishers!.isDuplicate(publisher, publishingId)
  }

  /** A message is about to be taken: its value, if it has one, is remembered from now on. */
  begin(message: Message, identity: Identity): void {
    const values = this.#values
    if (identity.key === null || values === null) return
    identity.row = values.add(identity.key, this.#endOf(message))
    identity.serial = values.serialOf(identity.row)
  }

  /** Whether the value of a message that is just taken is still remembered: it may have gone, and so may all with a change of policy. */
  isBegun({ row, serial }: Identity): boolean {
    return row !== NO_ROW && this.#values?.serialOf(row) === serial
  }

  /** The message that is just taken is in the queue, by this number. @returns the row of its value, or NO_ROW */
  hold(identity: Identity, number: number): number {
    if (!this.isBegun(identity)) return NO_ROW
    this.#values!.hold(identity.row, number)
    return identity.row
  }

  /** When a value is not remembered any more (ms since the epoch), or -1. */
  #endOf(message: Message): number {
    if (this.goesWithMessages) return -1
    const ttlMs = ttlOf(message)
    const lasts = ttlMs >= 0 ? ttlMs : this.settings.cacheTtlMs
    return lasts < 0 ? -1 : this.#host.clock.now() + lasts
  }

  /** The message was taken. @param logged whether it survives a restart */
  accept(message: Message, identity: Identity, logged: boolean): void {
    const { publisher, publishingId, row } = identity
    const kept = this.isBegun(identity) ? this.#values!.keep(row, logged) : 0
    const noted = publisher === null ? 0 : (this.#publishers?.accept(publisher, publishingId, logged) ?? 0)
    const position = Math.max(message.position, kept, noted)
    message.position = position
    this.lastPosition = Math.max(this.lastPosition, position)
  }

  /** The message was not taken: the next one like it is no duplicate. */
  refuse(identity: Identity): void {
    this.forget(identity)
    if (identity.publisher !== null) this.#publishers?.refuse(identity.publisher, identity.publishingId)
  }

  /** A message that is just taken goes as it came. */
  forget(identity: Identity): void {
    if (this.isBegun(identity)) this.#values!.forget(identity.row)
  }

  /**
   * A message has left its queue.
   * @param number of the message in its queue @param row of its value, or NO_ROW if it has been read back since
   */
  release(message: Message, number: number, row: number): void {
    const values = this.#values
    if (!this.goesWithMessages || values === null) return
    if (row !== NO_ROW) {
      values.releaseRow(row, number)
      return
    }
    const key = this.identify(message)?.key ?? null
    if (key !== null) values.release(key, number)
  }

  clearValues(): void {
    this.#values?.clear()
  }

  /** Reads back what was remembered before a restart. */
  async load(): Promise<void> {
    await this.#values?.load(this.goesWithMessages ? this.#findPresent : null)
    await this.#publishers?.load()
  }

  /** Forgets everything, for good. */
  delete(): void {
    this.#values?.delete()
    this.#publishers?.delete()
  }
}
