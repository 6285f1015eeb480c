import { clearImmediate, setImmediate } from './real-time.ts'

/**
 * Work that is gathered during a turn of the event loop and done once at its end: dispatch to consumers whose credit changed, then
 * confirms, then one write per socket. Nothing here is per message.
 */
export interface TurnTask {
  /** True while the task is in the list; the scheduler sets and clears it. */
  scheduled: boolean
  runAtTurnEnd(): void
}

export const PHASE_DISPATCH = 0
export const PHASE_CONFIRM = 1
export const PHASE_FLUSH = 2

/** After so many reads, or with so many that wait to be flushed, that is done before the end of the turn. */
const FLUSH_EARLY = 128

export class Turn {
  /** Tells turns apart that had something to do at their end. */
  number = 0
  readonly #phases: TurnTask[][] = [[], [], []]
  #armed = false
  /** Reads since the last flush. */
  #reads = 0
  #immediate: NodeJS.Immediate | null = null

  /** Runs `task` once at the end of this turn. Tasks scheduled by a later phase for an earlier one run in the next turn. */
  schedule(phase: number, task: TurnTask): void {
    if (task.scheduled) return
    task.scheduled = true
    this.#phases[phase]!.push(task)
    if (!this.#armed) {
      this.#armed = true
      this.#immediate = setImmediate(this.#run)
    }
  }

  /**
   * Serves what is ready to be served, before the end of the turn: called after each read, since a turn may read megabytes and a consumer that
   * keeps up must not fall behind meanwhile. Where many peers have said something, those that were heard first have their answers while
   * the others are read: they go on working meanwhile, and few chunks are in use at a time.
   */
  dispatch(): void {
    if (this.#phases[PHASE_DISPATCH]!.length > 0) this.#runPhase(PHASE_DISPATCH)
    const waiting = this.#phases[PHASE_FLUSH]!.length
    if (++this.#reads < FLUSH_EARLY && waiting < FLUSH_EARLY) return
    this.#reads = 0
    if (waiting > 0) this.#runPhase(PHASE_FLUSH)
  }

  readonly #run = (): void => {
    this.number++
    this.#reads = 0
    for (let phase = 0; phase < this.#phases.length; phase++) {
      if (this.#phases[phase]!.length > 0) this.#runPhase(phase)
    }
    this.#armed = this.#phases.some((tasks) => tasks.length > 0)
    if (this.#armed) this.#immediate = setImmediate(this.#run)
  }

  #runPhase(phase: number): void {
    const tasks = this.#phases[phase]!
    this.#phases[phase] = []
    for (let i = 0; i < tasks.length; i++) {
      const task = tasks[i]!
      task.scheduled = false
      task.runAtTurnEnd()
    }
  }

  close(): void {
    if (this.#immediate !== null) clearImmediate(this.#immediate)
    for (const tasks of this.#phases) tasks.length = 0
    this.#armed = true
  }
}
