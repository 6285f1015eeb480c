import type { LoadedMessage, LoadVisitor } from '../../store/message-store.ts'
import { copyOfMessage, type Message } from '../message.ts'
import type { Session } from '../session.ts'
import type { Entry } from './entry.ts'
import type { Queue } from './queue.ts'

// Looking at messages wherever they are, without marking or moving them.

export type LookedState =
  /** To be had by the next consumer. */
  | 'ready'
  /** Somebody has it, and has not settled it. */
  | 'unacked'
  /** Not to be had yet. */
  | 'delayed'

/** What a delayed message waits for. */
export type Wait = 'due time' | 'next attempt' | 'dead-letter target'

/** The parts of a queue, in the order in which they are looked at from the head. */
export const SECTIONS = ['unacked', 'returned', 'parked', 'lanes', 'held', 'delayed'] as const
export type Section = (typeof SECTIONS)[number]

/**
 * Where a message is, to go on from there. In a section messages are ordered by level (`lanes`, the highest first) or by time (`held`,
 * `delayed`: ms since the epoch), else 0, and then by number.
 */
export interface Place {
  readonly section: Section
  readonly order: number
  readonly number: number
}

/** A delivery that its session has not settled. */
export interface Outstanding {
  readonly entry: Entry
  readonly session: Session
}

/** A message as it is found. Its bytes are valid during the call only. */
export interface Looked {
  readonly place: Place
  readonly state: LookedState
  readonly message: Message
  /** Null in a delay line. Of a message that is in the store only it is a copy. */
  readonly entry: Entry | null
  readonly inMemory: boolean
  readonly wait: Wait | null
  /** When the wait is over (ms since the epoch), or -1. */
  readonly dueAt: number
  /** Who has it; null where it is not unacknowledged. */
  readonly holder: Session | null
}

export interface LookOptions {
  readonly states: ReadonlySet<LookedState>
  /** Looks from the end towards the head. */
  readonly fromTail: boolean
  /** What has been looked at last; null to begin. */
  readonly after: Place | null
}

/** Called with each message. @returns whether to go on; with a promise, the look waits for it */
export type LookVisitor = (looked: Looked) => boolean | Promise<boolean>

/** Tells a message from the others of its queue, as long as it is there. */
export const idOf = ({ section, number }: Place): string => (section === 'delayed' ? `d${number}` : String(number))

/** The number that an id names, and where; null for what is no id. */
export function parseId(id: string): { readonly number: number; readonly delayed: boolean } | null {
  const found = /^(d?)([1-9]\d{0,15})$/.exec(id)
  return found === null ? null : { number: Number(found[2]), delayed: found[1] === 'd' }
}

/** Copies what is loaded, and leaves it where it is. */
export class CopyLoad implements LoadVisitor {
  readonly #queue: Queue
  readonly #done: (copies: Entry[]) => void
  readonly #copies: Entry[] = []

  constructor(queue: Queue, done: (copies: Entry[]) => void) {
    this.#queue = queue
    this.#done = done
  }

  onLoaded(loaded: LoadedMessage): null {
    this.#copies.push(this.#queue.copyOf(loaded, copyOfMessage))
    return null
  }

  onLost(): void {}

  onLoadEnd(): void {
    this.#done(this.#copies)
  }
}
