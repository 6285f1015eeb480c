import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { nodeFiles } from '../../src/store/files.ts'
import { replay } from '../../src/store/metadata-log/replay.ts'

/** Puts metadata into a directory as programs before format 4 did. @param rows JSON by key */
export function writeOlderMetadata(directory: string, format: number, rows: Iterable<readonly [string, string]>): void {
  const database = new DatabaseSync(join(directory, 'metadata.sqlite'))
  database.exec('PRAGMA journal_mode = WAL')
  database.exec('CREATE TABLE metadata (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID')
  const insert = database.prepare('INSERT INTO metadata VALUES (?, ?)')
  for (const row of rows) insert.run(...row)
  database.exec(`PRAGMA user_version = ${format}`)
  database.close()
}

/** Makes a data directory that nobody uses what it would be if an older program had written it. */
export async function makeOlder(directory: string, format: number): Promise<void> {
  const { rows } = await replay(nodeFiles(directory))
  for (const name of ['metadata', 'metadata.sqlite']) rmSync(join(directory, name), { recursive: true })
  writeOlderMetadata(directory, format, rows)
}
