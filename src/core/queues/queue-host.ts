import type { MessageStore, QueueLog } from '../../store/message-store.ts'
import type { Clock } from '../../util/clock.ts'
import type { Turn } from '../../util/turn.ts'
import type { ClientConnection } from '../client-connection.ts'
import type { Commits } from '../commits.ts'
import type { Table } from '../fields.ts'
import type { MessageDecoder } from '../message-decoder.ts'
import type { MessageMemory } from '../message-memory.ts'
import type { DeathReason, Message, RetryFacts } from '../message.ts'
import type { Target } from '../router.ts'
import type { MessageObserver } from '../tracing/message-observer.ts'
import type { Burial } from './burial.ts'
import type { Entries } from './entries.ts'
import type { Entry } from './entry.ts'
import type { HeldMessages } from './held-messages.ts'
import type { Outstanding } from './look.ts'
import type { Pager } from './pager.ts'
import type { Queue } from './queue.ts'
import type { ReadyMessages } from './ready-messages.ts'

/** What a queue needs of its surroundings. */
export interface QueueHost {
  readonly vhostName: string
  /** Who wants to know what becomes of messages; mostly null. */
  readonly observer: MessageObserver | null
  readonly store: MessageStore
  readonly commits: Commits
  readonly memory: MessageMemory
  readonly decoder: MessageDecoder
  readonly clock: Clock
  readonly turn: Turn
  /** From 0 to 1, 1 excluded. */
  readonly random: () => number
  /** Time to acknowledge where nothing else says so, in ms; 0 for none. */
  readonly defaultAckTimeoutMs: number
  /**
   * Publishes a dead message to the queue's dead-letter exchange. With `takenBy`, which has the targets that took it before and gets
   * those that take it now, says whether there are targets and each has it; with null, it may happen after the call.
   */
  deadLetter(
    queue: Queue,
    message: Message,
    reason: DeathReason,
    takenBy: Set<Target> | null,
    retries: RetryFacts | null,
  ): boolean
  /** The queue has had its time, or lost its last consumer. */
  deleteQueue(queue: Queue): void
  /** Frees the messages of a queue that was purged or deleted, a part at a time. */
  reclaim(queue: Queue, ready: ReadyMessages): void
  /** The deliveries from this queue that nobody has settled, in no particular order. */
  outstanding(queue: Queue): Outstanding[]
  /** So many messages were to be in the store, and are not. */
  onLost(queue: Queue, count: number): void
}

/** What a queue is made of. */
export interface QueueParts {
  readonly host: QueueHost
  readonly log: QueueLog
  /** A purge puts another one in its place. */
  readonly ready: ReadyMessages
  readonly pager: Pager | null
  readonly held: HeldMessages
  readonly entries: Entries
  readonly burial: Burial
  /** Lets go of an entry that is GONE. */
  readonly forget: (entry: Entry) => void
  /** Takes an entry that is in no list (any more) among the ready ones, at its place. */
  readonly putBack: (entry: Entry) => void
}

export interface QueueFacts {
  readonly id: number
  readonly name: string
  readonly durable: boolean
  readonly autoDelete: boolean
  /** The connection that alone may use it, and with which it goes. */
  readonly owner: ClientConnection | null
  readonly arguments: Table
}

export class QueueCounters {
  published = 0
  delivered = 0
  deliveredNoAck = 0
  got = 0
  gotNoAck = 0
  getEmpty = 0
  redelivered = 0
  acknowledged = 0
  deadLettered = 0
  /** What would have been dead-lettered, in a queue that does not. */
  readonly droppedFor: Record<DeathReason, number> = { rejected: 0, expired: 0, maxlen: 0, delivery_limit: 0 }
  /** What was to be in the store, and was not. */
  lost = 0
  /** Duplicates that were left out. */
  deduplicated = 0
  /** Returns after which the message had to rest before its next delivery. */
  retried = 0
  /** Free for whoever keeps statistics of it. */
  history: unknown = null

  /** Messages that are gone without a trace. */
  get dropped(): number {
    const { rejected, expired, maxlen, delivery_limit: limit } = this.droppedFor
    return rejected + expired + maxlen + limit + this.lost
  }

  add(other: QueueCounters): void {
    this.published += other.published
    this.delivered += other.delivered
    this.deliveredNoAck += other.deliveredNoAck
    this.got += other.got
    this.gotNoAck += other.gotNoAck
    this.getEmpty += other.getEmpty
    this.redelivered += other.redelivered
    this.acknowledged += other.acknowledged
    this.deadLettered += other.deadLettered
    for (const reason of DEATH_REASONS) this.droppedFor[reason] += other.droppedFor[reason]
    this.lost += other.lost
    this.deduplicated += other.deduplicated
    this.retried += other.retried
  }
}

const DEATH_REASONS: readonly DeathReason[] = ['rejected', 'expired', 'maxlen', 'delivery_limit']
