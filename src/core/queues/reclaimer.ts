import { PHASE_FLUSH, type Turn, type TurnTask } from '../../util/turn.ts'
import type { Queue } from './queue.ts'
import type { ReadyMessages } from './ready-messages.ts'

/** Messages freed per turn: a purge of millions must not hold up the others. */
const MESSAGES_PER_TURN = 10_000

/** Frees what purged and deleted queues leave behind, a part each turn. */
export class Reclaimer implements TurnTask {
  scheduled = false
  readonly #turn: Turn
  readonly #work: { queue: Queue; ready: ReadyMessages }[] = []

  constructor(turn: Turn) {
    this.#turn = turn
  }

  add(queue: Queue, ready: ReadyMessages): void {
    if (ready.count <= 100) {
      queue.reclaimSome(ready, 100)
      return
    }
    this.#work.push({ queue, ready })
    this.#turn.schedule(PHASE_FLUSH, this)
  }

  /** Messages of a queue that are not freed yet. */
  waiting(queue: Queue): number {
    return this.#work.reduce((sum, work) => (work.queue === queue ? sum + work.ready.count : sum), 0)
  }

  runAtTurnEnd(): void {
    const next = this.#work[0]
    if (next === undefined) return
    if (!next.queue.reclaimSome(next.ready, MESSAGES_PER_TURN)) this.#work.shift()
    if (this.#work.length > 0) this.#turn.schedule(PHASE_FLUSH, this)
  }
}
