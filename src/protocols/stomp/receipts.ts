import type { Commits, CommitWaiter } from '../../core/commits.ts'
import { RingDeque } from '../../util/ring-deque.ts'

interface Receipt {
  /** The log must be safe up to here first; 0 for nothing to wait for. */
  readonly position: number
  readonly id: string
}

/**
 * The receipts of one client: each goes out when what it is for is safe, and in the order of the frames, since a receipt tells that all
 * before it have been handled, too (STOMP 1.2, RECEIPT).
 */
export class Receipts implements CommitWaiter {
  waits = false
  readonly #commits: Pick<Commits, 'committed' | 'wait'>
  readonly #send: (id: string) => void
  readonly #waiting = new RingDeque<Receipt>(4)
  #onEmpty: (() => void) | null = null

  constructor(commits: Pick<Commits, 'committed' | 'wait'>, send: (id: string) => void) {
    this.#commits = commits
    this.#send = send
  }

  add(position: number, id: string): void {
    if (this.#waiting.size === 0 && position <= this.#commits.committed) {
      this.#send(id)
      return
    }
    this.#waiting.push({ position, id })
    this.#commits.wait(this)
  }

  /** Calls it once, when all have gone out: at once, if they have. */
  whenEmpty(then: () => void): void {
    if (this.#waiting.size === 0) then()
    else this.#onEmpty = then
  }

  onCommitted(): void {
    const { committed } = this.#commits
    for (let next = this.#waiting.peek(); next !== undefined; next = this.#waiting.peek()) {
      if (next.position > committed) {
        this.#commits.wait(this)
        return
      }
      this.#waiting.shift()
      this.#send(next.id)
    }
    const then = this.#onEmpty
    this.#onEmpty = null
    then?.()
  }

  /** No more of them. */
  close(): void {
    this.#waiting.clear()
    this.#onEmpty = null
  }
}
