/**
 * The thread that owns the metadata database, so that an fsync never holds up the event loop. Requests are answered in order.
 *
 * Format 3 (`PRAGMA user_version` = 3), file `metadata.sqlite`. The number is that of the whole data directory: format 1 had
 * the same table, and no messages beside it, format 2 no RELEVEL records among them (src/store/journal/format.ts).
 *
 *     metadata(key TEXT PRIMARY KEY, value TEXT NOT NULL)    one row per key of `MetadataStore`, value is JSON
 *
 * `metadata.pid` beside it names the process that has the database open. It only serves the message for others: the lock is
 * SQLite's own, which ends with its process however that ends.
 */
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import { collectGarbage } from '../../telemetry/collect-garbage.ts'

export interface WorkerInput {
  readonly directory: string
}

/** A change is a key and its new JSON, or null where the key goes. */
export type Change = readonly [key: string, json: string | null]

export type WorkerRequest =
  | { readonly type: 'load' }
  | { readonly type: 'commit'; readonly changes: readonly Change[] }
  /** Is not answered. */
  | { readonly type: 'give back' }
  | { readonly type: 'close' }

/** `error` is null when all went well; `rows` is filled by load alone. The first reply says how opening went. */
export interface WorkerReply {
  readonly error: string | null
  /** The older format that was found and upgraded, in the first reply; else null. */
  readonly upgradedFrom: number | null
  readonly rows: readonly (readonly [key: string, json: string])[]
}

const FORMAT = 3
const SQLITE_BUSY = 5

class MetadataDatabase {
  upgradedFrom: number | null = null
  readonly #database: DatabaseSync
  readonly #pidFile: string

  constructor(directory: string) {
    const file = join(directory, 'metadata.sqlite')
    this.#pidFile = join(directory, 'metadata.pid')
    createPrivately(file)
    this.#database = new DatabaseSync(file)
    try {
      this.#lock(directory)
      this.#prepare(file)
    } catch (error) {
      this.#database.close()
      throw error
    }
    writeFileSync(this.#pidFile, `${process.pid}\n`)
  }

  load(): [key: string, json: string][] {
    const rows = this.#database.prepare('SELECT key, value FROM metadata ORDER BY key').all()
    return rows.map((row) => [row['key'] as string, row['value'] as string])
  }

  commit(changes: readonly Change[]): void {
    this.#database.exec('BEGIN IMMEDIATE')
    const put = this.#database.prepare('INSERT OR REPLACE INTO metadata (key, value) VALUES (?, ?)')
    const remove = this.#database.prepare('DELETE FROM metadata WHERE key = ?')
    for (const [key, json] of changes) {
      if (json === null) remove.run(key)
      else put.run(key, json)
    }
    this.#database.exec('COMMIT')
  }

  close(): void {
    rmSync(this.#pidFile, { force: true }) // while the lock is ours: afterwards it may be the file of the next process
    this.#database.close()
  }

  /** In exclusive mode the locks of this first transaction stay until the database is closed. */
  #lock(directory: string): void {
    try {
      this.#database.exec('PRAGMA locking_mode = EXCLUSIVE')
      this.#database.exec('BEGIN EXCLUSIVE')
    } catch (error) {
      const code = (error as { errcode?: number }).errcode ?? 0
      if ((code & 0xff) !== SQLITE_BUSY) {
        throw new Error(`data directory ${directory} cannot be used: ${(error as Error).message}`, { cause: error })
      }
      throw new Error(`data directory ${directory} is in use by another process${this.#holder()}`, { cause: error })
    }
  }

  /** Ends the transaction that `#lock` began. Nothing is written before the version is known to be ours. */
  #prepare(file: string): void {
    const version = Number(this.#database.prepare('PRAGMA user_version').get()!['user_version'])
    if (version > FORMAT) {
      this.#database.exec('ROLLBACK')
      throw new Error(
        `${file} has format ${version}, written by a newer version of this program; this version reads up to format ${FORMAT}`,
      )
    }
    if (version === 0) {
      this.#database.exec('CREATE TABLE metadata (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID')
    } else if (version < FORMAT) this.upgradedFrom = version
    if (version < FORMAT) this.#database.exec(`PRAGMA user_version = ${FORMAT}`)
    this.#database.exec('COMMIT')
    this.#database.exec('PRAGMA journal_mode = WAL')
    this.#database.exec('PRAGMA synchronous = FULL')
  }

  #holder(): string {
    try {
      return ` (pid ${readFileSync(this.#pidFile, 'utf8').trim()})`
    } catch {
      return '' // it has the lock, but has not come to write its number yet
    }
  }
}

/**
 * Password hashes are nobody else's business; SQLite gives its side files the mode of the main one. An existing file must not
 * be opened here: closing it would drop the POSIX locks that another connection of this process may hold on it.
 */
function createPrivately(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

const port = parentPort!

function attempt<T>(action: () => T): T | null {
  try {
    return action()
  } catch (error) {
    port.postMessage({ error: (error as Error).message, upgradedFrom: null, rows: [] } satisfies WorkerReply)
    return null
  }
}

function serve(database: MetadataDatabase): void {
  const done: WorkerReply = { error: null, upgradedFrom: null, rows: [] }
  port.postMessage({ ...done, upgradedFrom: database.upgradedFrom } satisfies WorkerReply)
  port.on('message', (request: WorkerRequest) => {
    attempt(() => {
      switch (request.type) {
        case 'load':
          port.postMessage({ ...done, rows: database.load() } satisfies WorkerReply)
          return
        case 'commit':
          database.commit(request.changes)
          port.postMessage(done)
          return
        case 'give back':
          collectGarbage('last-resort')
          return
        case 'close':
          port.close() // the thread ends here; its exit is the answer
          database.close()
      }
    })
  })
}

const database = attempt(() => new MetadataDatabase((workerData as WorkerInput).directory))
if (database !== null) serve(database)
