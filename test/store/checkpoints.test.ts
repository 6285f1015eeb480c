import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SimulatedDisk } from '../support/simulated-disk.ts'
import { chooseBySeed } from '../support/simulated-inode.ts'
import { Driver, nextTurn } from './driver.ts'
import { openJournal } from './journal.ts'
import type { Fact, QueueModel } from './model.ts'

const SEED = 20_261_126
/** More than a checkpoint takes. */
const TURNS_MAX = 30

/** Purges one level of a queue, and turns another one into it, so many turns after a checkpoint was begun; then the process is killed. */
async function purgeDuringCheckpoint(turns: number): Promise<void> {
  const disk = new SimulatedDisk()
  const open = await openJournal(disk)
  const driver = new Driver(chooseBySeed(SEED))
  driver.started(open)
  const model = driver.addQueue()
  for (const level of [1, 2, 1, 2]) driver.publish([model], { level })
  await driver.settled()
  assert.ok(driver.evict(model, 1, 1, model.lastNumber))
  const checkpoint = open.store.tidy()
  for (let turn = 0; turn < turns; turn++) await nextTurn()
  // while this is being written, what follows waits for the next batch
  driver.publish([model])
  await nextTurn()
  driver.drop(model, model.ranges[0]!)
  assert.ok(driver.relevel(model, [0, 1, 1]))
  await checkpoint
  await driver.settled()
  const { committed } = open.store
  driver.abandon()
  const after = await openJournal(disk.kill({ seed: SEED }))
  await driver.reopened(after, committed)
  assert.equal(model.facts.size, 3)
  await after.close()
}

test('a checkpoint is true to the order of a purge and of a change of levels', async () => {
  for (let turns = 0; turns < TURNS_MAX; turns++) await purgeDuringCheckpoint(turns)
})

/** Bytes of a body that keeps others so far apart that they are gathered. */
const LARGE = 70_000

/** So many are gathered. */
const SCATTERED = 16

function publishScattered(driver: Driver, model: QueueModel, other: QueueModel, level = 0): Fact[] {
  return Array.from({ length: SCATTERED }, (_, i) => {
    if (i % 4 === 0) driver.publish([other], { bodyLength: LARGE })
    return driver.publish([model], { level })[0]!
  })
}

/** Messages are copied to lie together after their queue was purged and its levels changed; then the process is killed. */
test('without a checkpoint, a copy is not done again what was done before it was made', async () => {
  const disk = new SimulatedDisk()
  const open = await openJournal(disk)
  const driver = new Driver(chooseBySeed(SEED))
  driver.started(open)
  const [model, other] = [driver.addQueue(), driver.addQueue()]
  const publish = (level: number): Fact[] => publishScattered(driver, model, other, level)
  const kept = publish(1)
  const purged = publish(0)
  await driver.settled()
  assert.ok(driver.evict(model, 0, purged[0]!.number, purged.at(-1)!.number))
  // as wide as the purge of a whole queue
  driver.drop(model, Object.assign(model.ranges[0]!, { from: 1 }))
  assert.ok(driver.relevel(model, [0, 0]))
  assert.ok(driver.relevel(model, [1]))
  const later = publish(0)
  await driver.settled()
  for (const facts of [kept, later]) await driver.gather(model, facts)
  const { committed } = open.store
  driver.abandon()
  const after = await openJournal(disk.kill({ seed: SEED }))
  await driver.reopened(after, committed)
  assert.deepEqual(
    [...model.facts.values()].map(({ level }) => level),
    [...kept.map(() => 1), ...later.map(() => 0)],
  )
  await after.close()
})

/** Copies were left to the system by a process that was killed; the next one writes a checkpoint that names them, and the power goes. */
test('copies that are taken over without a checkpoint are on disk when one names them', async () => {
  const disk = new SimulatedDisk()
  const open = await openJournal(disk)
  const driver = new Driver(chooseBySeed(SEED))
  driver.started(open)
  const [model, other] = [driver.addQueue(), driver.addQueue()]
  const facts = publishScattered(driver, model, other)
  await driver.settled()
  await driver.gather(model, facts)
  const { committed } = open.store
  driver.abandon()
  const killed = disk.kill({ seed: SEED })
  const second = await openJournal(killed)
  await driver.reopened(second, committed)
  await second.store.tidy()
  driver.abandon()
  const losesAll = { choose: () => 0 }
  const third = await openJournal(killed.powerCut(losesAll))
  await driver.reopened(third, Infinity)
  assert.equal(model.facts.size, SCATTERED)
  await third.close()
})

/** Their bytes are not theirs any more when the copies are written. */
test('messages that leave memory before they are gathered stay what they are', async () => {
  const open = await openJournal(new SimulatedDisk())
  const driver = new Driver(chooseBySeed(SEED))
  driver.started(open)
  const [model, other] = [driver.addQueue(), driver.addQueue()]
  const facts = publishScattered(driver, model, other)
  await driver.settled()
  const gathered = driver.gather(model, facts)
  assert.ok(driver.evict(model, 0, facts[0]!.number, facts.at(-1)!.number))
  await gathered
  await driver.load(model, model.ranges[0]!, SCATTERED, 10_000_000)
  assert.equal(facts.filter(({ entry }) => entry !== null).length, SCATTERED)
  await open.close()
})
