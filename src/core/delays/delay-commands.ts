import { stringOf } from '../fields.ts'
import type { Message } from '../message.ts'
import type { DelayedEntry } from './delayed-entry.ts'
import type { DelayLine } from './delay-line.ts'
import type { DelayedMessage } from './delay-list.ts'
import { dueAtOf } from './due-time.ts'

const CANCEL = 'x-delayed-cancel'
const HASTEN = 'x-delayed-hasten'
/** Messages, and bytes, looked at in one go. */
const SCAN_MESSAGES = 512
const SCAN_BYTES = 1024 * 1024

/** What a message with the header `x-delayed-cancel` or `x-delayed-hasten` (a message id) asks for. */
export interface DelayCommand {
  readonly messageId: string
  /** The new time (ms since the epoch), or null to cancel. */
  readonly dueAt: number | null
}

/** The command that a message published `now` (ms since the epoch) is, or null for a message like any other. */
export function delayCommandOf(message: Message, now: number): DelayCommand | null {
  const headers = message.properties().headers
  if (headers === null) return null
  const cancelled = stringOf(headers.get(CANCEL))
  if (cancelled !== null) return { messageId: cancelled, dueAt: null }
  const hastened = stringOf(headers.get(HASTEN))
  return hastened === null ? null : { messageId: hastened, dueAt: Math.max(now, dueAtOf(message, now)) }
}

/** Ids that may be asked for and not answered yet. */
const ASKED_MAX = 10_000
/** Messages changed in one go: they are in memory for it. */
const CHANGED_MAX = 256

/** When the messages with an id are due now (ms since the epoch), or null to cancel them. */
type Changes = ReadonlyMap<string, number | null>

/**
 * What can be done to messages that wait. By message id every message of the line is looked at, in the background: nothing but this would
 * need an index of ids. One command after the other; those that clients ask for meanwhile are done together.
 */
export class DelayCommands {
  readonly #line: DelayLine
  #last: Promise<unknown> = Promise.resolve()
  /** What clients have asked for, to be done next. */
  #asked = new Map<string, number | null>()

  constructor(line: DelayLine) {
    this.#line = line
  }

  /** Takes a command, to be done soon. @returns false when too many wait */
  ask({ messageId, dueAt }: DelayCommand): boolean {
    if (this.#asked.size >= ASKED_MAX && !this.#asked.has(messageId)) return false
    if (this.#asked.size === 0) {
      void this.#next(() => {
        const asked = this.#asked
        this.#asked = new Map()
        return this.#change(asked)
      })
    }
    this.#asked.set(messageId, dueAt)
    return true
  }

  /** Takes the messages with this id out: they are gone. @returns how many that were */
  cancel(messageId: string): Promise<number> {
    return this.#next(() => this.#change(new Map([[messageId, null]])))
  }

  /** Gives the messages with this id another time, in ms since the epoch; what is past is at once. @returns how many that were */
  reschedule(messageId: string, dueAt: number): Promise<number> {
    return this.#next(() => this.#change(new Map([[messageId, dueAt]])))
  }

  /**
   * Takes these messages out (null), or gives them another time (ms since the epoch): those that are still there.
   * @returns how many that were
   */
  changeNumbers(numbers: readonly number[], dueAt: number | null): Promise<number> {
    return this.#next(() => this.#changeAll(numbers, () => dueAt))
  }

  async #change(changes: Changes): Promise<number> {
    const dueOf = ({ message }: DelayedEntry): number | null =>
      changes.get(message.properties().messageId ?? '') ?? null
    return this.#changeAll(await this.#find(changes), dueOf)
  }

  async #changeAll(numbers: readonly number[], dueOf: (entry: DelayedEntry) => number | null): Promise<number> {
    let count = 0
    for (let at = 0; at < numbers.length; at += CHANGED_MAX) {
      await this.#line.pause()
      try {
        const entries = await this.#read(numbers.slice(at, at + CHANGED_MAX))
        for (const entry of entries) this.#changeOne(entry, dueOf(entry))
        count += entries.length
      } finally {
        this.#line.resume()
      }
    }
    return count
  }

  #changeOne(entry: DelayedEntry, dueAt: number | null): void {
    const { store, clock } = this.#line.host
    // with another time the old one goes and a new one comes, both or not at all
    store.begin()
    if (dueAt !== null) this.#line.add(entry.message, Math.max(dueAt, clock.now()))
    this.#line.cancel(entry)
    store.end()
  }

  #next<T>(command: () => Promise<T>): Promise<T> {
    const result = this.#last.then(command)
    this.#last = result.catch(() => {})
    return result
  }

  /** The first messages to be due, at most `max`, by due time: with what was asked for before done. */
  list(max: number): Promise<DelayedMessage[]> {
    return this.#next(() => this.#line.list.first(max))
  }

  /** Brings messages back into memory. */
  async #read(numbers: readonly number[]): Promise<DelayedEntry[]> {
    await this.#line.list.load(
      numbers.filter((number) => this.#line.find(number) === undefined),
      (loaded) => this.#line.entryOf(loaded),
    )
    return numbers.map((number) => this.#line.find(number)).filter((entry) => entry !== undefined)
  }

  /** The numbers of the messages whose ids are among those of `changes`. */
  async #find(changes: Changes): Promise<number[]> {
    const found = new Set<number>()
    const { log, host } = this.#line
    for (let from = 1; from <= this.#line.lastNumber;) {
      const range = { from, to: this.#line.lastNumber, level: 0 }
      let last = -1
      await new Promise<void>((resolve) => {
        log.load(range, SCAN_MESSAGES, SCAN_BYTES, {
          onLoaded: (loaded) => {
            last = loaded.number
            if (isAmong(host.decoder.decode(loaded), changes)) found.add(last)
            return null
          },
          onLost: (number, _level, bodyLength) => {
            last = number
            this.#line.lost(1, bodyLength)
          },
          onLoadEnd: resolve,
        })
      })
      if (last < 0) break
      from = last + 1
    }
    for (const { number, message } of this.#line.inMemory()) {
      if (isAmong(message, changes)) found.add(number)
    }
    return [...found]
  }
}

function isAmong(message: Message, changes: Changes): boolean {
  const { messageId } = message.properties()
  return messageId !== null && changes.has(messageId)
}
