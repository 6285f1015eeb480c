import { decodeCheckpoint } from '../../src/store/journal/checkpoint.ts'
import { CHECKPOINT, offsetOf } from '../../src/store/journal/format.ts'
import { STATE_HELD, STATE_RETURNED } from '../../src/store/message-store.ts'
import { SimulatedDisk } from '../support/simulated-disk.ts'
import { chooseBySeed } from '../support/simulated-inode.ts'
import { type Part, partsOf } from './damage.ts'
import { Driver, type ReadBack } from './driver.ts'
import { type OpenJournal, openJournal, TINY } from './journal.ts'
import { FRESH, type QueueModel } from './model.ts'

/** Records with one of these between them lie far apart. */
const LARGE = 40_000

/** A disk with something of everything, and what is on it. */
export interface AgedDisk {
  readonly disk: SimulatedDisk
  readonly driver: Driver
  readonly whole: ReadBack
  /** The segment that was written to last, and where in it the last batch is. */
  readonly last: { readonly name: string; readonly from: number }
  /** Where in that segment a start begins to read. */
  readonly replayFrom: number
  /** The log up to this step was written before the last batch. */
  readonly safe: number
  readonly parts: ReadonlyMap<string, readonly Part[]>
}

async function gathered(driver: Driver, model: QueueModel, other: QueueModel): Promise<void> {
  const facts = Array.from({ length: 3 }, () => {
    const [large] = driver.publish([other], { bodyLength: LARGE })
    return { large: large!, small: Array.from({ length: 6 }, () => driver.publish([model], { bodyLength: 30 })[0]!) }
  })
  await driver.settled()
  for (const { large } of facts) driver.settle(other, large)
  await driver.gather(
    model,
    facts.flatMap(({ small }) => small),
  )
}

/** Before the checkpoint: a compacted segment, copies whose originals are gone, index pages, messages that are not ready. */
async function fillCheckpoint(driver: Driver, open: OpenJournal): Promise<void> {
  const [first, second, third] = [...driver.queues.values()]
  const many = Array.from({ length: 40 }, () => driver.publish([first!], { bodyLength: 200 })[0]!)
  driver.publish([first!, second!, third!])
  for (let i = 0; i < 6; i++) driver.publish([second!], { level: i % 2 })
  await driver.settled()
  for (const fact of many.slice(2, 38)) driver.settle(first!, fact)
  driver.update(second!, second!.facts.get(3)!, { ...FRESH, state: STATE_HELD, dueAt: 7000 })
  await gathered(driver, third!, second!)
  await open.store.tidy()
  driver.publish([second!])
  await driver.settled()
  await open.store.tidy()
}

/** After it: records of all types in several batches. @returns when the last one began */
async function fillJournal(driver: Driver): Promise<number> {
  const [first, second, third] = [...driver.queues.values()]
  const [a, b] = driver.publish([first!, third!], { bodyLength: 20 })
  driver.publish([second!], { bodyLength: 300 })
  await driver.settled()
  driver.settle(first!, a!)
  driver.update(third!, b!, { ...FRESH, state: STATE_RETURNED, redelivered: true, acquiredCount: 1, deliveryCount: 1 })
  driver.markDelivered(second!, 5)
  driver.publish([third!], { bodyLength: 10 })
  await driver.settled()
  driver.begin()
  driver.publish([first!, second!])
  driver.settle(second!, second!.inMemory()[0]!)
  driver.end()
  driver.publish([first!], { expiresAt: 600 })
  await driver.settled()
  const safe = driver.now
  driver.publish([second!], { bodyLength: 40 })
  driver.publish([first!, third!], { bodyLength: 10 })
  await driver.settled()
  return safe
}

/** Makes the same disk every time. */
export async function ageDisk(seed: number): Promise<AgedDisk> {
  const disk = new SimulatedDisk()
  const driver = new Driver(chooseBySeed(seed))
  const open = await openJournal(disk, TINY)
  driver.started(open)
  for (let i = 0; i < 3; i++) driver.addQueue()
  await fillCheckpoint(driver, open)
  const safe = await fillJournal(driver)
  driver.abandon()
  await disk.settle()
  const { name, position } = disk.log.findLast(({ kind, bytes }) => kind === 'write' && bytes < LARGE)!
  const left = disk.powerCut({ choose: () => 0 })
  // without most of the zeros that were put ahead: they take long to copy
  const parts = new Map(left.names().map((file) => [file, partsOf(file, left.bytes(file))]))
  for (const [file, all] of parts) left.put(file, left.bytes(file).subarray(0, all.at(-1)!.to + 64))
  const whole = await driver.copy(chooseBySeed(seed)).readBack(await openJournal(left.copy(), TINY))
  const { replayFrom } = decodeCheckpoint(left.bytes(CHECKPOINT), CHECKPOINT)!
  const last = { name, from: position }
  return { disk: left, driver, whole, last, replayFrom: offsetOf(replayFrom), safe, parts }
}
