import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MetadataLog } from '../../src/store/metadata-log/metadata-log.ts'
import { LogMetadataStore } from '../../src/store/metadata-log/log-metadata-store.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { SimulatedDisk } from '../support/simulated-disk.ts'
import type { Choose } from '../support/simulated-inode.ts'
import { nextTurn } from './driver.ts'
import { crash, diskOptions, eachSeed, FIRST_SEED } from './seeds.ts'

const LIVES = 6
const STEPS_MAX = 80
/** So few that snapshots are made all the time. */
const SNAPSHOT_LOG_BYTES = 300

type Rows = Readonly<Record<string, unknown>>

const openStore = (files: SimulatedDisk): Promise<LogMetadataStore> =>
  LogMetadataStore.open({ files, log: silentLog, snapshotLogBytes: SNAPSHOT_LOG_BYTES })
const contents = async (store: LogMetadataStore): Promise<Rows> => Object.fromEntries(await store.load())

/** What may be there after a crash: what was said to be on disk, or any state since. */
class Expected {
  /** States between which nothing may be: after each commit that was asked for. */
  #states: Rows[] = [{}]
  #open: Rows = {}

  change(key: string, value: unknown): void {
    const { [key]: _, ...others } = this.#open
    this.#open = value === undefined ? others : { ...others, [key]: value }
  }

