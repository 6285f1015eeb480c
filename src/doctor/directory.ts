import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'

/** What keeps the directory from being looked at. The text is for whoever asked. */
export class DirectoryError extends Error {
  readonly kind: 'missing' | 'in use' | 'newer'

  constructor(kind: DirectoryError['kind'], text: string) {
    super(text)
    this.name = 'DirectoryError'
    this.kind = kind
  }
}

const SQLITE_BUSY = 5

/** Of `PRAGMA user_version`: see src/store/sqlite/metadata-worker.ts. */
const METADATA_FORMAT = 3

/** @throws DirectoryError where there is no data directory */
export function requireDataDirectory(directory: string): void {
  if (!existsSync(directory)) throw new DirectoryError('missing', `${directory} does not exist`)
  if (!statSync(directory).isDirectory()) throw new DirectoryError('missing', `${directory} is not a directory`)
  if (!existsSync(join(directory, 'metadata.sqlite')) && !existsSync(join(directory, 'messages'))) {
    throw new DirectoryError(
      'missing',
      `${directory} is not a data directory of WarrenMQ: it has neither metadata.sqlite nor messages`,
    )
  }
}

/**
 * A broker that has the directory holds SQLite's lock on the metadata, and has a log beside it as long as it does. To ask for the
 * lock while there is no log would make an empty one; while there is, nothing is made or changed.
 * @throws DirectoryError when the directory is in use
 */
export function requireUnused(directory: string): void {
  const file = join(directory, 'metadata.sqlite')
  if (!existsSync(`${file}-wal`)) return
  const url = pathToFileURL(file)
  url.search = '?mode=ro&readonly_shm=1'
  let database: DatabaseSync | null = null
  try {
    database = new DatabaseSync(url, { readOnly: true, timeout: 0 })
    database.prepare('PRAGMA schema_version').get()
  } catch (error) {
    // anything else than a lock, such as that it is no database or cannot be opened without a write, is told by those who read it
    if ((((error as { errcode?: number }).errcode ?? 0) & 0xff) !== SQLITE_BUSY) return
    throw new DirectoryError(
      'in use',
      `data directory ${directory} is in use by another process${holder(directory)}: stop it, or look at a copy of the directory`,
    )
  } finally {
    database?.close()
  }
}

function holder(directory: string): string {
  try {
    return ` (pid ${readFileSync(join(directory, 'metadata.pid'), 'utf8').trim()})`
  } catch {
    return ''
  }
}

export interface Metadata {
  readonly format: number
  /** By key, as in src/core/catalog.ts. */
  readonly rows: ReadonlyMap<string, unknown>
  /** What SQLite finds wrong with the file. */
  readonly problems: readonly string[]
}

/**
 * Reads the metadata from a copy, since whoever opens a database of SQLite may have to write.
 * @returns null where there is none @throws DirectoryError when the format is newer than this program
 */
export function readMetadata(directory: string): Metadata | null {
  const name = 'metadata.sqlite'
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

function readDatabase(copy: string, file: string): Metadata {
  const rows = new Map<string, unknown>()
  const problems: string[] = []
  let format = 0
  let database: DatabaseSync | null = null
  try {
    database = new DatabaseSync(copy)
    format = Number(database.prepare('PRAGMA user_version').get()!['user_version'])
    if (format > METADATA_FORMAT) {
      throw new DirectoryError(
        'newer',
        `${file} has format ${format}, written by a newer version of this program; this version reads up to format ${METADATA_FORMAT}`,
      )
    }
    for (const row of database.prepare('PRAGMA integrity_check(20)').all()) {
      const text = String(row['integrity_check'])
      if (text !== 'ok') problems.push(text)
    }
    if (format === 0) return { format, rows, problems }
    for (const row of database.prepare('SELECT key, value FROM metadata ORDER BY key').iterate()) {
      const key = String(row['key'])
      try {
        rows.set(key, JSON.parse(String(row['value'])))
      } catch {
        problems.push(`the value of ${key} is not JSON`)
      }
    }
  } catch (error) {
    if (error instanceof DirectoryError) throw error
    problems.push((error as Error).message)
  } finally {
    database?.close()
  }
  return { format, rows, problems }
}
