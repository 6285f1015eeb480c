import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PAGE_ROWS } from '../../src/store/journal/index-page.ts'
import { SimulatedDisk } from '../support/simulated-disk.ts'
import { chooseBySeed } from '../support/simulated-inode.ts'
import { Driver, until } from './driver.ts'
import { type OpenJournal, openJournal } from './journal.ts'
import type { Fact, QueueModel } from './model.ts'

const SEED = 20_261_127
/** More steps of promises than reading a page takes. */
const STEPS_MAX = 60

/** A queue of a store that keeps no full page of rows in memory. */
async function start(disk = new SimulatedDisk()): Promise<{ open: OpenJournal; driver: Driver; model: QueueModel }> {
  const open = await openJournal(disk, { indexBytesMax: 1 })
  const driver = new Driver(chooseBySeed(SEED))
  driver.started(open)
  return { open, driver, model: driver.addQueue() }
}

const pagedOut = (driver: Driver, model: QueueModel, count: number): Promise<void> =>
  until(`${count} rows to leave memory`, () => driver.log(model).counts().pagedOut >= count)

/**
 * A queue's rows are on disk when one of its levels is purged, and the messages of another get that level. What is loaded of these so
 * many steps later is found, whether or not the purged ones are gone by then, which a page has between them.
 */
async function loadDuringPurge(steps: number): Promise<void> {
  const { open, driver, model } = await start(new SimulatedDisk({ pace: 'microtask' }))
  const purged = Array.from({ length: PAGE_ROWS / 2 }, () => driver.publish([model], { bodyLength: 1 })[0]!)
  for (let i = 0; i < PAGE_ROWS / 2; i++) driver.publish([model], { level: 1, bodyLength: 1 })
  await driver.settled()
  assert.ok(driver.evict(model, 0, 1, model.lastNumber))
  assert.ok(driver.evict(model, 1, 1, model.lastNumber))
  // the page, which is full, leaves memory
  await pagedOut(driver, model, PAGE_ROWS)
  const [first, second] = model.ranges
  assert.equal(first!.from, purged[0]!.number)
  // as wide as the purge of a whole queue: with what gets its level later
  driver.drop(model, first!)
  assert.ok(driver.relevel(model, [1]))
  Object.assign(second!, { from: 1 })
  for (let step = 0; step < steps; step++) await Promise.resolve()
  await driver.load(model, second!, 1, 10_000_000)
  assert.equal(model.inMemory().length, 1)
  await open.close()
}

test('a load finds what is there while a purge of others waits for their rows', async () => {
  for (let steps = 0; steps < STEPS_MAX; steps++) await loadDuringPurge(steps)
})

/** One page on disk goes with the last of its messages, while numbers are left that lie between them and are another page's. */
test('messages that are in no page between others are settled by number', async () => {
  const { open, driver, model } = await start()
  const [logged, spilled]: [Fact[], Fact[]] = [[], []]
  for (let i = 0; i < PAGE_ROWS; i++) {
    spilled.push(...driver.hold(model, 1, { bodyLength: 1 }))
    logged.push(...driver.publish([model], { bodyLength: 1 }))
  }
  await driver.settled()
  await driver.spill(model, spilled)
  assert.ok(driver.evict(model, 0, 1, model.lastNumber))
  await pagedOut(driver, model, 2 * PAGE_ROWS)
  driver.settleNumbers(model, [...logged, ...spilled])
  await until('all to be gone', () => driver.log(model).counts().messages === 0)
  assert.deepEqual(open.failures, [])
  await open.close()
})

/** A queue whose numbers have gaps, since rows without are found without being read; its one page is on disk. */
async function pagedWithGaps(disk?: SimulatedDisk): Promise<{
  readonly open: OpenJournal
  readonly driver: Driver
  readonly model: QueueModel
  readonly facts: Fact[]
}> {
  const { open, driver, model } = await start(disk)
  const others = [driver.publish([model], { level: 1, bodyLength: 1 })[0]!]
  const skipped = driver.hold(model, 1, { bodyLength: 1 })
  const facts = Array.from({ length: PAGE_ROWS - 1 }, () => driver.publish([model], { bodyLength: 1 })[0]!)
  await driver.settled()
  for (const fact of [...others, ...skipped]) driver.settle(model, fact)
  assert.ok(driver.evict(model, 0, 1, model.lastNumber))
  await pagedOut(driver, model, facts.length)
  return { open, driver, model, facts }
}

/** The purge is all that keeps the page: who waits for its rows beside it finds none. */
test('messages are looked for by number while a purge takes the page that they are in', async () => {
  const { open, driver, model, facts } = await pagedWithGaps()
  driver.drop(model, model.ranges[0]!)
  await driver.look(model, facts)
  assert.deepEqual(open.failures, [])
  assert.equal(driver.log(model).counts().messages, 0)
  await open.close()
})

async function purgeDuringLook(steps: number): Promise<void> {
  const { open, driver, model, facts } = await pagedWithGaps(new SimulatedDisk({ pace: 'microtask' }))
  const looked = driver.look(model, facts)
  for (let step = 0; step < steps; step++) await Promise.resolve()
  driver.drop(model, model.ranges[0]!)
  await looked
  assert.deepEqual(open.failures, [])
  await open.close()
}

test('messages are looked for by number when a purge takes their page as soon as its rows are read, or at any other moment', async () => {
  for (let steps = 0; steps < STEPS_MAX; steps++) await purgeDuringLook(steps)
})
