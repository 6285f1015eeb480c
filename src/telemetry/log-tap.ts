import type { LogLevel } from './log.ts'

/** A line of the log. */
export interface LogLine {
  readonly level: Exclude<LogLevel, 'silent'>
  /** For people: time, level, text and facts, without a line end. */
  readonly text: string
  /** For machines: JSON, without a line end. */
  readonly json: string
}

/** Lines from before there was anybody to take them; the newest are kept. */
const KEPT_MAX = 1000

/** Hands the lines of the log to whoever wants them besides. */
export class LogTap {
  #listener: ((line: LogLine) => void) | null = null
  #kept: LogLine[] = []

  push(line: LogLine): void {
    if (this.#listener !== null) this.#listener(line)
    else if (this.#kept.push(line) > KEPT_MAX) this.#kept.shift()
  }

  /** Also gives what has been logged before. */
  listen(listener: (line: LogLine) => void): void {
    this.#listener = listener
    for (const line of this.#kept.splice(0)) listener(line)
  }

  close(): void {
    this.#listener = () => {}
  }
}
