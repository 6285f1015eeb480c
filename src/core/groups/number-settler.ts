import type { QueueLog } from '../../store/message-store.ts'
import { PHASE_FLUSH, type Turn, type TurnTask } from '../../util/turn.ts'
import type { Queue } from '../queues/queue.ts'
import type { StoredBacklog } from './stored-backlog.ts'

/** Messages settled per turn: a purge of millions must not hold up the others. */
const MESSAGES_PER_TURN = 10_000

/** Has the log forget purged messages that are in the store only, a part each turn. */
export class NumberSettler implements TurnTask {
  scheduled = false
  readonly #queue: Queue
  readonly #turn: Turn
  readonly #log: QueueLog
  readonly #backlogs: StoredBacklog[] = []

  constructor(queue: Queue, turn: Turn, log: QueueLog) {
    this.#queue = queue
    this.#turn = turn
    this.#log = log
  }

  addNumbers(numbers: readonly number[]): void {
    this.#log.settleNumbers(numbers)
  }

  /** @param backlog is taken apart */
  addBacklog(backlog: StoredBacklog): void {
    this.#backlogs.push(backlog)
    this.#turn.schedule(PHASE_FLUSH, this)
  }

  runAtTurnEnd(): void {
    // with the queue the log forgets all
    if (this.#queue.deleted) return
    const numbers: number[] = []
    for (let last = this.#backlogs.at(-1); last !== undefined; last = this.#backlogs.at(-1)) {
      for (; last.count > 0 && numbers.length < MESSAGES_PER_TURN; last.shift()) numbers.push(last.peek().number)
      if (last.count > 0) break
      this.#backlogs.pop()
    }
    this.#log.settleNumbers(numbers.sort((a, b) => a - b))
    if (this.#backlogs.length > 0) this.#turn.schedule(PHASE_FLUSH, this)
  }
}
