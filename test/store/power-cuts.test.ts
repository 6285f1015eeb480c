import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type DiskOptions, SimulatedDisk } from '../support/simulated-disk.ts'
import type { Choose } from '../support/simulated-inode.ts'
import { Driver, nextTurn } from './driver.ts'
import { type OpenJournal, openJournal, TINY } from './journal.ts'
import { Scenario } from './scenario.ts'
import { crash, diskOptions, eachSeed, FIRST_SEED } from './seeds.ts'

const LIVES = 6
const STEPS_MAX = 150

async function life(driver: Driver, choose: Choose, open: OpenJournal): Promise<void> {
  const scenario = new Scenario(driver, choose)
  for (let steps = choose(STEPS_MAX); steps > 0; steps--) {
    if (choose(25) === 0) void open.store.tidy()
    await scenario.step()
  }
  if (choose(3) === 0) {
    await driver.settled()
    await scenario.finish()
  }
}

/** The power goes, or only the process, and another one begins; it may not get far at first. */
async function restart(
  disk: SimulatedDisk,
  choose: Choose,
  options: DiskOptions,
): Promise<[SimulatedDisk, OpenJournal]> {
  for (let current = disk; ;) {
    current = crash(current, choose, options)
    const opened = openJournal(current, TINY)
    if (choose(3) !== 0) return [current, await opened]
    for (let turns = choose(60); turns > 0; turns--) await nextTurn()
  }
}

/** A store that is used, dies, and is opened again, several times over. */
async function lives(choose: Choose): Promise<void> {
  const options = diskOptions(choose)
  const driver = new Driver(choose)
  let disk = new SimulatedDisk(options)
  let open = await openJournal(disk, TINY)
  driver.started(open)
  for (let n = 0; n < LIVES; n++) {
    await life(driver, choose, open)
    assert.deepEqual(open.failures, [])
    const isOrderly = choose(5) === 0
    if (isOrderly) {
      await open.close()
      assert.deepEqual(open.failures, [])
      assert.equal(disk.openFiles, 0)
    }
    const { committed } = open.store
    driver.abandon()
    ;[disk, open] = await restart(disk, choose, options)
    assert.deepEqual(open.damages, [], 'what was being written is no damage')
    await driver.reopened(open, isOrderly ? Infinity : committed, isOrderly)
  }
  await open.close()
  assert.equal(disk.openFiles, 0)
}

test(`what is safe survives, and nothing else comes back (seeds from ${FIRST_SEED})`, () => eachSeed(60, lives))
