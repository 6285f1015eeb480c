import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { crc32 } from 'node:zlib'
import { CHECKPOINT, FORMAT, NewerFormatError } from '../../src/store/journal/format.ts'
import { type OperationKind, SimulatedDisk } from '../support/simulated-disk.ts'
import { type AgedDisk, ageDisk } from './aged-disk.ts'
import { openJournal, TINY } from './journal.ts'

const SEED = 555
const LOOKING: readonly OperationKind[] = ['open', 'list', 'read', 'size', 'close']

let base: AgedDisk

before(async () => {
  base = await ageDisk(SEED)
})

/** As the next version would write it: the checksum covers the version in both kinds of files. */
function madeNewer(file: string, bytes: Buffer): Buffer {
  const newer = Buffer.from(bytes)
  newer.writeUInt32LE(FORMAT + 1, 8)
  if (file === CHECKPOINT) newer.writeUInt32LE(crc32(newer.subarray(16), FORMAT + 1), 12)
  else newer.writeUInt32LE(crc32(newer.subarray(0, 60)), 60)
  return newer
}

const contents = (disk: SimulatedDisk): [string, string][] =>
  disk.names().map((name) => [name, disk.bytes(name).toString('base64')])

async function refuses(disk: SimulatedDisk, file: string): Promise<void> {
  const untouched = contents(disk)
  await assert.rejects(openJournal(disk, TINY), (error: Error) => {
    assert.ok(error instanceof NewerFormatError, `${file}: ${error.message}`)
    assert.ok(error.message.startsWith(`${file} has format ${FORMAT + 1}, `), error.message)
    return true
  })
  const calls = disk.log.filter(({ kind }) => !LOOKING.includes(kind))
  assert.deepEqual(calls, [], 'it only looks')
  assert.deepEqual(contents(disk), untouched)
  assert.equal(disk.openFiles, 0)
}

test(`a file of a newer format is refused, and nothing is changed (seed ${SEED})`, async () => {
  const files = base.disk.names()
  assert.deepEqual(
    ['journal', 'paging', 'checkpoint'].filter((end) => !files.some((file) => file.endsWith(end))),
    [],
  )
  for (const file of files) {
    const disk = base.disk.copy()
    disk.put(file, madeNewer(file, disk.bytes(file)))
    await refuses(disk, file)
  }
})

test(`it is refused although other files are damaged, which stay as they are (seed ${SEED})`, async () => {
  const [first, ...others] = base.disk.names().filter((file) => file.endsWith('.journal'))
  const newest = others.at(-1)!
  const disk = base.disk.copy()
  disk.flip(first!, 70, 0)
  disk.flip(CHECKPOINT, 30, 0)
  disk.put(`${newest}.new`, Buffer.from('left behind'))
  disk.put(newest, madeNewer(newest, disk.bytes(newest)))
  await refuses(disk, newest)
})

test('a file of a newer format with nothing but a header is refused', async () => {
  const [first] = base.disk.names().filter((file) => file.endsWith('.journal'))
  const disk = new SimulatedDisk()
  disk.put(first!, madeNewer(first!, base.disk.bytes(first!).subarray(0, 64)))
  await refuses(disk, first!)
})

test('with the files as they were it opens again', async () => {
  const open = await openJournal(base.disk.copy(), TINY)
  const ready = base.whole.found.flatMap((one) => one.ready)
  const levels = [...base.driver.queues.keys()].flatMap((id) => open.store.queue(id).recovered())
  assert.equal(
    levels.reduce((sum, { count }) => sum + count, 0),
    ready.length,
  )
  await open.close()
})
