import type { SideLogs } from '../side-logs.ts'
import type { DelayHost, DelayOwner } from './delay-host.ts'
import { DelayLine } from './delay-line.ts'

const PURPOSE = 'delayed'

/** The delay lines of a virtual host. */
export class Delays {
  readonly #host: DelayHost
  readonly #sideLogs: SideLogs
  readonly #lines = new Set<DelayLine>()

  constructor(host: DelayHost, sideLogs: SideLogs) {
    this.#host = host
    this.#sideLogs = sideLogs
  }

  get lines(): Iterable<DelayLine> {
    return this.#lines
  }

  /**
   * The line of an exchange or queue: there is one where messages are to be kept, and where some still are from when they were.
   * @param current the line that it has, if any
   */
  lineOf(owner: DelayOwner, enabled: boolean, current: DelayLine | null): DelayLine | null {
    let line = current
    if (line === null && (enabled || this.#sideLogs.has(owner, PURPOSE))) {
      line = new DelayLine(this.#host, owner, this.#sideLogs.open(owner, PURPOSE))
      this.#lines.add(line)
    }
    if (line !== null) {
      line.enabled = enabled
      line.owner = owner
      this.#sideLogs.followOwner(owner, PURPOSE)
    }
    return line
  }

  /** The owner is deleted. */
  delete(line: DelayLine): void {
    this.#lines.delete(line)
    line.close()
    this.#sideLogs.delete(line.owner, PURPOSE)
  }
}
