import type { PublishingId } from './identity.ts'
import { SeenEntry, type SeenLog } from './seen-log.ts'

/** Publishers that are remembered; the one that has been silent for longest goes. */
export const PUBLISHERS_MAX = 10_000
/** Of each publisher, ids that were refused and may come again below others that were not; the oldest go. */
const REFUSED_MAX = 256

class Publisher {
  readonly name: string
  /** Highest id that was accepted. */
  highest: PublishingId = -1
  /** Ids that were refused: a queue was full, or there was none. Below `highest`, these alone are no duplicates. */
  refused: Set<PublishingId> | null = null
  /** Its newest record, if there is one. */
  entry: SeenEntry | null = null

  constructor(name: string) {
    this.name = name
  }
}

/**
 * Publishers by name, and how far each has come. Ids rise with each message, so one that does not rise was sent before. In the log, for
 * each message that was accepted: JSON, [name, highest id, ids refused], with bigints as strings.
 */
export class SeenPublishers {
  readonly #log: SeenLog | null
  readonly #publishers = new Map<string, Publisher>()
  /** Goes over them once, from the one silent for longest on: see `SeenValues`. */
  #order: MapIterator<Publisher>
  #newest: Publisher | null = null

  /** @param log null where nothing survives the process */
  constructor(log: SeenLog | null) {
    this.#log = log
    this.#order = this.#publishers.values()
  }

  get size(): number {
    return this.#publishers.size
  }

  isDuplicate(name: string, id: PublishingId): boolean {
    const publisher = this.#publishers.get(name)
    return publisher !== undefined && id <= publisher.highest && publisher.refused?.has(id) !== true
  }

  /** @param logged whether the message survives a restart @returns the position of the record, or 0 */
  accept(name: string, id: PublishingId, logged: boolean): number {
    const publisher = this.#touch(name)
    publisher.refused?.delete(id)
    if (id > publisher.highest) publisher.highest = id
    if (!logged || this.#log === null) return 0
    const before = publisher.entry
    publisher.entry = new SeenEntry(name, 0, -1)
    return this.#log.replace(before, publisher.entry, recordOf(publisher))
  }

  /** The message was not taken: it may come again. */
  refuse(name: string, id: PublishingId): void {
    const refused = (this.#touch(name).refused ??= new Set())
    refused.add(id)
    if (refused.size > REFUSED_MAX) for (const oldest of refused) if (refused.delete(oldest)) break
  }

  async load(): Promise<void> {
    const replaced: SeenEntry[] = []
    await this.#log?.load((text) => {
      const [name, highest, refused] = JSON.parse(text) as [string, StoredId, StoredId[]]
      const publisher = this.#touch(name)
      if (publisher.entry !== null) replaced.push(publisher.entry)
      publisher.highest = idOf(highest)
      publisher.refused = refused.length === 0 ? null : new Set(refused.map(idOf))
      publisher.entry = new SeenEntry(name, 0, -1)
      return publisher.entry
    })
    for (const entry of replaced) this.#log!.forget(entry)
  }

  /** Forgets everything, for good. */
  delete(): void {
    this.#publishers.clear()
    this.#log?.delete()
  }

  /** The publisher is the newest now. */
  #touch(name: string): Publisher {
    if (this.#newest?.name === name) return this.#newest
    const publisher = this.#publishers.get(name) ?? new Publisher(name)
    this.#publishers.delete(name)
    this.#publishers.set(name, publisher)
    this.#newest = publisher
    while (this.#publishers.size > PUBLISHERS_MAX) this.#forgetOldest()
    return publisher
  }

  #forgetOldest(): void {
    let next = this.#order.next()
    if (next.done === true) {
      this.#order = this.#publishers.values()
      next = this.#order.next()
    }
    const { name, entry } = next.value!
    this.#publishers.delete(name)
    if (entry !== null) this.#log!.forget(entry)
  }
}

type StoredId = number | string

const idOf = (stored: StoredId): PublishingId => (typeof stored === 'string' ? BigInt(stored) : stored)
const storedId = (id: PublishingId): StoredId => (typeof id === 'bigint' ? String(id) : id)

const recordOf = ({ name, highest, refused }: Publisher): string =>
  JSON.stringify([name, storedId(highest), refused === null ? [] : [...refused].map(storedId)])
