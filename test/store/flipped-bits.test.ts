import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import {
  RECORD_DELIVERED,
  RECORD_HEADER_BYTES,
  RECORD_MESSAGE,
  RECORD_PAGE,
  RECORD_SETTLE,
  RECORD_TRANSACTION,
  RECORD_UPDATE,
} from '../../src/store/journal/format.ts'
import type { SimulatedDisk } from '../support/simulated-disk.ts'
import { chooseBySeed } from '../support/simulated-inode.ts'
import { type AgedDisk, ageDisk } from './aged-disk.ts'
import { checkPrefix, checkReturned } from './check.ts'
import { type Difference, differences, type Part } from './damage.ts'
import type { Driver, ReadBack } from './driver.ts'
import { type OpenJournal, openJournal, TINY } from './journal.ts'

const SEED = 4_404
/** The segment of messages that were copied. */
const ORIGINALS = 'messages/00000002.journal'
/** Of the bytes that are no headers, one of so many is damaged. */
const SAMPLE = 12
/** After so many damages the store is also used, closed and opened again. */
const GO_ON = 8

let base: AgedDisk

before(async () => {
  base = await ageDisk(SEED)
})

// ---- what must be true ----

/** A damage, and what came of it. */
interface Case {
  readonly file: string
  readonly part: Part
  readonly offset: number
  readonly open: OpenJournal
  readonly back: ReadBack
  readonly changes: readonly Difference[]
}

/** Nothing shows that what was written last was on disk: damage there cannot be told from a write that was cut short. */
const isTail = ({ file, offset }: Pick<Case, 'file' | 'offset'>): boolean =>
  file === base.last.name && offset >= base.last.from

function covers(report: { readonly file: string; readonly offset: number; readonly bytes: number }, at: Case): boolean {
  if (report.file !== at.file) return false
  return report.bytes === 0 || (at.offset >= report.offset && at.offset < report.offset + report.bytes)
}

/** Whether a message may be different from what it would be without the damage. */
function mayChange({ part }: Case, { queueId, number, what }: Difference): boolean {
  if (part.what === 'checkpoint') return what !== 'missing'
  if (part.what !== 'record' || !part.names(queueId, number)) return false
  const { type } = part
  if (what === 'missing') return type === RECORD_MESSAGE || type === RECORD_TRANSACTION
  if (what === 'back') return type === RECORD_SETTLE || type === RECORD_TRANSACTION
  return type === RECORD_UPDATE || type === RECORD_DELIVERED || type === RECORD_PAGE
}

function checkTail({ file, offset, open, back }: Case): void {
  checkPrefix(back.found, base.safe, base.driver.now)
  assert.deepEqual(open.damages, [])
  const cut = open.lines.find(({ text }) => text.startsWith('cut what was being written'))
  assert.ok(cut !== undefined && cut.facts['file'] === file && Number(cut.facts['offset']) <= offset, 'it is told')
}

function checkDamage(damaged: Case): void {
  const { part, offset, open, back, changes } = damaged
  for (const one of back.found) checkReturned(one)
  if (isTail(damaged)) {
    checkTail(damaged)
    return
  }
  for (const change of changes) {
    const what = `message ${change.number} of queue ${change.queueId} is ${change.what}`
    assert.ok(mayChange(damaged, change), `${what}, which has nothing to do with the damage`)
  }
  const reports = open.damages.filter((report) => covers(report, damaged))
  // of a transaction what can be read is kept: what is wrong with it is a damage, and so is what is wrong with a record in it
  if (part.type !== RECORD_TRANSACTION) assert.deepEqual(open.damages, reports, 'nothing else is damaged')
  // what nobody needs is not looked at
  const isLookedAt = part.what !== 'record' || (damaged.file === base.last.name && offset >= base.replayFrom)
  assert.ok(reports.length > 0 || (changes.length === 0 && !isLookedAt), 'nobody says so')
  // what is only read when it is asked for is known by its index; what was to be replayed by what can still be read of it
  const isReadable =
    part.what === 'record' &&
    (offset >= part.headTo || (offset >= part.from + 4 && offset < part.from + RECORD_HEADER_BYTES))
  const named = new Set(reports.flatMap(({ queueIds }) => queueIds))
  const missed = changes.filter(({ queueId }) => !named.has(queueId))
  if (isReadable) assert.deepEqual(missed, [], 'it is said which queues are touched')
}

/** What was found is still there, and no more, after the store was used and closed. */
async function goOn(disk: SimulatedDisk, driver: Driver, { open, back }: Case): Promise<void> {
  const [first] = [...driver.queues.values()]
  const [fresh] = driver.publish([first!])
  await driver.settled()
  await open.close()
  assert.deepEqual(open.failures, [])
  const again = await openJournal(disk, TINY)
  const later = await driver.readBack(again)
  const changes = differences(back, later).filter(({ what, number }) => what !== 'changed' && number !== fresh!.number)
  assert.deepEqual(changes, [], 'what was found stays')
  assert.deepEqual(later.losses, [], 'what is lost is lost once')
  await again.close()
  assert.equal(disk.openFiles, 0)
}

let count = 0

async function flip(file: string, part: Part, offset: number, bit: number): Promise<void> {
  const disk = base.disk.copy()
  disk.flip(file, offset, bit)
  const driver = base.driver.copy(chooseBySeed(SEED + offset))
  const open = await openJournal(disk, TINY)
  const back = await driver.readBack(open)
  const damaged = { file, part, offset, open, back, changes: differences(base.whole, back) }
  checkDamage(damaged)
  if (++count % GO_ON === 0) await goOn(disk, driver, damaged)
  else open.abandon()
}

/** Each byte of what is read first, and some of the rest. */
function isChosen({ what, from, headTo }: Part, offset: number): boolean {
  return what !== 'record' || offset < headTo || chooseBySeed(SEED + from + offset)(SAMPLE) === 0
}

async function flipAll(file: string): Promise<void> {
  for (const part of base.parts.get(file)!) {
    for (let offset = part.from; offset < part.to; offset++) {
      if (!isChosen(part, offset)) continue
      const bit = (offset * 5 + part.from) % 8
      try {
        await flip(file, part, offset, bit)
      } catch (error) {
        const place = `bit ${bit} of byte ${offset} in ${file} (${part.what} ${part.type} from ${part.from} to ${part.to})`
        throw new Error(`seed ${SEED}: ${place}: ${(error as Error).message}`, { cause: error })
      }
    }
  }
}

const filesOf = (pattern: RegExp): string[] => [...base.parts.keys()].filter((file) => pattern.test(file))

test(`there is everything that can be damaged (seed ${SEED})`, () => {
  const kinds = new Set([...base.parts.values()].flat().map(({ what, type }) => (what === 'record' ? type : what)))
  assert.deepEqual([...kinds].map(String).toSorted(), [
    '1',
    '2',
    '3',
    '4',
    '6',
    '7',
    '8',
    '9',
    'checkpoint',
    'header',
    'table',
  ])
  assert.equal(base.parts.has(ORIGINALS), false, 'of some messages there are only copies')
})

test(`a bit of the journal is flipped (seed ${SEED})`, async () => {
  for (const file of filesOf(/journal$/)) await flipAll(file)
})

test(`a bit of what left memory is flipped (seed ${SEED})`, async () => {
  for (const file of filesOf(/paging$/)) await flipAll(file)
})

test(`a bit of the checkpoint is flipped (seed ${SEED})`, async () => {
  for (const file of filesOf(/checkpoint$/)) await flipAll(file)
})
