import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { STATE_HELD, STATE_RETURNED } from '../../src/store/message-store.ts'
import { type Fault, type Operation, type OperationKind, SimulatedDisk } from '../support/simulated-disk.ts'
import { chooseBySeed } from '../support/simulated-inode.ts'
import { Driver, nextTurn, until } from './driver.ts'
import { type OpenJournal, openJournal, TINY } from './journal.ts'
import { FRESH, type QueueModel } from './model.ts'

const SEED = 7_113
/** Several records of this size fill a segment. */
const BODY = 100
/** Far enough apart for records with one of these between them to be gathered. */
const LARGE = 70_000

const CHANGES: readonly OperationKind[] = ['write', 'sync', 'truncate', 'rename', 'remove', 'syncFolder']
/** That the life has in it what it should have. */
const CALLS_MIN = 20

// ---- what there is before ----

interface Base {
  readonly disk: SimulatedDisk
  readonly driver: Driver
}

/** A checkpoint, a segment in which hardly anything is live, and some journal that a start has to replay. */
async function makeBase(): Promise<Base> {
  const disk = new SimulatedDisk()
  const driver = new Driver(chooseBySeed(SEED))
  const open = await openJournal(disk, TINY)
  driver.started(open)
  const [first, second] = [driver.addQueue(), driver.addQueue(), driver.addQueue()]
  const facts = Array.from({ length: 70 }, () => driver.publish([first], { bodyLength: BODY })[0]!)
  await driver.settled()
  for (const fact of facts.slice(0, 60)) driver.settle(first, fact)
  for (let i = 0; i < 50; i++) driver.publish([second], { bodyLength: BODY })
  await driver.settled()
  await open.store.tidy()
  driver.publish([...driver.queues.values()])
  driver.settle(first, facts[60]!)
  driver.publish([second])
  await driver.settled()
  driver.abandon()
  await disk.settle()
  const left = disk.powerCut({ choose: () => 0 })
  // once more, so that nothing of it is in doubt
  const again = await openJournal(left.copy(), TINY)
  await driver.reopened(again, Infinity)
  driver.abandon()
  return { disk: left, driver }
}

// ---- what the store is asked for ----

/** One life of a store: everything that it does with its files happens in it. */
class Life {
  readonly driver: Driver
  readonly open: OpenJournal
  readonly models: readonly QueueModel[]

  constructor(driver: Driver, open: OpenJournal) {
    this.driver = driver
    this.open = open
    this.models = [...driver.queues.values()]
  }

  /** @returns whether it came to its end */
  async run(): Promise<boolean> {
    const steps: (() => Promise<void> | void)[] = [
      () => this.#publish(),
      () => this.#settle(),
      () => this.#transaction(),
      () => this.#spill(),
      () => this.#roll(),
      () => this.#gather(),
      () => this.#tidy(),
      () => this.#loadAll(),
      () => this.#publish(),
    ]
    for (const step of steps) {
      await step()
      await this.driver.settled()
      if (this.driver.failed) return false
    }
    return true
  }

  /** Waits for something that does not end when the store fails. */
  async #ended(what: string, work: Promise<void>): Promise<void> {
    let result: 'ended' | Error | null = null
    work.then(
      () => (result = 'ended'),
      (error: unknown) => (result = error as Error),
    )
    await until(what, () => result !== null || this.driver.failed)
    if ((result as unknown) instanceof Error) throw result as unknown as Error
  }

  #publish(): void {
    const [first, second] = this.models
    for (let i = 0; i < 3; i++) this.driver.publish([first!], { bodyLength: BODY })
    this.driver.publish(this.models)
    this.driver.publish([second!], { bodyLength: LARGE })
  }

  async #settle(): Promise<void> {
    const [first] = this.models
    await this.#load(first!)
    const [held, returned, ...rest] = first!.inMemory()
    if (returned === undefined || this.driver.failed) return
    this.driver.update(first!, held!, { ...FRESH, state: STATE_HELD, dueAt: 5000 })
    this.driver.update(first!, returned, { ...FRESH, state: STATE_RETURNED, redelivered: true, acquiredCount: 1 })
    for (const fact of rest.slice(0, 5)) this.driver.settle(first!, fact)
    this.driver.publish([first!])
  }

  #transaction(): void {
    const [first, second, third] = this.models
    this.driver.begin()
    this.driver.publish([first!, third!])
    this.driver.settle(first!, first!.inMemory().at(-1)!)
    this.driver.publish([second!])
    this.driver.end()
  }

  async #spill(): Promise<void> {
    const [, , third] = this.models
    const facts = this.driver.hold(third!, 12)
    await this.#ended('a spill', this.driver.spill(third!, facts))
    if (this.driver.failed) return
    assert.ok(this.driver.evict(third!, 0, facts[0]!.number, facts.at(-1)!.number))
    await this.#load(third!)
  }

  async #roll(): Promise<void> {
    const [first] = this.models
    for (let turn = 0; turn < 3 && !this.driver.failed; turn++) {
      for (let i = 0; i < 30; i++) this.driver.publish([first!], { bodyLength: BODY })
      await this.driver.settled()
      for (const fact of first!.inMemory().slice(-28)) this.driver.settle(first!, fact)
    }
  }

  async #gather(): Promise<void> {
    const [, second, third] = this.models
    const facts = Array.from({ length: 3 }, () => {
      this.driver.publish([second!], { bodyLength: LARGE })
      return Array.from({ length: 6 }, () => this.driver.publish([third!], { bodyLength: BODY })[0]!)
    }).flat()
    await this.driver.settled()
    if (this.driver.failed) return
    await this.#ended('gathering', this.driver.gather(third!, facts))
    if (!this.driver.failed) this.driver.evict(third!, 0, facts[0]!.number, facts.at(-1)!.number)
  }

  async #tidy(): Promise<void> {
    await this.#ended('tidying up', this.open.store.tidy())
  }

  async #loadAll(): Promise<void> {
    for (const model of this.models) await this.#load(model)
  }

  async #load(model: QueueModel): Promise<void> {
    for (const range of [...model.ranges]) await this.#ended('a load', this.driver.load(model, range, 100, 10_000_000))
  }
}