  /** @returns what is to be called when it is on disk */
  commit(): () => void {
    const state = this.#open
    if (this.#states.at(-1) !== state) this.#states.push(state)
    return () => {
      const at = this.#states.indexOf(state)
      if (at > 0) this.#states.splice(0, at)
    }
  }

  /** @throws AssertionError where it is none of them */
  found(rows: Rows): void {
    const known = this.#states.find((state) => isSame(state, rows))
    if (known === undefined) assert.deepEqual(rows, this.#states[0], `and ${this.#states.length - 1} later states`)
    this.#states = [rows]
    this.#open = rows
  }
}

const sorted = (rows: Rows): string => JSON.stringify(Object.entries(rows).sort(([a], [b]) => (a < b ? -1 : 1)))
const isSame = (a: Rows, b: Rows): boolean => sorted(a) === sorted(b)

async function life(store: LogMetadataStore, expected: Expected, choose: Choose): Promise<void> {
  for (let steps = choose(STEPS_MAX); steps > 0; steps--) {
    for (let changes = choose(4); changes > 0; changes--) {
      const key = `key/${choose(12)}`
      const value = choose(3) === 0 ? undefined : { text: 'ü'.repeat(choose(60)), number: choose(1000) }
      if (value === undefined) store.delete(key)
      else store.put(key, value)
      expected.change(key, value)
    }
    const isSafe = expected.commit()
    const committed = store.commit().then(() => isSafe())
    const how = choose(4)
    if (how === 0) await committed
    else if (how === 1) await nextTurn()
  }
}

async function lives(choose: Choose): Promise<void> {
  const options = diskOptions(choose)
  const expected = new Expected()
  let disk = new SimulatedDisk(options)
  let store = await openStore(disk)
  for (let n = 0; n < LIVES; n++) {
    expected.found(await contents(store))
    await life(store, expected, choose)
    if (choose(5) === 0) {
      await store.close()
      assert.equal(disk.openFiles, 0)
    }
    for (let isOpen = false; !isOpen;) {
      disk = crash(disk, choose, options)
      const opened = openStore(disk)
      isOpen = choose(3) !== 0
      if (isOpen) store = await opened
      else for (let turns = choose(30); turns > 0; turns--) await nextTurn()
    }
  }
  expected.found(await contents(store))
  await store.close()
  assert.equal(disk.openFiles, 0)
}

test(`metadata that is committed survives, and batches as a whole (seeds from ${FIRST_SEED})`, () =>
  eachSeed(100, lives))

/** A disk with a snapshot and logs, after an orderly stop. */
async function agedDisk(): Promise<{ disk: SimulatedDisk; rows: Rows }> {
  const disk = new SimulatedDisk()
  const store = await openStore(disk)
  for (let i = 0; i < 60; i++) {
    store.put(`key/${i % 9}`, { i })
    await store.commit()
  }
  const rows = await contents(store)
  await store.close()
  return { disk, rows }
}

test('a flipped bit is found, wherever it is, or changes nothing', async () => {
  const { disk, rows } = await agedDisk()
  assert.deepEqual(
    disk
      .names()
      .map((name) => name.replace(/\d+/, 'N'))
      .toSorted(),
    ['metadata/N.log', 'metadata/N.snapshot'],
  )
  let found = 0
  let bits = 0
  for (const name of disk.names()) {
    for (let offset = 0; offset < disk.bytes(name).length; offset++, bits++) {
      const damaged = disk.copy()
      damaged.flip(name, offset, offset % 8)
      try {
        const store = await openStore(damaged)
        assert.deepEqual(await contents(store), rows, `${name} at ${offset}`)
        await store.close()
      } catch (error) {
        assert.equal((error as Error).name, 'MetadataStoreError', String(error))
        found++
      }
      assert.equal(damaged.openFiles, 0)
    }
  }
  // all but those of the mark that ends the log
  assert.equal(bits - found, '=00000000 00000000\n'.length)
})

test('a missing log is told', async () => {
  const { disk } = await agedDisk()
  const log = disk.names().find((name) => name.endsWith('.log'))!
  disk.delete(log)
  await assert.rejects(openStore(disk), { message: `${log} is damaged at byte 0: it is missing` })
  assert.equal(disk.openFiles, 0)
})

test('a file of a newer format is refused', async () => {
  const { disk } = await agedDisk()
  for (const name of disk.names()) {
    const newer = disk.copy()
    newer.put(name, Buffer.from(disk.bytes(name).toString('latin1').replace('METADATA 1', 'METADATA 2'), 'latin1'))
    await assert.rejects(openStore(newer), {
      name: 'MetadataStoreError',
      message: `${name} has format 2, written by a newer version of this program; this version reads up to format 1`,
    })
  }
})

test('a snapshot that cannot be written leaves the logs as they are, and is tried again later', async () => {
  for (const kind of ['open', 'write', 'sync', 'rename', 'remove', 'syncFolder', 'read'] as const) {
    const disk = new SimulatedDisk()
    const warnings: string[] = []
    const log = { ...silentLog, warn: (text: string) => void warnings.push(text) }
    const { log: files } = await MetadataLog.open({ files: disk, log, snapshotLogBytes: SNAPSHOT_LOG_BYTES })
    const name = kind === 'open' || kind === 'read' ? /./ : /snapshot|^metadata$/
    if (kind === 'remove') disk.fail({ kind, name: /\.log$/ })
    else disk.fail({ kind, name })
    const rows: Record<string, string> = {}
    for (let i = 0; i < 200; i++) {
      rows[`key/${i}`] = `${i}`
      await files.append([[`key/${i}`, `${i}`]])
    }
    await files.close(true)
    assert.deepEqual(warnings, ['a snapshot of the metadata could not be written; its logs stay'], kind)
    const again = await openStore(disk)
    assert.deepEqual(
      await contents(again),
      Object.fromEntries(Object.entries(rows).map(([key, json]) => [key, Number(json)])),
    )
    await again.close()
    assert.ok(
      disk.names().some((file) => file.endsWith('.snapshot')),
      kind,
    )
    assert.equal(disk.openFiles, 0)
  }
})

test('a log grows no longer than twice what it says', async () => {
  const disk = new SimulatedDisk()
  const { log } = await MetadataLog.open({ files: disk, log: silentLog, snapshotLogBytes: 10_000 })
  for (let i = 0; i < 5_000; i++) await log.append([[`key/${i % 100}`, JSON.stringify('x'.repeat(100))]])
  await log.tidied()
  assert.ok(disk.size() < 100_000 + 64 * 1024, `${disk.size()} bytes`)
  await log.close(true)
  assert.ok(disk.size() < 60_000, `${disk.size()} bytes`)
})
