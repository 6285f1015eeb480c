import { partsOf, type StoredQueue } from '../core/catalog.ts'
import { NO_MESSAGE } from '../core/message-record.ts'
import type { StoredSideLog } from '../core/side-logs.ts'
import { silentLog } from '../telemetry/log.ts'
import { Turn } from '../util/turn.ts'
import type { LoadedMessage, LoadVisitor, QueueEntry, QueueLog } from '../store/message-store.ts'
import { nodeFiles, type StoreFiles } from '../store/files.ts'
import { KIND_JOURNAL, offsetOf, SEGMENT_HEADER_BYTES, segmentOf } from '../store/journal/format.ts'
import { JournalStore } from '../store/journal/journal-store.ts'
import { queuesOf } from '../store/journal/record-reader.ts'
import { findSegments, readCheckpoint } from '../store/journal/recovery.ts'
import { scanSegment, WHOLLY_SYNCED } from '../store/journal/segment-scan.ts'
import { type Segment, Segments } from '../store/journal/segments.ts'
import { type Metadata, type MetadataProblem, readMetadata, requireDataDirectory, requireUnused } from './directory.ts'
import type { QueueName } from './export.ts'
import { overlayFiles } from './overlay-files.ts'

/** Messages read back at a time. */
const LOAD_MESSAGES = 1000
const LOAD_BYTES = 4 * 1024 * 1024
/** What exchanges and queues keep besides the messages that can be had from them. */
export const SIDE_LOG = 'side log'

export interface QueueReport extends QueueName {
  readonly type: string | null
  readonly messages: number
  readonly bytes: number
  /** Numbers of the first and last ready message, or 0. */
  readonly first: number
  readonly last: number
  /** Messages up to this number may have been delivered. */
  readonly deliveredUpTo: number
}

export interface SegmentReport {
  readonly file: string
  readonly kind: 'journal' | 'paging'
  readonly bytes: number
  /** Messages and index pages in it that are still wanted, and their bytes. */
  readonly live: number
  readonly liveBytes: number
  readonly compacted: boolean
}

export interface Problem {
  readonly file: string
  readonly offset: number
  readonly bytes: number
  readonly queues: readonly string[]
  readonly reason: string
}

export interface Report {
  readonly directory: string
  /** Null where the file is missing. */
  readonly metadataFormat: number | null
  readonly checkpoint: { readonly madeAt: string; readonly replayFrom: string } | null
  readonly queues: readonly QueueReport[]
  readonly segments: readonly SegmentReport[]
  /** What the last write left behind when the broker ended: cut off by the next start. */
  readonly tornBytes: number
  readonly problems: readonly Problem[]
}

/** Looks at a data directory that no broker uses, as a start would, and changes nothing. */
export class Inspection {
  readonly directory: string
  readonly #metadata: Metadata | null
  readonly #files: StoreFiles
  readonly #store: JournalStore
  readonly #names: ReadonlyMap<number, QueueName & { readonly type: string }>
  /** Of the messages. */
  readonly #problems: Problem[] = []
  #tornBytes = 0

  /** @throws DirectoryError, MetadataStoreError, MessageStoreError, NewerFormatError */
  static async open(directory: string): Promise<Inspection> {
    requireDataDirectory(directory)
    requireUnused(directory)
    const files = nodeFiles(directory)
    const metadata = await readMetadata(directory, files)
    const store = await JournalStore.open({
      files: overlayFiles(files),
      turn: new Turn(),
      log: silentLog,
      segmentBytes: 64 * 1024 * 1024,
      indexBytesMax: 256 * 1024 * 1024,
      checkpointBytes: Infinity,
      housekeepingMs: 0,
      onFailure: (error) => {
        throw error
      },
    })
    return new Inspection(directory, metadata, files, store)
  }

  private constructor(directory: string, metadata: Metadata | null, files: StoreFiles, store: JournalStore) {
    this.directory = directory
    this.#metadata = metadata
    this.#files = files
    this.#store = store
    this.#names = queueNames(metadata)
    store.onDamage(({ queueIds, ...found }) => this.#found({ ...found, queues: queueIds.map((id) => this.#label(id)) }))
  }

  #found(problem: Problem): void {
    const known = this.#problems.some(({ file, offset }) => file === problem.file && offset === problem.offset)
    if (!known) this.#problems.push(problem)
  }

