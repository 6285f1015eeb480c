import {
  type LoadedMessage,
  type LoadVisitor,
  type QueueEntry,
  STATE_DYING,
  STATE_HELD,
  STATE_RETURNED,
} from '../../store/message-store.ts'
import type { DeathReason } from '../message.ts'
import type { Entry } from './entry.ts'
import type { Queue } from './queue.ts'
import { DEATH_BITS } from './retries.ts'

const REASONS: readonly DeathReason[] = ['rejected', 'expired', 'maxlen', 'delivery_limit']

/** How the log says why a message dies. */
export const markOf = (reason: DeathReason): number => REASONS.indexOf(reason)

/** Where a message was when the broker ended: a STATE constant, and what belongs to it. */
export interface RecoveredState {
  readonly state: typeof STATE_RETURNED | typeof STATE_HELD | typeof STATE_DYING
  /** When it is ready again (ms since the epoch), where it is held. */
  readonly dueAt: number
  /** Where it is on its way to a dead-letter exchange. */
  readonly reason: DeathReason
}

/** Brings back what was not simply ready when the broker ended. */
export class RecoveredLoad implements LoadVisitor {
  readonly #queue: Queue
  readonly #done: () => void
  readonly #found: [Entry, RecoveredState][] = []

  constructor(queue: Queue, done: () => void) {
    this.#queue = queue
    this.#done = done
  }

  onLoaded(message: LoadedMessage): QueueEntry | null {
    const { state, dueAt, mark } = message
    if (state === STATE_HELD && this.#queue.staysHeld(message)) return null
    const entry = this.#queue.entryOf(message)
    const known = state === STATE_HELD || state === STATE_DYING ? state : STATE_RETURNED
    this.#found.push([entry, { state: known, dueAt, reason: REASONS[mark & DEATH_BITS] ?? 'rejected' }])
    return entry
  }

  onLost(): void {
    this.#queue.counters.lost++
  }

  /** Takes it back to where it was. */
  #restore(entry: Entry, { state, dueAt, reason }: RecoveredState): void {
    const queue = this.#queue
    const { host, ready, held, burial } = queue.parts()
    if (entry.expiresAt >= 0) queue.expires(entry)
    if (state === STATE_DYING) {
      held.hold(entry, 0, (dying) => burial.again(dying, reason))
    } else if (state === STATE_RETURNED && queue.rules.returnsFirst) {
      ready.putBack(entry)
    } else {
      queue.lastRecoveredHeld = Math.max(queue.lastRecoveredHeld, entry.number)
      ready.groups?.begins(entry)
      held.rest(entry, Math.max(0, dueAt - host.clock.now()))
    }
  }

  onLoadEnd(): void {
    for (const [entry, state] of this.#found) this.#restore(entry, state)
    this.#done()
  }
}
