/** When messages expire that are in the store only. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LoadedMessage, QueueEntry } from '../../src/store/message-store.ts'
import { SimulatedDisk } from '../support/simulated-disk.ts'
import { chooseBySeed } from '../support/simulated-inode.ts'
import { Driver } from './driver.ts'
import { type OpenJournal, openJournal } from './journal.ts'
import { type QueueModel, TestContent, TestEntry } from './model.ts'

const SEED = 20_261_127
const EXPIRES_AT = 100
const NOBODYS = Buffer.alloc(0)

interface Setup {
  readonly disk: SimulatedDisk
  readonly open: OpenJournal
  readonly driver: Driver
  readonly model: QueueModel
}

/** A queue with one message that expires and one that does not, in the store only. */
async function start(): Promise<Setup> {
  const disk = new SimulatedDisk()
  const open = await openJournal(disk)
  const driver = new Driver(chooseBySeed(SEED))
  driver.started(open)
  const model = driver.addQueue()
  driver.publish([model])
  driver.publish([model], { expiresAt: EXPIRES_AT })
  await driver.settled()
  assert.ok(driver.evict(model, 0, 1, model.lastNumber))
  assert.equal(driver.log(model).earliestExpiry(model.ranges[0]!), EXPIRES_AT)
  return { disk, open, driver, model }
}

/** @returns how many came */
function loadExpired({ driver, model }: Setup, take: (message: LoadedMessage) => QueueEntry | null): Promise<number> {
  let count = 0
  return new Promise((resolve) => {
    driver.log(model).loadExpired(model.ranges[0]!, EXPIRES_AT, 10, {
      onLoaded(message) {
        count++
        return take(message)
      },
      onLost: () => assert.fail('it is there'),
      onLoadEnd: () => resolve(count),
    })
  })
}

test('a message that was read as it had expired does so after a crash, if it was still there for a checkpoint', async () => {
  const setup = await start()
  const { disk, open, driver, model } = setup
  const take = ({ number, level, expiresAt }: LoadedMessage): TestEntry =>
    new TestEntry(number, new TestContent(NOBODYS, NOBODYS, NOBODYS), level, expiresAt)
  assert.equal(await loadExpired(setup, take), 1)
  await open.store.tidy()
  const { committed } = open.store
  driver.abandon()
  const after = await openJournal(disk.kill({ seed: SEED }))
  await driver.reopened(after, committed)
  assert.equal(model.facts.size, 2)
  assert.equal(driver.log(model).earliestExpiry(model.ranges[0]!), EXPIRES_AT)
  await driver.loadExpired(model, model.ranges[0]!, EXPIRES_AT)
  assert.equal(driver.log(model).counts().messages, 1)
  await after.close()
})

test('a message that was read as it had expired, and is not wanted, stays in the store and expires there', async () => {
  const setup = await start()
  const { open, driver, model } = setup
  assert.equal(await loadExpired(setup, () => null), 1)
  assert.equal(driver.log(model).earliestExpiry(model.ranges[0]!), EXPIRES_AT)
  assert.equal(await loadExpired(setup, () => null), 1)
  await open.close()
})