  #label(id: number): string {
    const name = this.#names.get(id)
    return name === undefined ? `queue number ${id}` : `${name.queue} in ${name.vhost}`
  }

  /** Damage of the metadata. */
  get metadataProblems(): readonly MetadataProblem[] {
    return this.#metadata?.problems ?? []
  }

  /** Ids of what has messages: queues, and others that are in no row of the metadata. */
  idsWithMessages(): number[] {
    return this.#store.queueIds().filter((id) => this.#store.queue(id).counts().messages > 0)
  }

  /** Reads every record, whether a start would look at it or not. */
  async report(): Promise<Report> {
    const { checkpoint } = await readCheckpoint(this.#files)
    const { replayFrom = 0, madeAt = 0 } = checkpoint ?? {}
    await this.#scan(replayFrom)
    return {
      directory: this.directory,
      metadataFormat: this.#metadata?.format ?? null,
      checkpoint:
        checkpoint === null
          ? null
          : { madeAt: new Date(madeAt).toISOString(), replayFrom: this.#store.describeLocation(replayFrom) },
      queues: this.#queues(),
      segments: this.#segments(),
      tornBytes: this.#tornBytes,
      problems: [...this.metadataProblems.map((problem) => ({ ...problem, queues: [] })), ...this.#problems],
    }
  }

  /** Damage of the message store: every record is read. */
  async findMessageProblems(): Promise<readonly Problem[]> {
    const { checkpoint } = await readCheckpoint(this.#files)
    await this.#scan(checkpoint?.replayFrom ?? 0)
    return this.#problems
  }

  /** @param replayFrom what comes before it was on disk when the checkpoint was written */
  async #scan(replayFrom: number): Promise<void> {
    const { segments: found } = await findSegments(this.#files)
    const segments = new Segments(this.#files)
    const lastJournal = found.findLast(({ kind }) => kind === KIND_JOURNAL)
    for (const segment of found) {
      const isLast = segment === lastJournal && segment.id >= segmentOf(replayFrom)
      const syncedTo = isLast ? offsetIn(segment, replayFrom) : WHOLLY_SYNCED
      try {
        const { damages } = await scanSegment(segments, segment, SEGMENT_HEADER_BYTES, syncedTo, () => undefined)
        for (const { offset, length, bytes, isTail } of damages) {
          if (isTail) this.#tornBytes += length
          else
            this.#found({
              file: segment.name,
              offset,
              bytes: length,
              queues: this.#named(bytes),
              reason: 'no valid record',
            })
        }
      } catch (error) {
        this.#found({ file: segment.name, offset: 0, bytes: 0, queues: [], reason: (error as Error).message })
      }
    }
  }

  /** What a damaged record seems to say. */
  #named(bytes: Buffer): string[] {
    try {
      return [...queuesOf(bytes, 0)].filter((id) => this.#names.has(id)).map((id) => this.#label(id))
    } catch {
      return []
    }
  }

  #queues(): QueueReport[] {
    const ids = new Set([...this.#names.keys(), ...this.#store.queueIds()])
    const reports: QueueReport[] = []
    for (const id of [...ids].toSorted((a, b) => a - b)) {
      const log = this.#store.queue(id)
      const levels = log.recovered()
      const { messages, bodyBytes } = log.counts()
      const name = this.#names.get(id)
      // side logs are made when something may be kept, and most never have anything
      if (messages === 0 && (name === undefined || name.type === SIDE_LOG)) continue
      reports.push({
        vhost: name?.vhost ?? null,
        queue: name?.queue ?? null,
        id,
        type: name?.type ?? null,
        messages,
        bytes: bodyBytes,
        first: Math.min(...levels.map(({ from }) => from), Infinity) % Infinity || 0,
        last: Math.max(...levels.map(({ to }) => to), 0),
        deliveredUpTo: log.deliveredUpTo,
      })
    }
    return reports
  }

  #segments(): SegmentReport[] {
    return this.#store.segmentFacts().map(({ kind, ...facts }) => ({
      ...facts,
      kind: kind === KIND_JOURNAL ? 'journal' : 'paging',
    }))
  }

  /** Visits all messages of the queues that are wanted, in order. Call it once. */
  async eachMessage(
    isWanted: (queue: QueueName) => boolean,
    visit: (queue: QueueName, message: LoadedMessage) => void,
  ): Promise<void> {
    for (const id of this.#store.queueIds()) {
      const name = this.#names.get(id) ?? { vhost: null, queue: null, id }
      if (!isWanted(name)) continue
      // in a side log there may be notes
      const visitMessage = (message: LoadedMessage): void => {
        if (message.buffer[message.headOffset] !== NO_MESSAGE) visit(name, message)
      }
      const log = this.#store.queue(id)
      await loadAll((visitor) => log.loadRecovered(visitor), visitMessage)
      for (const { level, from, to } of log.recovered()) await eachOfLevel(log, level, from, to, visitMessage)
    }
  }

  async close(): Promise<void> {
    await this.#store.close()
  }
}

const offsetIn = ({ id }: Segment, location: number): number => (segmentOf(location) === id ? offsetOf(location) : 0)

async function eachOfLevel(
  log: QueueLog,
  level: number,
  from: number,
  to: number,
  visit: (message: LoadedMessage) => void,
): Promise<void> {
  for (let next = from; next <= to;) {
    const start = next
    const range = { level, from: start, to }
    await loadAll(
      (visitor) => log.load(range, LOAD_MESSAGES, LOAD_BYTES, visitor),
      (message) => {
        next = message.number + 1
        visit(message)
      },
      (number) => (next = number + 1),
    )
    if (next === start) return
  }
}

/** One load, from its beginning to its end. */
function loadAll(
  begin: (visitor: LoadVisitor) => void,
  visit: (message: LoadedMessage) => void,
  lost: (number: number) => void = () => {},
): Promise<void> {
  return new Promise((resolve) =>
    begin({
      onLoaded(message): QueueEntry | null {
        visit(message)
        return null
      },
      onLost: lost,
      onLoadEnd: resolve,
    }),
  )
}

function queueNames(metadata: Metadata | null): Map<number, QueueName & { readonly type: string }> {
  const names = new Map<number, QueueName & { readonly type: string }>()
  for (const [key, value] of metadata?.rows ?? []) {
    const [kind, vhost = '', name = '', ...rest] = partsOf(key)
    if (kind === 'queue') {
      const { id, type } = value as StoredQueue
      names.set(id, { vhost, queue: name, id, type })
    } else if (kind === 'side-log') {
      const [owner = '', purpose = ''] = rest
      const { id } = value as StoredSideLog
      names.set(id, { vhost, queue: `${`${name} ${owner}`.trimEnd()}: ${purpose}`, id, type: SIDE_LOG })
    }
  }
  return names
}
