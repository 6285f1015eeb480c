import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { isKey } from '../core/catalog.ts'
import type { StoreFiles } from '../store/files.ts'
import {
  DATABASE_FILE,
  DIRECTORY_FORMAT,
  hasTable,
  holderOf,
  isBusy,
  readFormat,
  readTable,
} from '../store/metadata-log/directory-lock.ts'
import { FOLDER } from '../store/metadata-log/format.ts'
import { type DamagedPlace, salvage } from '../store/metadata-log/salvage.ts'
import { newerFormatText } from '../store/newer-format.ts'

/** What keeps the directory from being looked at. The text is for whoever asked. */
export class DirectoryError extends Error {
  override readonly name = 'DirectoryError'
}

const IN_DATABASE = { file: DATABASE_FILE, offset: 0, bytes: 0 } as const

/** Offset in a file of SQLite of what tells whether its log is a file of its own, and the value that says so. */
const WRITE_VERSION = { at: 18, withLog: 2 } as const

/** @throws DirectoryError where there is no data directory */
export function requireDataDirectory(directory: string): void {
  if (!existsSync(directory)) throw new DirectoryError(`${directory} does not exist`)
  if (!statSync(directory).isDirectory()) throw new DirectoryError(`${directory} is not a directory`)
  if (!existsSync(join(directory, DATABASE_FILE)) && !existsSync(join(directory, 'messages'))) {
    throw new DirectoryError(
      `${directory} is not a data directory of WarrenMQ: it has neither metadata.sqlite nor messages`,
    )
  }
}

/**
 * A broker that has the directory holds SQLite's lock. Up to format 3 the database had a log beside it as long as it was open: to ask for the
 * lock while there is none would make an empty one. Else nothing is made or changed.
 * @throws DirectoryError when the directory is in use
 */
export function requireUnused(directory: string): void {
  const file = join(directory, DATABASE_FILE)
  if (!existsSync(file) || (!existsSync(`${file}-wal`) && hasLog(file))) return
  const url = pathToFileURL(file)
  url.search = '?mode=ro&readonly_shm=1'
  let database: DatabaseSync | null = null
  try {
    database = new DatabaseSync(url, { readOnly: true, timeout: 0 })
    database.prepare('PRAGMA schema_version').get()
  } catch (error) {
    // anything else than a lock, such as that it is no database or cannot be opened without a write, is told by those who read it
    if (!isBusy(error)) return
    throw new DirectoryError(
      `data directory ${directory} is in use by another process${holderOf(directory)}: stop it, or look at a copy of the directory`,
    )
  } finally {
    database?.close()
  }
}

const hasLog = (file: string): boolean => readFileSync(file)[WRITE_VERSION.at] === WRITE_VERSION.withLog

export interface Metadata {
  readonly format: number
  /** By key, as in src/core/catalog.ts. */
  readonly rows: ReadonlyMap<string, unknown>
  readonly problems: readonly MetadataProblem[]
}

export interface MetadataProblem {
  readonly file: string
  readonly offset: number
  readonly bytes: number
  readonly reason: string
}

/** Keys that are told of one place. */
const KEYS_SHOWN = 10

function problemOf({ file, offset, bytes, reason, isMended, taken, lost }: DamagedPlace): MetadataProblem {
  const shown = (what: string, items: readonly string[]): string => {
    if (items.length === 0) return ''
    const more = items.length > KEYS_SHOWN ? `, and ${items.length - KEYS_SHOWN} more` : ''
    return `; ${what}: ${items.slice(0, KEYS_SHOWN).join(', ')}${more}`
  }
  const mended = isMended ? '; what was written can be told' : ''
  return {
    file,
    offset,
    bytes,
    reason: `${reason}${mended}${shown('taken as it is there', taken)}${shown('lost', lost)}`,
  }
}

/**
 * Reads the metadata, and changes nothing.
 * @returns null where there is none @throws DirectoryError, MetadataStoreError when the format is newer than this program
 */
export async function readMetadata(directory: string, files: StoreFiles): Promise<Metadata | null> {
  const database = readCopy(directory)
  if ((database !== null && hasTable(database.format)) || !existsSync(join(directory, FOLDER))) return database
  const { rows, places } = await salvage(files)
  const problems = [...(database?.problems ?? []), ...places.map(problemOf)]
  return { format: database?.format ?? 0, rows: parsed(rows, FOLDER, problems), problems }
}

/** @param file where they are from */
function parsed(rows: ReadonlyMap<string, string>, file: string, problems: MetadataProblem[]): Map<string, unknown> {
  const values = new Map<string, unknown>()
  for (const [key, json] of rows) {
    if (!isKey(key)) {
      problems.push({ file, offset: 0, bytes: 0, reason: `${key} is no key` })
      continue
    }
    try {
      values.set(key, JSON.parse(json))
    } catch {
      problems.push({ file, offset: 0, bytes: 0, reason: `the value of ${key} is not JSON` })
    }
  }
  return values
}

/** Whoever opens a database of SQLite may have to write, so that a copy is opened. */
function readCopy(directory: string): Metadata | null {
  const name = DATABASE_FILE
  if (!existsSync(join(directory, name))) return null
  const folder = mkdtempSync(join(tmpdir(), 'warren-doctor-')) // nobody else's to read: there are password hashes
  try {
    for (const suffix of ['', '-wal', '-journal']) {
      const file = join(directory, `${name}${suffix}`)
      if (existsSync(file)) copyFileSync(file, join(folder, `${name}${suffix}`))
    }
    return readDatabase(join(folder, name), join(directory, name))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** @param copy of the database @param file its own name */
function readDatabase(copy: string, file: string): Metadata {
  const rows = new Map<string, string>()
  const problems: MetadataProblem[] = []
  let format = 0
  let database: DatabaseSync | null = null
  try {
    database = new DatabaseSync(copy)
    format = readFormat(database)
    if (format > DIRECTORY_FORMAT) throw new DirectoryError(newerFormatText(file, format, DIRECTORY_FORMAT))
    for (const row of database.prepare('PRAGMA integrity_check(20)').all()) {
      const text = String(row['integrity_check'])
      if (text !== 'ok') problems.push({ ...IN_DATABASE, reason: text })
    }
    if (hasTable(format)) readTable(database, rows)
  } catch (error) {
    if (error instanceof DirectoryError) throw error
    problems.push({ ...IN_DATABASE, reason: (error as Error).message })
  } finally {
    database?.close()
  }
  return { format, rows: parsed(rows, DATABASE_FILE, problems), problems }
}
