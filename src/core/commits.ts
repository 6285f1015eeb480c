import type { MessageStore } from '../store/message-store.ts'

/** Somebody for whom a record has to be safe. */
export interface CommitWaiter {
  /** Whether it is in the list; the list sets and clears it. */
  waits: boolean
  /** The log has committed more, if not enough yet: who goes on waiting says so again. */
  onCommitted(): void
}

/** Who waits for the log. Only these are told of a commit, however many sessions and queues there are. */
export class Commits {
  readonly #store: MessageStore
  #waiting: CommitWaiter[] = []
  /** The list of the last round, emptied. */
  #spare: CommitWaiter[] = []

  constructor(store: MessageStore) {
    this.#store = store
    store.onCommitted(() => this.#onCommitted())
  }

  /** Everything up to this position is safe. */
  get committed(): number {
    return this.#store.committed
  }

  /** Tells `waiter` of the next commit. */
  wait(waiter: CommitWaiter): void {
    if (waiter.waits) return
    waiter.waits = true
    this.#waiting.push(waiter)
  }

  /** Resolves when everything up to this position is safe, and never where the store has failed. */
  upTo(position: number): Promise<void> {
    return new Promise((resolve) => {
      const waiter: CommitWaiter = {
        waits: false,
        onCommitted: () => {
          if (this.committed >= position) resolve()
          else this.wait(waiter)
        },
      }
      waiter.onCommitted()
    })
  }

  #onCommitted(): void {
    const waiting = this.#waiting
    this.#waiting = this.#spare
    for (let i = 0; i < waiting.length; i++) {
      const waiter = waiting[i]!
      waiter.waits = false
      waiter.onCommitted()
    }
    waiting.length = 0
    this.#spare = waiting
  }
}
