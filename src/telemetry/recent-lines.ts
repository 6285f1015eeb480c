/** Lines that are kept, and characters of each: at most some megabytes in all, whatever is logged. */
const LINES_MAX = 1000
const LINE_LENGTH_MAX = 8192

export interface LinesPart {
  readonly lines: readonly string[]
  /** What `after` has to be given to go on from here. */
  readonly next: number
}

/** The last lines of a log, numbered from 0. */
export class RecentLines {
  #lines: string[] = []
  /** Number of the line that comes next. */
  #next = 0

  push(line: string): void {
    this.#lines.push(line.length > LINE_LENGTH_MAX ? `${line.slice(0, LINE_LENGTH_MAX)}…` : line)
    this.#next++
    // in bulk, since taking one off the front moves all the others
    if (this.#lines.length >= 2 * LINES_MAX) this.#lines = this.#lines.slice(-LINES_MAX)
  }

  last(count: number): LinesPart {
    return this.after(this.#next - count)
  }

  /** From line number `from` on, as far as they are still there. */
  after(from: number): LinesPart {
    const count = Math.min(this.#next - from, this.#lines.length, LINES_MAX)
    return { lines: count <= 0 ? [] : this.#lines.slice(-count), next: this.#next }
  }
}
