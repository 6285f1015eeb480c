import assert from 'node:assert/strict'
import { test } from 'node:test'
import { STATE_RETURNED } from '../../src/store/message-store.ts'
import { SimulatedDisk } from '../support/simulated-disk.ts'
import { type Choose, chooseBySeed } from '../support/simulated-inode.ts'
import { Driver } from './driver.ts'
import { type OpenJournal, openJournal } from './journal.ts'
import { FRESH } from './model.ts'

const SEED = 20_261_126

/** A journal whose last write is a batch of everything. */
interface TornJournal {
  readonly disk: SimulatedDisk
  readonly driver: Driver
  /** The segment with the batch, and where in it the batch is. */
  readonly name: string
  readonly from: number
  readonly to: number
  /** Up to this step of the log everything was safe before the batch was written. */
  readonly safe: number
}

/** Several queues, a message for all of them, settlements, a change of state and a transaction: all given in one turn. */
function recordBatch(driver: Driver): void {
  const [first, second, third] = [...driver.queues.values()]
  const [oldest, next, other] = first!.inMemory()
  driver.settle(first!, oldest!)
  driver.publish([first!, second!, third!], { bodyLength: 20 })
  driver.update(first!, other!, { ...FRESH, state: STATE_RETURNED, redelivered: true, acquiredCount: 1 })
  driver.publish([second!], { bodyLength: 0, level: 2 })
  driver.begin()
  driver.publish([first!, third!], { bodyLength: 10 })
  driver.settle(first!, next!)
  driver.settle(second!, second!.inMemory()[0]!)
  driver.publish([second!], { bodyLength: 10, expiresAt: 500 })
  driver.end()
  driver.markDelivered(third!, 1)
  driver.settle(third!, third!.inMemory()[0]!)
  driver.publish([third!], { bodyLength: 15 })
}

async function journalWithBatch(): Promise<TornJournal> {
  const disk = new SimulatedDisk()
  const open = await openJournal(disk)
  const driver = new Driver(chooseBySeed(SEED))
  driver.started(open)
  const models = [driver.addQueue(), driver.addQueue(), driver.addQueue()]
  for (const model of models) for (let i = 0; i < 3; i++) driver.publish([model])
  await driver.settled()
  await disk.settle()
  const safe = driver.now
  const before = disk.log.length
  recordBatch(driver)
  await driver.settled()
  const writes = disk.log.slice(before).filter(({ kind }) => kind === 'write')
  assert.equal(writes.length, 1, 'it is one batch')
  driver.abandon()
  await disk.settle()
  const { name, position: from, bytes } = writes[0]!
  const to = from + bytes
  // a disk that is quick to copy: without the zeros that the store put ahead
  const left = disk.powerCut({ choose: () => 0 })
  left.put(name, left.bytes(name).subarray(0, to))
  return { disk: left, driver, name, from, to, safe }
}

/** What may lie behind the bytes that were written before the crash. */
const BEHIND: readonly ((rest: Buffer, choose: Choose) => Buffer)[] = [
  // the end of the file
  () => Buffer.alloc(0),
  // zeros that were put there ahead
  (rest) => Buffer.alloc(rest.length + 4096),
  // what the disk had there before
  (rest, choose) => Buffer.from(rest.map(() => choose(256))),
]

/** The store is used as if nothing had happened, and opened once more, after a power cut or an orderly stop. */
async function goOn(disk: SimulatedDisk, driver: Driver, open: OpenJournal, isOrderly: boolean): Promise<void> {
  const [first, , third] = [...driver.queues.values()]
  driver.publish([first!, third!])
  const [fresh] = driver.publish([first!])
  await driver.settled()
  driver.settle(first!, fresh!)
  driver.publish([third!])
  await driver.settled()
  assert.deepEqual(open.failures, [])
  if (isOrderly) await open.close()
  const { committed } = open.store
  driver.abandon()
  const left = isOrderly ? disk : disk.powerCut({ choose: () => 0 })
  const again = await openJournal(left)
  assert.deepEqual(again.damages, [], 'what was cut is forgotten')
  await driver.reopened(again, isOrderly ? Infinity : committed, isOrderly)
  await again.close()
  assert.equal(left.openFiles, 0)
}

async function cutAt({ disk, driver, name, from, to, safe }: TornJournal, at: number, way: number): Promise<void> {
  const choose = chooseBySeed(SEED + at)
  const bytes = disk.bytes(name)
  const torn = disk.copy()
  torn.put(name, Buffer.concat([bytes.subarray(0, at), BEHIND[way]!(bytes.subarray(at, to), choose)]))
  const left = driver.copy(choose)
  const open = await openJournal(torn)
  await left.reopenedAt(open, at === to ? driver.now : safe)
  assert.deepEqual(open.damages, [], 'a write that was cut short is no damage')
  // what is written next must not make a record of what was behind it
  assert.ok(torn.bytes(name).length <= to)
  // each place is gone on from once: that takes longer than all the rest
  if (at % BEHIND.length === way) await goOn(torn, left, open, (at - from) % 2 === 0)
  else open.abandon()
}

test(`a batch is cut at every byte (seed ${SEED})`, async () => {
  const torn = await journalWithBatch()
  const { name, from, to } = torn
  for (let at = from; at <= to; at++) {
    for (const way of BEHIND.keys()) {
      try {
        await cutAt(torn, at, way)
      } catch (error) {
        const place = `${name} cut at ${at}, ${at - from} bytes into a batch of ${to - from}, with rest ${way} behind it`
        throw new Error(`seed ${SEED}: ${place}: ${(error as Error).message}`, { cause: error })
      }
    }
  }
})
