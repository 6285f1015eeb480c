import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { nodeFiles } from '../../src/store/files.ts'
import { JournalStore } from '../../src/store/journal/journal-store.ts'
import {
  type Content,
  type LoadedMessage,
  type MessageStore,
  type QueueEntry,
  type QueueLog,
  type Range,
} from '../../src/store/message-store.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { Turn } from '../../src/util/turn.ts'
import { StoreTestEntry } from '../support/store-test-entry.ts'
import { PagingStore } from '../support/paging-store.ts'
import { eventually } from '../support/with-broker.ts'

// Stores and messages for the tests of what every store does with the records of queues.

export const ALL = Number.MAX_SAFE_INTEGER

export class TestContent implements Content {
  buffer: Buffer
  propertiesOffset = 0
  propertiesLength = 4
  bodyOffset = 4
  bodyLength: number
  slab: object | null = null
  position = 0
  references = 1
  pending: QueueEntry | null = null

  constructor(text: string) {
    this.buffer = Buffer.from(`prop${text}`)
    this.bodyLength = this.buffer.length - 4
  }

  headRoom(): number {
    return 16
  }

  writeHead(out: Buffer, at: number): number {
    return at + out.write('head', at)
  }
}

export class TestEntry extends StoreTestEntry<TestContent> {}

export interface Implementation {
  readonly store: MessageStore
  /** Lets what was asked for happen. */
  settle(): Promise<void>
  /** The store of the next process after this one ended without a word. */
  crash(): Promise<Implementation>
}

export type Open = (t: TestContext) => Promise<Implementation>

/** Waits until a journal has given up the rows of some pages; other stores have none. */
export async function rowsOnDisk(store: MessageStore, log: QueueLog): Promise<void> {
  if (store instanceof JournalStore) await eventually(() => log.counts().pagedOut > 1000)
}

/** A process that is killed leaves its files as they are: the next one works on a copy, since the first is not really gone. */
export async function journalIn(folder: string, opened: JournalStore[]): Promise<Implementation> {
  const turn = new Turn()
  const store = await JournalStore.open({
    files: nodeFiles(folder),
    turn,
    log: silentLog,
    segmentBytes: 64 * 1024,
    indexBytesMax: 16 * 1024,
    checkpointBytes: 1024 * 1024,
    housekeepingMs: 0,
    onFailure: (error) => assert.fail(error),
  })
  opened.push(store)
  return {
    store,
    settle: async () => {
      await new Promise(setImmediate)
      await store.drained()
      await new Promise(setImmediate)
    },
    crash: () => {
      const copy = `${folder}-`
      cpSync(folder, copy, { recursive: true })
      return journalIn(copy, opened)
    },
  }
}

export function pagingOf(store: PagingStore): Implementation {
  return {
    store,
    settle: () => {
      while (store.io());
      return Promise.resolve()
    },
    crash: () => Promise.resolve(pagingOf(store.crash())),
  }
}

export const implementations: Readonly<Record<string, Open>> = {
  journal: (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'warren-test-'))
    const opened: JournalStore[] = []
    t.after(async () => {
      await Promise.all(opened.map((store) => store.close()))
      for (const copy of [folder, `${folder}-`, `${folder}--`]) rmSync(copy, { recursive: true, force: true })
    })
    return journalIn(folder, opened)
  },
  'paging store of the tests': () => Promise.resolve(pagingOf(new PagingStore())),
}

export function put(
  store: MessageStore,
  log: QueueLog,
  number: number,
  options: { level?: number; expiresAt?: number } = {},
): TestEntry {
  const content = new TestContent(`message ${number}`)
  store.adopt(content)
  const entry = new TestEntry(number, content, options.level, options.expiresAt)
  content.position = log.enqueue(entry)
  return entry
}

export interface Seen {
  readonly number: number
  readonly text: string
  readonly redelivered: boolean
  readonly deliveryCount: number
  readonly acquiredCount: number
  readonly state: number
  readonly dueAt: number
  readonly mark: number
}

export const seen = (loaded: LoadedMessage): Seen => ({
  number: loaded.number,
  text:
    loaded.buffer.toString('latin1', loaded.headOffset, loaded.headOffset + loaded.headLength) +
    loaded.buffer.toString('latin1', loaded.bodyOffset, loaded.bodyOffset + loaded.bodyLength),
  redelivered: loaded.redelivered,
  deliveryCount: loaded.deliveryCount,
  acquiredCount: loaded.acquiredCount,
  state: loaded.state,
  dueAt: loaded.dueAt,
  mark: loaded.mark,
})

export async function read(
  implementation: Implementation,
  begin: (visitor: Parameters<QueueLog['loadRecovered']>[0]) => void,
): Promise<{ found: Seen[]; entries: TestEntry[] }> {
  const found: Seen[] = []
  const entries: TestEntry[] = []
  await new Promise<void>((resolve) => {
    begin({
      onLoaded: (message) => {
        found.push(seen(message))
        const entry = new TestEntry(message.number, new TestContent(''), message.level, message.expiresAt)
        entry.message.bodyLength = message.bodyLength
        entries.push(entry)
        return entry
      },
      onLost: (number) => assert.fail(`message ${number} is lost`),
      onLoadEnd: resolve,
    })
    void implementation.settle()
  })
  return { found, entries }
}

export const load = (
  implementation: Implementation,
  log: QueueLog,
  range: Partial<Range> = {},
  max = 10_000,
): Promise<{ found: Seen[]; entries: TestEntry[] }> =>
  read(implementation, (visitor) => log.load({ from: 0, to: ALL, level: 0, ...range }, max, 64 * 1024 * 1024, visitor))

export const loadLast = (
  implementation: Implementation,
  log: QueueLog,
  range: Partial<Range>,
  max: number,
): Promise<{ found: Seen[] }> =>
  read(implementation, (visitor) =>
    log.loadLast({ from: 0, to: ALL, level: 0, ...range }, max, 64 * 1024 * 1024, visitor),
  )

export async function collectExpiring(
  implementation: Implementation,
  log: QueueLog,
  after: number,
  until: number,
): Promise<[number, number][]> {
  const told: [number, number][] = []
  await new Promise<void>((resolve) => {
    log.collectExpiring(after, until, {
      onExpiring: (number, expiresAt) => told.push([number, expiresAt]),
      onCollectEnd: resolve,
    })
    void implementation.settle()
  })
  return told.sort(([a], [b]) => a - b)
}

/** By level, how many messages were ready when the store was opened. */
export const recoveredCounts = (log: QueueLog): Record<number, number> =>
  Object.fromEntries(log.recovered().map(({ level, count: messages }) => [level, messages]))
export const numbersOf = (found: readonly Seen[]): number[] => found.map(({ number }) => number)
export const count = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i)
