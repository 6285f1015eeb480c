import type { LoadedMessage } from '../../store/message-store.ts'
import { stringOf } from '../fields.ts'
import { copyOfMessage, type Message } from '../message.ts'
import type { DelayedEntry } from './delayed-entry.ts'
import type { DelayLine } from './delay-line.ts'
import { dueAtOf } from './due-time.ts'

const CANCEL = 'x-delayed-cancel'
const HASTEN = 'x-delayed-hasten'
/** Messages, and bytes, looked at in one go. */
const SCAN_MESSAGES = 512
const SCAN_BYTES = 1024 * 1024

/** A message that waits, with bytes of its own. */
export interface DelayedMessage {
  /** Its name in the line. */
  readonly number: number
  /** Ms since the epoch. */
  readonly dueAt: number
  readonly message: Message
}

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

/**
 * What can be done to messages that wait. By message id every message of the line is looked at, in the background: nothing but this would
 * need an index of ids. One command after the other.
 */
export class DelayCommands {
  readonly #line: DelayLine
  #last: Promise<unknown> = Promise.resolve()

  constructor(line: DelayLine) {
    this.#line = line
  }

  /** @returns how many messages had the id */
  run({ messageId, dueAt }: DelayCommand): Promise<number> {
    return dueAt === null ? this.cancel(messageId) : this.reschedule(messageId, dueAt)
  }

  /** Takes the messages with this id out: they are gone. @returns how many that were */
  cancel(messageId: string): Promise<number> {
    return this.#change(messageId, (entry) => this.#line.cancel(entry))
  }

  /** Gives the messages with this id another time, in ms since the epoch; what is past is at once. @returns how many that were */
  reschedule(messageId: string, dueAt: number): Promise<number> {
    return this.#change(messageId, (entry) => {
      const { store } = this.#line.host
      // the old one goes and the new one comes, both or not at all
      store.begin()
      this.#line.add(entry.message, Math.max(dueAt, this.#line.host.clock.now()))
      this.#line.cancel(entry)
      store.end()
    })
  }

  #change(messageId: string, change: (entry: DelayedEntry) => void): Promise<number> {
    return this.#next(async () => {
      const numbers = await this.#find(messageId)
      await this.#line.pause()
      try {
        const entries = await this.#read(numbers)
        for (const entry of entries) change(entry)
        return entries.length
      } finally {
        this.#line.resume()
      }
    })
  }

  #next<T>(command: () => Promise<T>): Promise<T> {
    const result = this.#last.then(command)
    this.#last = result.catch(() => {})
    return result
  }

  /** The first messages to be due, at most `max`, by due time. */
  list(max: number): Promise<DelayedMessage[]> {
    return this.#next(async () => {
      const first = await this.#first(max)
      const messages = await this.#copies(first.map(({ number }) => number))
      return first.flatMap(({ number, dueAt }) => {
        const message = messages.get(number)
        return message === undefined ? [] : [{ number, dueAt, message }]
      })
    })
  }

  #first(max: number): Promise<{ number: number; dueAt: number }[]> {
    let rows: { number: number; dueAt: number }[] = []
    const cut = (): void => {
      rows = rows.sort((a, b) => a.dueAt - b.dueAt || a.number - b.number).slice(0, max)
    }
    const add = (number: number, dueAt: number): void => {
      rows.push({ number, dueAt })
      if (rows.length > 2 * max + SCAN_MESSAGES) cut()
    }
    return new Promise((resolve) => {
      this.#line.log.collectExpiring(-1, Infinity, {
        onExpiring: (number, dueAt) => {
          if (this.#line.find(number) === undefined) add(number, dueAt)
        },
        onCollectEnd: () => {
          const known = new Set(rows.map(({ number }) => number))
          for (const { number, expiresAt } of this.#line.inMemory()) if (!known.has(number)) add(number, expiresAt)
          cut()
          resolve(rows)
        },
      })
    })
  }

  async #copies(numbers: readonly number[]): Promise<Map<number, Message>> {
    const found = new Map<number, Message>()
    const missing: number[] = []
    for (const number of numbers) {
      const entry = this.#line.find(number)
      if (entry === undefined) missing.push(number)
      else found.set(number, copyOfMessage(entry.message))
    }
    const { decoder } = this.#line.host
    await this.#load(missing, (loaded) => {
      found.set(loaded.number, copyOfMessage(decoder.decode(loaded)))
      return null
    })
    return found
  }

  /** Brings messages back into memory. */
  async #read(numbers: readonly number[]): Promise<DelayedEntry[]> {
    await this.#load(
      numbers.filter((number) => this.#line.find(number) === undefined),
      (loaded) => this.#line.entryOf(loaded),
    )
    return numbers.map((number) => this.#line.find(number)).filter((entry) => entry !== undefined)
  }

  async #load(numbers: readonly number[], onLoaded: (loaded: LoadedMessage) => DelayedEntry | null): Promise<void> {
    for (let left = numbers; left.length > 0;) {
      let last = -1
      await new Promise<void>((resolve) => {
        this.#line.log.loadNumbers(left, SCAN_BYTES, {
          onLoaded: (loaded) => {
            last = left.indexOf(loaded.number)
            return onLoaded(loaded)
          },
          onLost: (number, _level, bodyLength) => {
            last = left.indexOf(number)
            this.#line.lost(1, bodyLength)
          },
          onLoadEnd: resolve,
        })
      })
      if (last < 0) return
      left = left.slice(last + 1)
    }
  }

  /** The numbers of the messages with an id. */
  async #find(messageId: string): Promise<number[]> {
    const found = new Set<number>()
    const { log, host } = this.#line
    for (let from = 1; from <= this.#line.lastNumber;) {
      const range = { from, to: this.#line.lastNumber, level: 0 }
      let last = -1
      await new Promise<void>((resolve) => {
        log.load(range, SCAN_MESSAGES, SCAN_BYTES, {
          onLoaded: (loaded) => {
            last = loaded.number
            if (host.decoder.decode(loaded).properties().messageId === messageId) found.add(last)
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
      if (message.properties().messageId === messageId) found.add(number)
    }
    return [...found]
  }
}
