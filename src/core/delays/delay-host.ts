import type { MessageStore } from '../../store/message-store.ts'
import type { Clock } from '../../util/clock.ts'
import type { Turn } from '../../util/turn.ts'
import type { Commits } from '../commits.ts'
import type { MessageDecoder } from '../message-decoder.ts'
import type { MessageMemory } from '../message-memory.ts'
import type { Message } from '../message.ts'
import type { MessageObserver } from '../tracing/message-observer.ts'
import type { SideLogOwner } from '../side-logs.ts'

/** Whose messages wait. */
export interface DelayOwner extends SideLogOwner {
  /** Every message counts as persistent. */
  readonly alwaysPersistent: boolean
  /** A message is due. @returns false when it cannot be taken now, and is to be offered again */
  release(message: Message): boolean
}

/** What a delay line needs of its surroundings. */
export interface DelayHost {
  readonly store: MessageStore
  readonly commits: Commits
  readonly memory: MessageMemory
  readonly decoder: MessageDecoder
  readonly clock: Clock
  readonly turn: Turn
  /** Who wants to know what becomes of messages; mostly null. */
  readonly observer: MessageObserver | null
  /** So many messages were to be in the store, and are not. */
  onLost(owner: SideLogOwner, count: number): void
}
