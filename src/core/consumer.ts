import type { ClientConnection } from './client-connection.ts'
import type { Table } from './fields.ts'
import type { Queue } from './queues/queue.ts'
import type { Session } from './session.ts'

/** One subscription of a session to a queue. */
export class Consumer {
  readonly session: Session
  readonly connection: ClientConnection
  readonly queue: Queue
  readonly tag: string
  /** Deliveries count as settled when they are sent. */
  readonly noAck: boolean
  readonly exclusive: boolean
  /** Higher is served first; 0 unless asked for. */
  readonly priority: number
  readonly arguments: Table
  /** Unacknowledged deliveries allowed; 0 means no limit. */
  readonly prefetch: number
  /** Time to acknowledge in ms, or -1 for the queue's. */
  readonly timeoutMs: number
  unacked = 0
  /** Deliveries so far, and how many of them were acknowledged or had been delivered before. */
  delivered = 0
  acknowledged = 0
  redelivered = 0
  /** Free for whoever keeps statistics of it. */
  history: unknown = null
  cancelled = false
  /** In its queue's list of consumers that may have room. */
  listed = false
  /** Free for the protocol: what it precomputes per consumer. */
  protocolState: unknown = null

  constructor(
    session: Session,
    queue: Queue,
    tag: string,
    options: {
      noAck: boolean
      exclusive: boolean
      priority: number
      prefetch: number
      timeoutMs: number
      arguments: Table
    },
  ) {
    this.session = session
    this.connection = session.connection
    this.queue = queue
    this.tag = tag
    this.noAck = options.noAck
    this.exclusive = options.exclusive
    this.priority = options.priority
    this.prefetch = options.prefetch
    this.timeoutMs = options.timeoutMs
    this.arguments = options.arguments
  }

  /** Whether a delivery would be taken now: credit left, and the client reads what it is sent. */
  canTake(): boolean {
    if (this.cancelled || this.connection.full) return false
    if (this.noAck) return true
    return (this.prefetch === 0 || this.unacked < this.prefetch) && this.session.hasCredit()
  }

  /** Credit has come back: the queue may serve this consumer again. */
  wake(): void {
    this.queue.wake(this)
  }
}
