import type { StoreCounters } from '../message-store.ts'
import type { StoreFile, StoreFiles } from '../files.ts'
import { monotonicClock } from '../../util/real-time.ts'

/** Counts what is done with files, and how long it takes. */
export function measuredFiles(files: StoreFiles, counters: StoreCounters): StoreFiles {
  return {
    open: async (name, mode, synchronous) =>
      new MeasuredFile(await files.open(name, mode, synchronous), counters, synchronous),
    list: (folder) => files.list(folder),
    makeFolder: (name) => files.makeFolder(name),
    rename: (from, to) => files.rename(from, to),
    remove: (name) => files.remove(name),
    async syncFolder(name) {
      const startedAt = monotonicClock()
      await files.syncFolder(name)
      countSync(counters, startedAt)
    },
  }
}

class MeasuredFile implements StoreFile {
  readonly #file: StoreFile
  readonly #counters: StoreCounters
  readonly #synchronous: boolean

  constructor(file: StoreFile, counters: StoreCounters, synchronous: boolean) {
    this.#file = file
    this.#counters = counters
    this.#synchronous = synchronous
  }

  async write(buffers: readonly Buffer[], position: number): Promise<void> {
    const counters = this.#counters
    const startedAt = monotonicClock()
    await this.#file.write(buffers, position)
    counters.writes++
    for (const { length } of buffers) counters.writeBytes += length
    counters.writeMs += monotonicClock() - startedAt
    if (this.#synchronous) countSync(counters, startedAt)
  }

  async read(buffer: Buffer, offset: number, length: number, position: number): Promise<number> {
    const counters = this.#counters
    const startedAt = monotonicClock()
    const got = await this.#file.read(buffer, offset, length, position)
    counters.reads++
    counters.readBytes += got
    counters.readMs += monotonicClock() - startedAt
    return got
  }

  async sync(): Promise<void> {
    const startedAt = monotonicClock()
    await this.#file.sync()
    countSync(this.#counters, startedAt)
  }

  truncate(length: number): Promise<void> {
    return this.#file.truncate(length)
  }

  size(): Promise<number> {
    return this.#file.size()
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}

function countSync(counters: StoreCounters, startedAt: number): void {
  counters.syncs++
  counters.syncMs += monotonicClock() - startedAt
}
