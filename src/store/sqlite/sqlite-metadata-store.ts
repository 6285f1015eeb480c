import { mkdirSync } from 'node:fs'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { type MetadataStore, MetadataStoreError } from '../metadata-store.ts'
import type { WorkerInput, WorkerReply, WorkerRequest } from './metadata-worker.ts'

/**
 * Opens, or creates, the metadata database of a data directory. One process at a time may have it open; a lock that a killed
 * process left behind does not count.
 * @throws MetadataStoreError `data directory D is in use by another process (pid N)`, that the format is newer than this program
 * knows, or what else keeps it from being opened
 */
export async function openSqliteMetadataStore(directory: string): Promise<SqliteMetadataStore> {
  try {
    // so that the thread has started when this returns: a start loads the broker meanwhile
    mkdirSync(directory, { recursive: true })
  } catch (error) {
    throw new MetadataStoreError(`data directory ${directory} cannot be made: ${(error as Error).message}`)
  }
  const store = new SqliteMetadataStore(directory)
  await store.opened
  return store
}

/** A closed batch, and the promise that all commits joined in it share. */
interface Batch extends PromiseWithResolvers<void> {
  readonly changes: Map<string, string | null>
}

export class SqliteMetadataStore implements MetadataStore {
  /** The format that the data directory had before it was opened, if that was an older one; else null. */
  upgradedFrom: number | null = null
  /** Rejects, with the thread gone, when the database could not be opened. */
  readonly opened: Promise<void>
  readonly #worker: Worker
  readonly #exited: Promise<void>
  /** The worker answers in order, so the oldest request owns the next reply. */
  readonly #requests: PromiseWithResolvers<WorkerReply>[] = []
  #open = new Map<string, string | null>()
  #waiting: Batch | null = null
  #writing: Batch | null = null
  #failure: Error | null = null
  #closing: Promise<void> | null = null

  constructor(directory: string) {
    // The worker is a .ts file beside this one when run from sources, a .js file when compiled.
    const script = new URL(`./metadata-worker${extname(import.meta.url)}`, import.meta.url)
    // Without our own flags: `node --input-type=module -e …` and test runners have some that a worker refuses.
    this.#worker = new Worker(script, { workerData: { directory } satisfies WorkerInput, execArgv: [] })
    this.#exited = new Promise((resolve) => this.#worker.once('exit', () => resolve()))
    this.#worker.on('message', (reply: WorkerReply) => this.#onReply(reply))
    this.#worker.on('error', (error) => this.#fail(error as Error))
    this.#worker.on('exit', () => this.#fail(new Error('the metadata store is closed')))
    this.opened = this.#expectReply().then(
      ({ upgradedFrom }) => {
        this.upgradedFrom = upgradedFrom
      },
      async (error: unknown) => {
        await this.#exited
        throw error
      },
    )
  }

  async load(): Promise<Iterable<readonly [key: string, value: unknown]>> {
    const { rows } = await this.#request({ type: 'load' })
    return parseRows(rows)
  }

  put(key: string, value: unknown): void {
    this.#assertOpen()
    const json = JSON.stringify(value) as string | undefined
    if (json === undefined) throw new TypeError(`no JSON value for metadata key ${key}`)
    this.#open.set(key, json)
  }

  delete(key: string): void {
    this.#assertOpen()
    this.#open.set(key, null)
  }

  get dirty(): boolean {
    return this.#open.size > 0
  }

  commit(): Promise<void> {
    if (this.#closing !== null) return Promise.reject(new Error('the metadata store is closed'))
    return this.#commit()
  }

  settled(): Promise<void> | null {
    const isIdle = this.#open.size === 0 && this.#waiting === null && this.#writing === null
    return isIdle && this.#failure === null ? null : this.commit()
  }

  /** Gives back the memory that the start of the thread has left, some 2 MB. What is written meanwhile waits for it, some 10 ms. */
  giveBackMemory(): void {
    this.#worker.postMessage({ type: 'give back' } satisfies WorkerRequest)
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
    while (this.#waiting !== null) {
      const batch = this.#waiting
      this.#writing = batch
      this.#waiting = null
      try {
        await this.#request({ type: 'commit', changes: [...batch.changes] })
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
      this.#worker.postMessage({ type: 'close' } satisfies WorkerRequest)
      await this.#exited
    }
  }

  #request(request: WorkerRequest): Promise<WorkerReply> {
    if (this.#failure !== null) return Promise.reject(this.#failure)
    this.#worker.postMessage(request)
    return this.#expectReply()
  }

  #expectReply(): Promise<WorkerReply> {
    const request = Promise.withResolvers<WorkerReply>()
    this.#requests.push(request)
    return request.promise
  }

  #onReply(reply: WorkerReply): void {
    const request = this.#requests.shift()
    if (request === undefined) return
    if (reply.error === null) request.resolve(reply)
    else request.reject(new MetadataStoreError(reply.error))
  }

  /** What is on disk after a failed write is unknown: everything from here on is refused with the first error. */
  #fail(error: Error): void {
    this.#failure ??= error
    this.#writing?.reject(this.#failure)
    this.#waiting?.reject(this.#failure)
    this.#writing = null
    this.#waiting = null
    for (const request of this.#requests.splice(0)) request.reject(this.#failure)
  }

  #assertOpen(): void {
    if (this.#closing !== null) throw new Error('the metadata store is closed')
  }
}

function* parseRows(rows: WorkerReply['rows']): Generator<readonly [key: string, value: unknown]> {
  for (const [key, json] of rows) yield [key, JSON.parse(json)]
}
