import type { MessageStore } from '../../store/message-store.ts'
import type { Clock } from '../../util/clock.ts'
import type { Commits } from '../commits.ts'
import type { SideLogs } from '../side-logs.ts'

/** What the memory of exchanges and queues needs of its surroundings. */
export interface DeduplicationHost {
  readonly store: MessageStore
  readonly commits: Commits
  readonly clock: Clock
  readonly sideLogs: SideLogs
  /** A log was made, which no client has asked for: this has to get to disk. */
  metadataChanged(): void
}
