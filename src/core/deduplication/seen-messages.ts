import type { Message } from '../message.ts'
import type { SideLogOwner } from '../side-logs.ts'
import type { DeduplicationHost } from './deduplication-host.ts'
import { type Identity, identityOf } from './identity.ts'
import { type SeenEntry, SeenLog } from './seen-log.ts'
import { SeenPublishers } from './seen-publishers.ts'
import { SeenValues } from './seen-values.ts'
import type { DeduplicationSettings } from './settings.ts'

/** Values of messages that are in a queue, where it is not told how many to remember. Beyond it, the oldest are forgotten. */
export const PRESENT_MAX = 1_000_000

/** Names of the logs. */
const VALUES = 'deduplication'
const PUBLISHERS = 'publishers'

/** What one exchange or queue remembers of the messages that it has taken. */
export class SeenMessages {
  settings: DeduplicationSettings
  /**
   * Log position of what was taken last. Whoever is told that its message is a duplicate may rely on the first one: it must be safe by
   * then.
   */
  lastPosition = 0
  readonly #host: DeduplicationHost
  readonly #owner: SideLogOwner
  #values: SeenValues | null = null
  #publishers: SeenPublishers | null = null

  constructor(host: DeduplicationHost, owner: SideLogOwner, settings: DeduplicationSettings) {
    this.#host = host
    this.#owner = owner
    this.settings = settings
    this.#open()
  }

  #open(): void {
    const { header, publishers } = this.settings
    if (header !== null) this.#values ??= new SeenValues(this.#capacity(), this.#logOf(VALUES))
    if (publishers) this.#publishers ??= new SeenPublishers(this.#logOf(PUBLISHERS))
  }

  #logOf(purpose: string): SeenLog | null {
    const survives = this.#host.store.durable && this.#owner.durable && this.settings.persistent
    return survives ? new SeenLog(this.#host, this.#owner, purpose) : null
  }

  #capacity(): number {
    return this.goesWithMessages ? PRESENT_MAX : this.settings.cacheSize
  }

  /** Whether values are remembered, and each only as long as its message is in the queue. */
  get goesWithMessages(): boolean {
    return this.settings.header !== null && this.settings.cacheSize < 0
  }

  /** Values and publishers that are remembered. */
  get size(): { readonly values: number; readonly publishers: number } {
    return { values: this.#values?.size ?? 0, publishers: this.#publishers?.size ?? 0 }
  }

  /** A policy has changed. What was remembered by other rules is forgotten; another number or time holds from now on. */
  change(settings: DeduplicationSettings): void {
    const before = this.settings
    const went = this.goesWithMessages
    this.settings = settings
    const other = before.persistent !== settings.persistent
    if (other || before.header !== settings.header || went !== this.goesWithMessages) {
      this.#values?.delete()
      this.#values = null
    }
    if (other || !settings.publishers) {
      this.#publishers?.delete()
      this.#publishers = null
    }
    if (this.#values !== null) this.#values.capacity = this.#capacity()
    this.#open()
  }

  /** Null for a message that can be no duplicate. */
  identify(message: Message): Identity | null {
    return identityOf(message, this.settings)
  }

  isDuplicate({ key, publisher, publishingId }: Identity): boolean {
    if (key !== null && this.#values!.has(key, this.#host.clock.now())) return true
    return publisher !== null && this.#publishers!.isDuplicate(publisher, publishingId)
  }

  /** A message is about to be taken, as number `holder` of its queue or 0. @returns what `accept` and `refuse` want to have back */
  begin({ key, ttlMs }: Identity, holder: number): SeenEntry | null {
    if (key === null) return null
    if (this.goesWithMessages) return this.#values!.add(key, holder, -1)
    const lasts = ttlMs >= 0 ? ttlMs : this.settings.cacheTtlMs
    return this.#values!.add(key, 0, lasts < 0 ? -1 : this.#host.clock.now() + lasts)
  }

  /** The message was taken. @param logged whether it survives a restart */
  accept(message: Message, { publisher, publishingId }: Identity, entry: SeenEntry | null, logged: boolean): void {
    // a policy may have changed while the message was delivered: then there is nothing left that it could be remembered by
    const kept = entry === null ? 0 : (this.#values?.keep(entry, logged, this.#host.clock.now()) ?? 0)
    const noted = publisher === null ? 0 : (this.#publishers?.accept(publisher, publishingId, logged) ?? 0)
    const position = Math.max(message.position, kept, noted)
    message.position = position
    this.lastPosition = Math.max(this.lastPosition, position)
  }

  /** The message was not taken: the next one like it is no duplicate. */
  refuse({ publisher, publishingId }: Identity, entry: SeenEntry | null): void {
    if (entry !== null) this.#values?.forget(entry)
    if (publisher !== null) this.#publishers?.refuse(publisher, publishingId)
  }

  /** A message has left its queue, or did not stay in it. */
  release(key: string, holder: number): void {
    this.#values?.release(key, holder)
  }

  clearValues(): void {
    this.#values?.clear()
  }

  /** Reads back what was remembered before a restart. */
  async load(): Promise<void> {
    await this.#values?.load()
    await this.#publishers?.load()
  }

  /** Forgets everything, for good. */
  delete(): void {
    this.#values?.delete()
    this.#publishers?.delete()
  }
}
