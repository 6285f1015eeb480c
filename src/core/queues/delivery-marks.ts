import type { QueueLog } from '../../store/message-store.ts'
import type { Commits, CommitWaiter } from '../commits.ts'

/** Numbers marked ahead of the delivery that asks for it: one record serves so many deliveries. */
const AHEAD = 1024
/** When so few are left, the next ones are marked while these are delivered, so that nobody has to wait. */
const EARLY = 512

/**
 * Sees to it that what was delivered counts as redelivered after a crash: a message may go out when the log says that it may have.
 * For one that is recorded and delivered in one go the order of the records is enough; one that was recorded before has to wait
 * until the mark is safe.
 */
export class DeliveryMarks implements CommitWaiter {
  waits = false
  readonly #log: QueueLog
  readonly #commits: Commits
  readonly #onSafe: () => void
  /** Numbers from `#from` to `#to` may go out when `#position` is committed. */
  #from = 0
  #to = 0
  #position = 0

  /** @param onSafe called when a message that was not allowed may be */
  constructor(log: QueueLog, commits: Commits, onSafe: () => void) {
    this.#log = log
    this.#commits = commits
    this.#onSafe = onSafe
  }

  /** Message `number` is about to be recorded, and delivered at once. */
  fresh(number: number): void {
    if (number > this.#log.deliveredUpTo) this.#log.markDelivered(number + AHEAD)
  }

  /** Whether a message that was recorded before may go out now. @param last the queue's last number */
  allows(number: number, last: number): boolean {
    const { deliveredUpTo } = this.#log
    if (number + EARLY > deliveredUpTo && last > deliveredUpTo) this.#mark(number, deliveredUpTo, last)
    if (number < this.#from || number > this.#to || this.#position <= this.#commits.committed) return true
    this.#commits.wait(this)
    return false
  }

  onCommitted(): void {
    this.#onSafe()
  }

  #mark(number: number, before: number, last: number): void {
    if (this.#position <= this.#commits.committed) this.#from = before + 1
    this.#to = last
    this.#position = this.#log.markDelivered(number + AHEAD)
  }
}
