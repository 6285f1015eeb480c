import { NAME_BYTES_MAX, type PublishingId } from './identity.ts'
import type { NoteFormat, SeenBlock } from './seen-block.ts'
import type { SeenLog } from './seen-log.ts'

/** Publishers that are remembered; the one that has been silent for longest goes. */
const PUBLISHERS_MAX = 10_000
/** Of each publisher, ids that were refused and may come again below others that were not; the oldest go. */
const REFUSED_MAX = 256

/** How far a publisher had come. */
interface Mark {
  readonly name: string
  highest: PublishingId
  refused: readonly PublishingId[]
}

/**
 * Marks in the log, all numbers big-endian: u8 length of the name in UTF-8 and the name, u64 highest id, u16 count and u64 each of ids that were
 * refused.
 */
export const MARK_FORMAT: NoteFormat<Mark, Mark> = {
  roomOf: ({ refused }) => 1 + NAME_BYTES_MAX + 8 + 2 + 8 * refused.length,

  write({ name, highest, refused }, out, start) {
    const length = out.write(name, start + 1)
    out[start] = length
    let at = out.writeBigUInt64BE(BigInt(highest), start + 1 + length)
    at = out.writeUInt16BE(refused.length, at)
    for (const id of refused) at = out.writeBigUInt64BE(BigInt(id), at)
    return at
  },

  read(bytes, start) {
    const at = start + 1 + bytes[start]!
    const name = bytes.toString('utf8', start + 1, at)
    const refused = Array.from({ length: bytes.readUInt16BE(at + 8) }, (_, i) => idAt(bytes, at + 10 + 8 * i))
    return { loaded: { name, highest: idAt(bytes, at), refused }, end: at + 10 + 8 * refused.length }
  },
}

function idAt(bytes: Buffer, at: number): PublishingId {
  const id = bytes.readBigUInt64BE(at)
  return id <= Number.MAX_SAFE_INTEGER ? Number(id) : id
}

const NO_IDS: readonly PublishingId[] = []

class Publisher {
  readonly name: string
  /** Highest id that was accepted. */
  highest: PublishingId = -1
  /** Ids that were refused: a queue was full, or there was none. Below `highest`, these alone are no duplicates. */
  refused: Set<PublishingId> | null = null
  /** The newest in the log, and where it is; null where there is none. */
  mark: Mark | null = null
  block: SeenBlock<Mark> | null = null
  place = 0

  constructor(name: string) {
    this.name = name
  }
}

/** Publishers by name, and how far each has come. Ids rise with each message, so one that does not rise was sent before. */
export class SeenPublishers {
  readonly #log: SeenLog<Mark, Mark> | null
  readonly #publishers = new Map<string, Publisher>()
  /** Goes over them once, from the one silent for longest on: see `SeenValues`. */
  #order: MapIterator<Publisher>
  #newest: Publisher | null = null

  /** @param log null where nothing survives the process */
  constructor(log: SeenLog<Mark, Mark> | null) {
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
    return logged && this.#log !== null ? markIn(this.#log, publisher) : 0
  }

  /** The message was not taken: it may come again. */
  refuse(name: string, id: PublishingId): void {
    const refused = (this.#touch(name).refused ??= new Set())
    refused.add(id)
    if (refused.size > REFUSED_MAX) for (const oldest of refused) if (refused.delete(oldest)) break
  }

  /** Reads back what was remembered before a restart. */
  async load(): Promise<void> {
    const log = this.#log
    await log?.load((marks) => {
      for (const { loaded, block, place } of marks) {
        const publisher = this.#touch(loaded.name)
        if (publisher.block !== null) log.forget(publisher.block, publisher.place)
        publisher.highest = loaded.highest
        publisher.refused = loaded.refused.length === 0 ? null : new Set(loaded.refused)
        publisher.block = block
        publisher.place = place
      }
    })
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
    const { name, block, place } = next.value!
    this.#publishers.delete(name)
    if (block !== null) this.#log!.forget(block, place)
  }
}

/** @returns the position of the record, or 0 */
function markIn(log: SeenLog<Mark, Mark>, publisher: Publisher): number {
  const { name, highest, refused, mark, block: before, place } = publisher
  const ids = refused === null || refused.size === 0 ? NO_IDS : [...refused]
  if (before !== null && mark !== null && log.isOpen(before)) {
    mark.highest = highest
    mark.refused = ids
    return before.position
  }
  publisher.mark = { name, highest, refused: ids }
  const block = log.record(publisher.mark)
  if (block === null) return 0
  publisher.block = block
  publisher.place = block.lastPlace
  if (before !== null) log.supersede(before, place, block.position)
  return block.position
}
