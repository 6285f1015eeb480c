import { PHASE_CONFIRM, type Turn, type TurnTask } from '../util/turn.ts'
import { RingDeque } from '../util/ring-deque.ts'
import type { Commits, CommitWaiter } from './commits.ts'

interface Outstanding {
  readonly sequence: number
  /** Log position that must be committed first; 0 when nothing has to be written. */
  readonly position: number
  readonly rejected: boolean
}

export interface ConfirmSink {
  /** Everything up to and including `sequence` that has not been answered yet is safe. */
  confirmed(sequence: number, multiple: boolean): void
  rejected(sequence: number): void
}

/** Is told of the answers to one session's publishes, for who follows messages. */
export interface ConfirmWatcher extends ConfirmSink {
  /** There will be no more answers. */
  confirmsEnded(): void
}

/**
 * Publisher confirms of one session. Answers go out in the order of publishing, a contiguous prefix at a time, once per turn: the log
 * commits in order, so waiting for the one before costs nothing and keeps `multiple` usable.
 */
export class Confirms implements TurnTask, CommitWaiter {
  scheduled = false
  waits = false
  readonly #turn: Turn
  readonly #sink: ConfirmSink
  readonly #outstanding = new RingDeque<Outstanding>()
  /** At most one. */
  watcher: ConfirmWatcher | null = null
  #published = 0
  /** Everything up to here is safe. */
  #safe = 0
  /** Everything up to here has been answered. */
  #answered = 0
  #closed = false
  readonly #commits: Pick<Commits, 'committed' | 'wait'>
  readonly #counters: { confirmed: number }

  constructor(
    turn: Turn,
    sink: ConfirmSink,
    commits: Pick<Commits, 'committed' | 'wait'>,
    counters: { confirmed: number },
  ) {
    this.#counters = counters
    this.#turn = turn
    this.#sink = sink
    this.#commits = commits
  }

  get unconfirmed(): number {
    return this.#published - this.#answered
  }

  /** Messages that were published: the number of the last one. */
  get sequence(): number {
    return this.#published
  }

  /** One more message was published, and recorded up to `position`. */
  published(position: number, rejected: boolean): void {
    const sequence = ++this.#published
    if (!rejected && this.#outstanding.size === 0 && position <= this.#commits.committed) this.#safe = sequence
    else this.#outstanding.push({ sequence, position, rejected })
    this.#turn.schedule(PHASE_CONFIRM, this)
  }

  onCommitted(): void {
    if (this.#outstanding.size > 0) this.#turn.schedule(PHASE_CONFIRM, this)
  }

  /** No more answers. */
  close(): void {
    this.#closed = true
    this.#outstanding.clear()
    this.watcher?.confirmsEnded()
  }

  runAtTurnEnd(): void {
    if (this.#closed) return
    const { committed } = this.#commits
    for (let next = this.#outstanding.peek(); next !== undefined; next = this.#outstanding.peek()) {
      if (next.position > committed) break
      this.#outstanding.shift()
      if (next.rejected) {
        this.#answer()
        this.#sink.rejected(next.sequence)
        this.watcher?.rejected(next.sequence)
        this.#answered = next.sequence
      }
      this.#safe = next.sequence
    }
    if (this.#outstanding.size > 0) this.#commits.wait(this)
    this.#answer()
  }

  #answer(): void {
    if (this.#safe <= this.#answered) return
    this.#counters.confirmed += this.#safe - this.#answered
    const multiple = this.#safe - this.#answered > 1
    this.#answered = this.#safe
    this.#sink.confirmed(this.#safe, multiple)
    this.watcher?.confirmed(this.#safe, multiple)
  }
}
