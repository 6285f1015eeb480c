import type { LoadedMessage } from '../../store/message-store.ts'
import { copyOfMessage, type Message } from '../message.ts'
import type { DelayedEntry } from './delayed-entry.ts'
import type { DelayLine } from './delay-line.ts'

/** Rows that are gathered beyond those that are wanted before they are sorted. */
const SLACK = 512
/** Bytes read in one go. */
const LOAD_BYTES = 1024 * 1024

/** A message that waits, by its name in the line. */
export interface DueRow {
  readonly number: number
  /** Ms since the epoch. */
  readonly dueAt: number
}

/** A message that waits, with bytes of its own. */
export interface DelayedMessage extends DueRow {
  readonly message: Message
  readonly inMemory: boolean
}

/** What is asked of a line: the first rows to be due or the last ones, after a place in that order. */
export interface RowsWanted {
  readonly last: boolean
  readonly after: { readonly order: number; readonly number: number } | null
}

/** Looks at the messages of a delay line, which stay. */
export class DelayList {
  readonly #line: DelayLine

  constructor(line: DelayLine) {
    this.#line = line
  }

  /** The first messages to be due, at most `max`, by due time. */
  async first(max: number): Promise<DelayedMessage[]> {
    return this.messages(await this.rows(max, { last: false, after: null }))
  }

  /** Names and times, at most `max`. For what is in the store only, the index is read, and nothing else. */
  rows(max: number, { last, after }: RowsWanted): Promise<DueRow[]> {
    const sign = last ? -1 : 1
    const compare = (a: DueRow, b: DueRow): number => sign * (a.dueAt - b.dueAt || a.number - b.number)
    const start = after === null ? null : { dueAt: after.order, number: after.number }
    let rows: DueRow[] = []
    const cut = (): void => {
      rows = rows.sort(compare).slice(0, max)
    }
    const add = (row: DueRow): void => {
      if (start !== null && compare(row, start) <= 0) return
      rows.push(row)
      if (rows.length > 2 * max + SLACK) cut()
    }
    return new Promise((resolve) => {
      this.#line.log.collectExpiring(-1, Infinity, {
        onExpiring: (number, dueAt) => {
          if (this.#line.find(number) === undefined) add({ number, dueAt })
        },
        onCollectEnd: () => {
          const known = new Set(rows.map(({ number }) => number))
          for (const { number, expiresAt } of this.#line.inMemory()) {
            if (!known.has(number)) add({ number, dueAt: expiresAt })
          }
          cut()
          resolve(rows)
        },
      })
    })
  }

  /** Those of these messages that are still there, in their order. */
  async messages(rows: readonly DueRow[]): Promise<DelayedMessage[]> {
    const found = new Map<number, { message: Message; inMemory: boolean }>()
    const missing: number[] = []
    for (const { number } of rows) {
      const entry = this.#line.find(number)
      if (entry === undefined) missing.push(number)
      else found.set(number, { message: copyOfMessage(entry.message), inMemory: true })
    }
    const { decoder } = this.#line.host
    await this.load(missing, (loaded) => {
      found.set(loaded.number, { message: copyOfMessage(decoder.decode(loaded)), inMemory: false })
      return null
    })
    return rows.flatMap(({ number, dueAt }) => {
      const one = found.get(number)
      return one === undefined ? [] : [{ number, dueAt, ...one }]
    })
  }

  /** Reads messages that are in the store only. */
  async load(numbers: readonly number[], onLoaded: (loaded: LoadedMessage) => DelayedEntry | null): Promise<void> {
    for (let left = numbers; left.length > 0;) {
      let last = -1
      await new Promise<void>((resolve) => {
        this.#line.log.loadNumbers(left, LOAD_BYTES, {
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
}
