import { posix } from 'node:path'
import type { Log } from '../../telemetry/log.ts'
import type { StoreFile, StoreFiles } from '../files.ts'
import { MetadataStoreError } from '../metadata-store.ts'
import { type Change, encodeFrame, encodeLine, END_FRAME, FOLDER, HEADER, nameOf } from './format.ts'
import { type Replayed, replay, staleFiles } from './replay.ts'
import { makeSnapshot } from './snapshot.ts'

/** Zeros that are put ahead of what is written: to overwrite them takes half as long as to make the file longer. */
const ROOM = Buffer.alloc(64 * 1024)
/** Logs smaller than this are not worth a snapshot. */
const SNAPSHOT_LOG_BYTES = 1024 * 1024

/** With what is left out there may go messages, so that it is for a person to decide. */
export class DamagedMetadataError extends MetadataStoreError {}

export interface MetadataLogOptions {
  readonly files: StoreFiles
  readonly log: Log
  /** Bytes of logs from which on a snapshot is made, where the last one was smaller; 1 MiB unless given. */
  readonly snapshotLogBytes?: number
  /** `makeSnapshot`, unless it is to be done elsewhere. */
  readonly makeSnapshot?: (number: number) => Promise<number>
}

/**
 * The files of the metadata: appends changes to the last log, and puts a snapshot in the place of logs that have become longer than what they
 * say. One call at a time, but for `tidied` and `close`.
 */
export class MetadataLog {
  readonly #files: StoreFiles
  readonly #log: Log
  readonly #snapshotLogBytes: number
  readonly #makeSnapshot: (number: number) => Promise<number>
  #file: StoreFile
  /** Of the log that is written to. */
  #number: number
  /** Where the next frame comes to be, and what the file has beyond. */
  #position: number
  #size: number
  #isClosed: boolean
  #snapshotBytes: number
  /** Of all logs since the snapshot. */
  #logBytes: number
  /** Ends with the snapshot that is being made. */
  #snapshot: Promise<void> | null = null

  /**
   * Opens what is there, or makes it.
   * @returns the log, and the JSON of all keys
   * @throws DamagedMetadataError; MetadataStoreError where a file is newer than this program
   */
  static async open(options: MetadataLogOptions): Promise<{ log: MetadataLog; rows: Map<string, string> }> {
    const { files } = options
    await files.makeFolder(FOLDER)
    await files.syncFolder('.')
    const found = await replay(files)
    const [damage] = found.damage
    if (damage !== undefined) {
      throw new DamagedMetadataError(`${damage.file} is damaged at byte ${damage.offset}: ${damage.reason}`)
    }
    const file = found.last === null ? await create(files, 1) : await reopen(files, found.last)
    for (const name of await staleFiles(files, found.snapshot)) await files.remove(name)
    return { log: new MetadataLog(options, found, file), rows: found.rows }
  }

  private constructor(options: MetadataLogOptions, { last, logBytes, snapshotBytes }: Replayed, file: StoreFile) {
    this.#files = options.files
    this.#log = options.log
    this.#snapshotLogBytes = options.snapshotLogBytes ?? SNAPSHOT_LOG_BYTES
    this.#makeSnapshot = options.makeSnapshot ?? ((number) => makeSnapshot(options.files, number))
    this.#file = file
    this.#number = last?.number ?? 1
    this.#position = last?.end.at ?? 0
    this.#size = last === null || last.end.state === 'torn' ? this.#position : last.end.size
    // a log without anything in it needs no end
    this.#isClosed = last?.end.isClosed ?? this.#position === 0
    this.#logBytes = logBytes
    this.#snapshotBytes = snapshotBytes
  }

  /** Resolves when the changes are on disk. What is on disk after an error is unknown. */
  async append(changes: Iterable<Change>): Promise<void> {
    let lines = ''
    for (const change of changes) lines += encodeLine(change)
    await this.#write(encodeFrame(lines))
    this.#isClosed = false
    const isLong = this.#logBytes > Math.max(this.#snapshotLogBytes, this.#snapshotBytes)
    if (isLong && this.#snapshot === null) await this.#beginSnapshot()
  }

  async #write(frame: Buffer): Promise<void> {
    const parts = this.#position === 0 ? [HEADER, frame] : [frame]
    const end = this.#position + parts.reduce((sum, { length }) => sum + length, 0)
    const needsRoom = end > this.#size
    if (needsRoom) parts.push(ROOM)
    await this.#file.write(parts, this.#position)
    if (needsRoom) this.#size = end + ROOM.length
    this.#logBytes += end - this.#position
    this.#position = end
  }

  /** Goes on with a new log, while a snapshot of what is in the ones before is written. Where it fails, they stay. */
  async #beginSnapshot(): Promise<void> {
    const number = this.#number + 1
    let file: StoreFile
    try {
      file = await create(this.#files, number)
    } catch (error) {
      this.#tellFailure(error)
      return
    }
    await this.#file.close()
    this.#file = file
    this.#number = number
    this.#position = 0
    this.#size = 0
    this.#isClosed = true
    this.#snapshot = this.#writeSnapshot(number)
      .catch((error: unknown) => this.#tellFailure(error))
      .finally(() => {
        this.#snapshot = null
      })
  }

  /** The next one is tried when as much has been written again. */
  #tellFailure(error: unknown): void {
    this.#snapshotBytes = Math.max(this.#snapshotBytes, this.#logBytes * 2)
    this.#log.warn('a snapshot of the metadata could not be written; its logs stay', { err: error })
  }

  async #writeSnapshot(number: number): Promise<void> {
    const logBytes = this.#logBytes
    this.#snapshotBytes = await this.#makeSnapshot(number)
    this.#logBytes -= logBytes
    for (const name of await staleFiles(this.#files, number)) await this.#files.remove(name)
  }

  /** Resolves when no snapshot is being made. */
  async tidied(): Promise<void> {
    await this.#snapshot
  }

  /** Says in the log that all of it was there, unless a write failed. */
  async close(isSound: boolean): Promise<void> {
    await this.#snapshot
    try {
      if (!isSound) return
      if (!this.#isClosed) await this.#write(END_FRAME)
      if (this.#size > this.#position) await this.#file.truncate(this.#position)
    } finally {
      await this.#file.close()
    }
  }
}

/** One that is there already was made before, and then not used. */
export async function create(files: StoreFiles, number: number): Promise<StoreFile> {
  const name = nameOf(number, 'log')
  const names = await files.list(FOLDER)
  const mode = names.some((other) => posix.join(FOLDER, other) === name) ? 'write' : 'create'
  return withFile(await files.open(name, mode, true), () => files.syncFolder(FOLDER))
}

/**
 * Cuts off what was being written when the process ended. The rest, and its name, may be there without being on disk, and are from now on: what
 * is written next must not outlive what is before it.
 */
async function reopen(files: StoreFiles, { number, end }: NonNullable<Replayed['last']>): Promise<StoreFile> {
  const file = await files.open(nameOf(number, 'log'), 'write', true)
  return withFile(file, async () => {
    if (end.state === 'torn') await file.truncate(end.at)
    await file.sync()
    await files.syncFolder(FOLDER)
  })
}

async function withFile(file: StoreFile, prepare: () => Promise<void>): Promise<StoreFile> {
  try {
    await prepare()
    return file
  } catch (error) {
    await file.close()
    throw error
  }
}
