import { mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { type Log, silentLog } from '../../telemetry/log.ts'
import { nodeFiles, type StoreFiles } from '../files.ts'
import { closedError, jsonOf, type MetadataStore, MetadataStoreError, requireKey } from '../metadata-store.ts'
import { DIRECTORY_FORMAT, DirectoryLock, hasTable, wayOut } from './directory-lock.ts'
import { FOLDER } from './format.ts'
import { DamagedMetadataError, MetadataLog, type MetadataLogOptions } from './metadata-log.ts'
import { replay } from './replay.ts'

/**
 * Opens, or makes, the metadata of a data directory. One process at a time may have it open; a lock that a killed process left behind does
 * not count.
 * @throws MetadataStoreError `data directory D is in use by another process (pid N)`, that the format is newer than this program
 * knows, or what else keeps it from being opened
 */
export async function openLogMetadataStore(directory: string, log: Log): Promise<LogMetadataStore> {
  try {
    makeFolders(directory)
  } catch (error) {
    throw new MetadataStoreError(`data directory ${directory} cannot be made: ${(error as Error).message}`)
  }
  const lock = new DirectoryLock(directory)
  try {
    const files = nodeFiles(directory)
    const { format } = lock
    if (hasTable(format)) await moveToLog(files, lock.rows())
    const makeSnapshot = async (number: number): Promise<number> => {
      const { makeSnapshotInThread } = await import('./snapshot-thread.ts')
      return makeSnapshotInThread({ directory, number })
    }
    const store = await LogMetadataStore.open({ files, log, makeSnapshot }, lock)
    if (format < DIRECTORY_FORMAT) lock.upgrade()
    return store
  } catch (error) {
    lock.release()
    const way = error instanceof DamagedMetadataError ? wayOut(directory) : ''
    throw new MetadataStoreError(`data directory ${directory} cannot be used: ${(error as Error).message}${way}`)
  }
}

/** `mkdirSync` with `recursive` goes round for ever where a file system refuses with ENOENT, as /proc does. */
function makeFolders(path: string): void {
  try {
    mkdirSync(path)
  } catch (error) {
    if (isDirectory(path)) return
    const parent = dirname(path)
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || isDirectory(parent) || parent === path) throw error
    makeFolders(parent)
    makeFolders(path)
  }
}

const isDirectory = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true

/** The number of the format stays what it was until all is there: what an upgrade that was cut short has left is written anew. */
async function moveToLog(files: StoreFiles, rows: Map<string, string>): Promise<void> {
  await files.makeFolder(FOLDER)
  for (const name of await files.list(FOLDER)) await files.remove(`${FOLDER}/${name}`)
  await files.syncFolder(FOLDER)
  const { log } = await MetadataLog.open({ files, log: silentLog })
  await log.append(rows)
  await log.close(true)
}

/** A closed batch, and the promise that all commits joined in it share. */
interface Batch extends PromiseWithResolvers<void> {
  readonly changes: Map<string, string | null>
}

/** Metadata in files (format.ts). */
export class LogMetadataStore implements MetadataStore {
  readonly #files: StoreFiles
  readonly #log: MetadataLog
  readonly #lock: DirectoryLock | null
  /** As they were found, until somebody asks for them or they change. */
  #found: Map<string, string> | null
  #open = new Map<string, string | null>()
  #waiting: Batch | null = null
  #writing: Batch | null = null
  #failure: Error | null = null
  #closing: Promise<void> | null = null

  /** @param lock released when the store is closed @throws MetadataStoreError */
  static async open(options: MetadataLogOptions, lock: DirectoryLock | null = null): Promise<LogMetadataStore> {
    const { log, rows } = await MetadataLog.open(options)
    return new LogMetadataStore(options.files, log, rows, lock)
  }

  private constructor(files: StoreFiles, log: MetadataLog, found: Map<string, string>, lock: DirectoryLock | null) {
    this.#files = files
    this.#log = log
    this.#found = found
    this.#lock = lock
  }

  /** The older format that the data directory had before it was opened; null where it had none, or this one. */
  get upgradedFrom(): number | null {
    const format = this.#lock?.format ?? 0
    return format === 0 || format === DIRECTORY_FORMAT ? null : format
  }

  async load(): Promise<Iterable<readonly [key: string, value: unknown]>> {
    if (this.#closing !== null) throw closedError()
    const rows = this.#found ?? (await this.#readBack())
    this.#found = null
    return parseRows([...rows].sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  async #readBack(): Promise<Map<string, string>> {
    if (this.#failure !== null) throw this.#failure
    while (this.#writing !== null) await this.#writing.promise
    await this.#log.tidied()
    return (await replay(this.#files)).rows
  }

  put(key: string, value: unknown): void {
    this.#assertOpen()
    this.#open.set(requireKey(key), jsonOf(key, value))
  }

  delete(key: string): void {
    this.#assertOpen()
    this.#open.set(requireKey(key), null)
  }

  get dirty(): boolean {
    return this.#open.size > 0
  }

  commit(): Promise<void> {
    if (this.#closing !== null) return Promise.reject(closedError())
    return this.#commit()
  }

  settled(): Promise<void> | null {
    const isIdle = this.#open.size === 0 && this.#waiting === null && this.#writing === null
    return isIdle && this.#failure === null ? null : this.commit()
  }

  close(): Promise<void> {
    this.#closing ??= this.#shutDown()
    return this.#closing
  }

  #commit(): Promise<void> {
    if (this.#failure !== null) return Promise.reject(this.#failure)
    if (this.#open.size === 0) return (this.#waiting ?? this.#writing)?.promise ?? Promise.resolve()
    const changes = this.#open
    this.#open = new Map()
    if (this.#waiting !== null) {
      for (const [key, json] of changes) this.#waiting.changes.set(key, json)
      return this.#waiting.promise
    }
    const batch: Batch = { changes, ...Promise.withResolvers<void>() }
    this.#waiting = batch
    if (this.#writing === null) void this.#write()
    return batch.promise
  }

  /** Writes batch after batch until none waits. Never rejects: the batches do. */
  async #write(): Promise<void> {
    this.#found = null
    while (this.#waiting !== null) {
      const batch = this.#waiting
      this.#writing = batch
      this.#waiting = null
      try {
        await this.#log.append(batch.changes)
      } catch (error) {
        this.#fail(error as Error)
        return
      }
      this.#writing = null
      batch.resolve()
    }
  }

  async #shutDown(): Promise<void> {
    try {
      if (this.#failure === null) await this.#commit()
    } finally {
      await this.#log.close(this.#failure === null)
      this.#lock?.release()
    }
  }

  /** What is on disk after a failed write is unknown: everything from here on is refused with the first error. */
  #fail(cause: Error): void {
    this.#failure = new MetadataStoreError(cause.message)
    this.#writing?.reject(this.#failure)
    this.#waiting?.reject(this.#failure)
    this.#writing = null
    this.#waiting = null
  }

  #assertOpen(): void {
    if (this.#closing !== null) throw closedError()
  }
}

function* parseRows(rows: Iterable<readonly [string, string]>): Generator<readonly [key: string, value: unknown]> {
  for (const [key, json] of rows) yield [key, JSON.parse(json)]
}