// ---- what must be true ----

const unhandled: unknown[] = []
const onUnhandled = (error: unknown): void => void unhandled.push(error)
process.on('unhandledRejection', onUnhandled)
after(() => process.off('unhandledRejection', onUnhandled))

/** Zeros that are put ahead of what is written. */
const ROOM_BYTES = 1024 * 1024

/** What may fail without anybody being told: it is tried again, or was not needed. */
function isHarmless({ kind, name, bytes }: Operation, disk: SimulatedDisk): boolean {
  if (kind === 'open') return disk.names().includes(name)
  return kind === 'read' || kind === 'size' || kind === 'close' || (kind === 'write' && bytes === ROOM_BYTES)
}

/** What is left of the disk is opened, as the system shows it or as a power cut leaves it. */
async function reopen(disk: SimulatedDisk, driver: Driver, committed: number): Promise<void> {
  const again = await openJournal(disk, TINY)
  assert.deepEqual(again.damages, [], 'nothing is damaged')
  await driver.reopened(again, committed, committed === Infinity)
  await again.close()
  assert.deepEqual(again.failures, [])
}

/** @returns the call that failed, or undefined when there are fewer calls */
async function failOne(base: Base, at: number, fault: Fault): Promise<Operation | undefined> {
  const disk = base.disk.copy()
  const driver = base.driver.copy(chooseBySeed(SEED))
  disk.fail({ ...fault, at })
  let open: OpenJournal
  try {
    open = await openJournal(disk, TINY)
  } catch (error) {
    // a store that cannot be opened says so, and there is nobody else to tell
    assert.equal((error as NodeJS.ErrnoException).code, fault.code)
    await checkDisk(disk, driver, 0)
    return failedOf(disk, fault)
  }
  driver.started(open)
  const ended = await new Life(driver, open).run()
  // the broker ends without closing, or closes first: both must do
  if (ended || at % 2 === 0) {
    let closed = false
    void open.close().then(() => (closed = true))
    await until('the store is closed', () => closed)
  }
  driver.abandon()
  await disk.settle()
  const failed = failedOf(disk, fault)
  assert.ok(open.failures.length <= 1, 'a failure is reported once')
  if (failed !== undefined && !isHarmless(failed, disk)) assert.equal(open.failures.length, 1, 'it is reported')
  assert.deepEqual(open.damages, [])
  await checkDisk(disk, driver, open.failures.length > 0 ? open.store.committed : Infinity)
  return failed
}

const failedOf = (disk: SimulatedDisk, { code }: Fault): Operation | undefined =>
  disk.log.find(({ outcome }) => outcome === code)

async function checkDisk(disk: SimulatedDisk, driver: Driver, committed: number): Promise<void> {
  disk.heal()
  const cut = disk.copy().powerCut({ choose: () => 0 })
  await reopen(cut, driver.copy(chooseBySeed(SEED)), committed)
  await reopen(disk.kill({ choose: () => 0 }), driver, committed)
  await nextTurn()
  assert.deepEqual(unhandled, [], 'nobody takes notice of a rejection')
}

async function failEach(fault: Fault): Promise<void> {
  const base = await makeBase()
  for (let at = 1; ; at++) {
    let failed: Operation | undefined
    try {
      failed = await failOne(base, at, fault)
    } catch (error) {
      const what = `call ${at} of ${JSON.stringify(fault)}`
      throw new Error(`seed ${SEED}: ${what}: ${(error as Error).message}`, { cause: error })
    }
    if (failed === undefined) {
      assert.ok(at > CALLS_MIN, `it was ${at - 1} calls`)
      return
    }
  }
}

const FAULTS: Readonly<Record<string, Fault>> = {
  'each call fails once': { code: 'EIO' },
  'each call fails once on a full disk': { code: 'ENOSPC' },
  'each write is cut short': { code: 'EIO', kind: 'write', partial: 40 },
  'each write fails although all of it is there': { code: 'ENOSPC', kind: 'write', partial: Infinity },
  'from each change on, no change goes well': { code: 'EIO', kind: CHANGES, afterwards: 'all' },
  'from each point on, no file can be opened': { code: 'EMFILE', kind: 'open', afterwards: 'same' },
}

for (const [what, fault] of Object.entries(FAULTS)) test(`${what} (seed ${SEED})`, () => failEach(fault))
