import { appendFile } from 'node:fs/promises'
import type { LogLimiter } from '../../telemetry/log.ts'

/** What waits for the disk; beyond, entries are left out: messages do not wait for a trace of them. */
const WAITING_BYTES_MAX = 8 * 1024 * 1024

/** Appends to one file, a batch at a time. */
export class TraceWriter {
  readonly #path: string
  readonly #log: LogLimiter
  #waiting: Buffer[] = []
  #bytes = 0
  #dropped = 0
  #writing: Promise<void> | null = null

  constructor(path: string, log: LogLimiter) {
    this.#path = path
    this.#log = log
  }

  write(entry: Buffer): void {
    if (this.#bytes > 0 && this.#bytes + entry.length > WAITING_BYTES_MAX) return this.drop('the disk does not keep up')
    this.#waiting.push(entry)
    this.#bytes += entry.length
    this.#writing ??= this.#writeAll().finally(() => (this.#writing = null))
  }

  drop(why: string): void {
    this.#dropped++
    this.#log.warn(`trace ${this.#path}`, 'a trace leaves out messages', {
      why,
      file: this.#path,
      dropped: this.#dropped,
    })
  }

  async #writeAll(): Promise<void> {
    // what comes in this turn goes with it
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const batch = this.#waiting
      this.#waiting = []
      this.#bytes = 0
      try {
        await appendFile(this.#path, Buffer.concat(batch))
      } catch (error) {
        this.#dropped += batch.length - 1
        this.drop((error as Error).message)
      }
    }
  }

  /** Resolves when all has been written that was to be. */
  async close(): Promise<void> {
    await this.#writing
  }
}
