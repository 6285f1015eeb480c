import { posix } from 'node:path'
import type { StoreFiles } from '../files.ts'
import { applyFrame, type FileEnd, type FileKind, FOLDER, nameOf, parseName, readFrames, UNFINISHED } from './format.ts'

export interface Damage {
  readonly file: string
  readonly offset: number
  readonly reason: string
}

/** What the files of a data directory say. */
export interface Replayed {
  /** JSON by key: all that could be read. */
  readonly rows: Map<string, string>
  readonly snapshotBytes: number
  /** Of all logs since the snapshot, without what is behind their last frames. */
  readonly logBytes: number
  /** The log that is to be written to, the last one with anything in it; null where there is none at all. */
  readonly last: { readonly number: number; readonly end: FileEnd } | null
  /** Number of the snapshot; 0 where there is none. */
  readonly snapshot: number
  readonly damage: readonly Damage[]
}

/**
 * Reads the newest snapshot and the logs since, and changes nothing.
 * @param before logs from this number on, and snapshots above it, are left out
 * @throws MetadataStoreError when a file is newer than this program
 */
export async function replay(files: StoreFiles, before = Infinity): Promise<Replayed> {
  const { snapshot, logs, missing } = await findFiles(files, before)
  const reader = new Reader(files)
  if (snapshot > 0) await reader.snapshot(snapshot)
  for (const number of missing) reader.damaged(nameOf(number, 'log'), 0, 'it is missing')
  for (const number of logs) await reader.log(number)
  const { rows, snapshotBytes, logBytes, last, damage } = reader
  return { rows, snapshot, snapshotBytes, logBytes, last, damage }
}

/** What there is of files: numbers, in order. */
export interface FoundFiles {
  /** The newest one; 0 where there is none. */
  readonly snapshot: number
  /** Those since the snapshot. */
  readonly logs: readonly number[]
  /** Logs that have to be there, and are not. */
  readonly missing: readonly number[]
}

/** @param before logs from this number on, and snapshots above it, are left out */
export async function findFiles(files: StoreFiles, before = Infinity): Promise<FoundFiles> {
  const found = (await files.list(FOLDER)).flatMap((name) => parseName(name) ?? [])
  const numbers = (kind: FileKind): number[] =>
    found
      .filter((file) => file.kind === kind)
      .map(({ number }) => number)
      .toSorted((a, b) => a - b)
  const snapshot = numbers('snapshot').findLast((number) => number <= before) ?? 0
  const logs = numbers('log').filter((number) => number >= snapshot && number < before)
  return { snapshot, logs, missing: missingLogs(snapshot, logs) }
}

/** Names of the files that nobody needs once there is this snapshot, and none is being made. */
export async function staleFiles(files: StoreFiles, snapshot: number): Promise<string[]> {
  const names = await files.list(FOLDER)
  const isStale = (name: string): boolean => {
    const found = parseName(name)
    return found === null ? name.endsWith(UNFINISHED) : found.number < snapshot
  }
  return names.filter(isStale).map((name) => posix.join(FOLDER, name))
}

/** A snapshot is made when the log of its number is there, and each log when the one before is whole. */
function missingLogs(snapshot: number, logs: readonly number[]): number[] {
  const first = Math.max(snapshot, 1)
  const last = logs.at(-1) ?? (snapshot > 0 ? snapshot : 0)
  const all = Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i)
  return all.filter((number) => !logs.includes(number))
}

export const CHANGED = 'what is there is not what was written'

class Reader {
  readonly rows = new Map<string, string>()
  readonly damage: Damage[] = []
  snapshotBytes = 0
  logBytes = 0
  last: Replayed['last'] = null
  readonly #files: StoreFiles

  constructor(files: StoreFiles) {
    this.#files = files
  }

  damaged(file: string, offset: number, reason: string): void {
    this.damage.push({ file, offset, reason })
  }

  async snapshot(number: number): Promise<void> {
    const name = nameOf(number, 'snapshot')
    const { at, size, isClosed } = await this.#read(name)
    this.snapshotBytes = at
    if (at < size) this.damaged(name, at, CHANGED)
    else if (!isClosed) this.damaged(name, at, 'its end is missing')
  }

  async log(number: number): Promise<void> {
    const name = nameOf(number, 'log')
    const end = await this.#read(name)
    // one that was made, and then not used after all: the one before is still written to
    if (this.last !== null && end.at === 0 && end.state === 'clean') return
    if (this.last !== null && this.last.end.state === 'torn') {
      this.damaged(nameOf(this.last.number, 'log'), this.last.end.at, CHANGED)
    }
    if (end.state === 'damaged') this.damaged(name, end.at, CHANGED)
    this.logBytes += end.at
    this.last = { number, end }
  }

  async #read(name: string): Promise<FileEnd> {
    const file = await this.#files.open(name, 'read', false)
    try {
      return await readFrames(file, name, (content) => applyFrame(content, this.rows))
    } finally {
      await file.close()
    }
  }
}
