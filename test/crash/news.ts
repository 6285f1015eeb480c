/** Lets programs wait for what a connection brings. */
export class News {
  readonly #isOver: () => boolean
  readonly #waiting = new Set<() => void>()

  /** @param isOver whether the connection has ended */
  constructor(isOver: () => boolean) {
    this.#isOver = isOver
  }

  /** Until the condition holds, looked at whenever something has come. @returns whether it does: not where the connection ends before */
  async until(condition: () => boolean): Promise<boolean> {
    while (!condition()) {
      if (this.#isOver()) return false
      await new Promise<void>((resolve) => this.#waiting.add(resolve))
    }
    return true
  }

  /** Something has come, or the connection has ended. */
  wake(): void {
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
  }
}
