/** Who waits for a queue's next message, because that has to be read from the store first. */
export interface HeadWaiter {
  /** The message may be at hand now, or the queue be empty. @returns false when it has to wait on */
  onHead(): boolean
}

/** Those who wait for a queue's next message, served in the order in which they came. */
export class HeadWaiters {
  /** One of them is being served. */
  serving = false
  readonly #waiters: HeadWaiter[] = []

  get size(): number {
    return this.#waiters.length
  }

  push(waiter: HeadWaiter): void {
    this.#waiters.push(waiter)
  }

  /** Serves them until one has to wait on. */
  serve(): void {
    this.serving = true
    let served = 0
    while (served < this.#waiters.length && this.#waiters[served]!.onHead()) served++
    this.#waiters.splice(0, served)
    this.serving = false
  }
}
