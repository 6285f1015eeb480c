/**
 * `metadata.sqlite` in a data directory: an empty database of SQLite. Its lock says that the directory is in use, and ends with its process
 * however that ends, which nothing of Node.js's own does. `PRAGMA user_version` is the format of the whole directory:
 *
 *     4   the metadata is in the folder `metadata` (format.ts)
 *     3   the metadata is in a table of the database, metadata(key TEXT PRIMARY KEY, value TEXT NOT NULL), value is JSON
 *     2   as 3, and no RELEVEL records among the messages (src/store/journal/format.ts)
 *     1   as 3, and no messages beside it
 *
 * `metadata.pid` beside it names the process that has the directory; it only serves the message for others.
 */
import { closeSync, existsSync, openSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { MetadataStoreError } from '../metadata-store.ts'
import { FOLDER } from './format.ts'
import { newerFormatText } from '../newer-format.ts'

export const DATABASE_FILE = 'metadata.sqlite'
const PID_FILE = 'metadata.pid'

export const DIRECTORY_FORMAT = 4
const LAST_FORMAT_WITH_TABLE = 3

const SQLITE_BUSY = 5
const SQLITE_CORRUPT = 11
const SQLITE_NOTADB = 26

/** Whether the metadata of a directory of this format is in the database. */
export const hasTable = (format: number): boolean => format > 0 && format <= LAST_FORMAT_WITH_TABLE

export const readFormat = (database: DatabaseSync): number =>
  Number(database.prepare('PRAGMA user_version').get()!['user_version'])

/** Adds JSON by key, of a directory whose format has the metadata in the database: as far as it can be read, when it throws. */
export function readTable(database: DatabaseSync, rows: Map<string, string>): void {
  for (const row of database.prepare('SELECT key, value FROM metadata').iterate()) {
    rows.set(String(row['key']), String(row['value']))
  }
}

const codeOf = (error: unknown): number => ((error as { errcode?: number }).errcode ?? 0) & 0xff

/** Whether an error of SQLite's says that another process has the lock. */
export const isBusy = (error: unknown): boolean => codeOf(error) === SQLITE_BUSY

/** Whether an error of SQLite's says that the file is no database any more. */
const isDamage = (error: unknown): boolean => [SQLITE_CORRUPT, SQLITE_NOTADB].includes(codeOf(error))

/** What to tell whoever has a directory that is damaged so that a broker does not start on it. */
export const wayOut = (directory: string): string => `; 'warren doctor ${directory} --repair' saves what can be read`

/** ` (pid N)` of the process that has the directory; empty where it has the lock, but has not come to write its number yet. */
export function holderOf(directory: string): string {
  try {
    return ` (pid ${readFileSync(join(directory, PID_FILE), 'utf8').trim()})`
  } catch {
    return ''
  }
}

/** Databases that this process has locked. The number in the file would not tell: a process in another container may have the same. */
const ours = new Set<string>()

/** Who has the directory, for an error's text. */
const inUseBy = (directory: string): string =>
  ours.has(realpathSync(join(directory, DATABASE_FILE)))
    ? `this very process${holderOf(directory)}: probably by a broker that was not stopped (await broker.stop())`
    : `another process${holderOf(directory)}`

export class DirectoryLock {
  /** Of the directory as it was found; 0 where it is new. */
  readonly format: number
  readonly #database: DatabaseSync
  readonly #pidFile: string
  /** Without symbolic links. */
  readonly #file: string

  /** @throws MetadataStoreError when somebody has the directory, or a newer program had it: nothing is touched then */
  constructor(directory: string) {
    const file = join(directory, DATABASE_FILE)
    this.#pidFile = join(directory, PID_FILE)
    try {
      createPrivately(file)
      this.#database = new DatabaseSync(file)
    } catch (error) {
      throw new MetadataStoreError(`data directory ${directory} cannot be used: ${(error as Error).message}`)
    }
    try {
      this.#lock(directory)
      this.format = this.#readFormat(file)
      writeFileSync(this.#pidFile, `${process.pid}\n`)
      ours.add((this.#file = realpathSync(file)))
    } catch (error) {
      this.#database.close()
      throw error
    }
  }

  /** In exclusive mode the locks of this first transaction stay until the database is closed. */
  #lock(directory: string): void {
    try {
      this.#database.exec('PRAGMA locking_mode = EXCLUSIVE')
      this.#database.exec('BEGIN EXCLUSIVE')
    } catch (error) {
      throw new MetadataStoreError(
        isBusy(error)
          ? `data directory ${directory} is in use by ${inUseBy(directory)}`
          : `data directory ${directory} cannot be used: ${DATABASE_FILE}: ${(error as Error).message}${isDamage(error) && existsSync(join(directory, FOLDER)) ? wayOut(directory) : ''}`,
      )
    }
  }

  /** Ends the transaction that `#lock` began. */
  #readFormat(file: string): number {
    const format = readFormat(this.#database)
    this.#database.exec('COMMIT')
    if (format <= DIRECTORY_FORMAT) return format
    throw new MetadataStoreError(newerFormatText(file, format, DIRECTORY_FORMAT))
  }

  /** JSON by key, of a directory whose format has the metadata in the database. */
  rows(): Map<string, string> {
    const rows = new Map<string, string>()
    readTable(this.#database, rows)
    return rows
  }

  /** Marks the directory as one of the newest format, and empties the database, in one step. */
  upgrade(): void {
    const hadTable = hasTable(this.format)
    if (hadTable) this.#database.exec('PRAGMA journal_mode = DELETE')
    this.#database.exec('BEGIN')
    if (hadTable) this.#database.exec('DROP TABLE metadata')
    this.#database.exec(`PRAGMA user_version = ${DIRECTORY_FORMAT}`)
    this.#database.exec('COMMIT')
    // password hashes have been in it
    if (hadTable) this.#database.exec('VACUUM')
  }

  release(): void {
    rmSync(this.#pidFile, { force: true }) // while the lock is ours: afterwards it may be the file of the next process
    this.#database.close()
    ours.delete(this.#file)
  }
}

/**
 * What was in the directory before is nobody else's business; SQLite gives its side files the mode of the main one. An existing file must not
 * be opened here: closing it would drop the POSIX locks that another connection of this process may hold on it.
 */
function createPrivately(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}
