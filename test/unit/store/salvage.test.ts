import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { StoreFiles } from '../../../src/store/files.ts'
import { MetadataLog } from '../../../src/store/metadata-log/metadata-log.ts'
import { replay } from '../../../src/store/metadata-log/replay.ts'
import { METADATA_QUARANTINE, rewrite } from '../../../src/store/metadata-log/rewrite.ts'
import { salvage } from '../../../src/store/metadata-log/salvage.ts'
import { makeSnapshot } from '../../../src/store/metadata-log/snapshot.ts'
import { silentLog } from '../../../src/telemetry/log.ts'
import { SimulatedDisk } from '../../support/simulated-disk.ts'

const LOG = 'metadata/00000001.log'
/** Where the digit of the version is: with another one, a file is of another format. */
const VERSION_AT = 'WARREN METADATA '.length

type Rows = Readonly<Record<string, string>>

const FRAMES: readonly Rows[] = [
  { 'queue/%2F/a': '{"id":1,"type":"classic"}', 'queue/%2F/b': '{"id":2,"type":"quorum"}' },
  { 'binding/%2F/x/queue/a//': '{"order":1}' },
  { 'queue/%2F/a': '{"id":1,"type":"classic","paused":true}', 'user/guest': '{"name":"gäst"}' },
]
const ALL: Rows = Object.assign({}, ...FRAMES)

/** A log that was closed. */
async function written(frames: readonly Rows[] = FRAMES): Promise<SimulatedDisk> {
  const files = new SimulatedDisk()
  const { log } = await MetadataLog.open({ files, log: silentLog })
  for (const rows of frames) await log.append(Object.entries(rows))
  await log.close(true)
  return files
}

async function contentOf(files: StoreFiles, name: string): Promise<Buffer> {
  const file = await files.open(name, 'read', false)
  const bytes = Buffer.alloc(await file.size())
  await file.read(bytes, 0, bytes.length, 0)
  await file.close()
  return bytes
}

async function overwrite(files: StoreFiles, name: string, bytes: Buffer, at: number): Promise<void> {
  const file = await files.open(name, 'write', true)
  await file.write([bytes], at)
  await file.close()
}

const rowsOf = async (files: StoreFiles): Promise<Rows> => Object.fromEntries((await salvage(files)).rows)

describe('salvage of metadata', () => {
  test('what is not damaged is as a start finds it', async () => {
    const files = await written()
    const { rows, places, highest } = await salvage(files)
    assert.deepEqual([Object.fromEntries(rows), places, highest], [ALL, [], 1])
    assert.deepEqual((await replay(files)).rows, rows)
  })

  test('one wrong bit costs nothing, wherever it is', async () => {
    const files = await written()
    const bytes = await contentOf(files, LOG)
    for (let at = 0; at < bytes.length; at++) {
      if (at === VERSION_AT) continue
      for (let bit = 0; bit < 8; bit++) {
        await overwrite(files, LOG, Buffer.of(bytes[at]! ^ (1 << bit)), at)
        const { rows, places } = await salvage(files)
        assert.deepEqual(Object.fromEntries(rows), ALL, `bit ${bit} of byte ${at}`)
        assert.ok(places.every(({ isMended }) => isMended))
      }
      await overwrite(files, LOG, bytes.subarray(at, at + 1), at)
    }
  })

  test('of a damaged frame the lines that can be read are taken, and all other frames', async () => {
    const files = await written()
    const bytes = await contentOf(files, LOG)
    const at = bytes.indexOf('"type":"quorum"')
    await overwrite(files, LOG, Buffer.alloc(4), at)
    const { rows, places } = await salvage(files)
    const { 'queue/%2F/b': _, ...left } = ALL
    assert.deepEqual(Object.fromEntries(rows), left)
    const [place, ...others] = places
    assert.deepEqual(others, [])
    assert.deepEqual([place!.file, place!.isMended, place!.taken], [LOG, false, ['queue/%2F/a']])
    assert.match(place!.lost.join(), /^\+queue\/%2F\/b \{"id":2,\?{4}e":"quorum"\}$/)
  })

  test('two damaged frames, one behind the other, are each looked at', async () => {
    const files = await written()
    const bytes = await contentOf(files, LOG)
    for (const text of ['"order"', '"paused"']) {
      const at = bytes.indexOf(text)
      await overwrite(files, LOG, Buffer.of(bytes[at]! ^ 1), at)
    }
    const { rows, places } = await salvage(files)
    assert.deepEqual(Object.fromEntries(rows), ALL)
    assert.deepEqual(
      places.map(({ isMended }) => isMended),
      [true, true],
    )
  })

  test('a write that was cut short is no damage', async () => {
    const files = await written()
    const bytes = await contentOf(files, LOG)
    await overwrite(files, LOG, Buffer.from('=00000010 12345678\n+queue/%2F/'), bytes.length)
    const { rows, places } = await salvage(files)
    assert.deepEqual([Object.fromEntries(rows), places], [ALL, []])
  })

  test('nor is a first write that was cut short within the header', async () => {
    const files = new SimulatedDisk()
    const { log } = await MetadataLog.open({ files, log: silentLog })
    await log.close(true)
    await overwrite(files, LOG, Buffer.from('WARREN META'), 0)
    assert.deepEqual((await replay(files)).damage, [])
    assert.deepEqual((await salvage(files)).places, [])
  })

  test('what is missing is what a start finds missing', async () => {
    const behind = await written()
    await (await behind.open('metadata/00000003.log', 'create', true)).close()
    const alone = await written()
    await (await alone.open('metadata/00000002.log', 'create', true)).close()
    await makeSnapshot(alone, 2)
    await alone.remove('metadata/00000002.log')
    for (const files of [behind, alone]) {
      const expected = [{ file: 'metadata/00000002.log', offset: 0, reason: 'it is missing' }]
      assert.deepEqual((await replay(files)).damage, expected)
      const { places } = await salvage(files)
      assert.deepEqual(
        places.map(({ file, offset, reason }) => ({ file, offset, reason })),
        expected,
      )
    }
  })

  test('a snapshot is read past damage, and a log that is missing is told', async () => {
    const files = await written()
    const { log } = await MetadataLog.open({ files, log: silentLog })
    await log.close(true)
    await makeSnapshot(files, 2)
    await files.remove(LOG)
    const snapshot = await contentOf(files, 'metadata/00000002.snapshot')
    const at = snapshot.indexOf('"order"')
    await overwrite(files, 'metadata/00000002.snapshot', Buffer.of(snapshot[at]! ^ 8), at)
    await (await files.open('metadata/00000003.log', 'create', true)).close()
    await overwrite(files, 'metadata/00000003.log', await logOf({ 'user/new': '{}' }), 0)
    const { rows, places, highest } = await salvage(files)
    assert.deepEqual(Object.fromEntries(rows), { ...ALL, 'user/new': '{}' })
    assert.deepEqual(
      places.map(({ file, reason, isMended }) => [file, reason, isMended]),
      [
        ['metadata/00000002.snapshot', 'one bit is wrong', true],
        ['metadata/00000002.log', 'it is missing', false],
      ],
    )
    assert.equal(highest, 3)
  })

  test('what is written anew is whole, and what was there is kept', async () => {
    const files = await written()
    const bytes = await contentOf(files, LOG)
    await overwrite(files, LOG, Buffer.alloc(8), bytes.indexOf('"order"'))
    const { rows, highest } = await salvage(files)
    const damaged = await contentOf(files, LOG)
    await rewrite(files, rows, highest)
    assert.deepEqual(await files.list(METADATA_QUARANTINE), ['00000001.log'])
    assert.deepEqual(await contentOf(files, `${METADATA_QUARANTINE}/00000001.log`), damaged)
    const again = await MetadataLog.open({ files, log: silentLog })
    assert.deepEqual(again.rows, rows)
    await again.log.append([['user/new', '{}']])
    await again.log.close(true)
    assert.deepEqual(await rowsOf(files), { ...Object.fromEntries(rows), 'user/new': '{}' })
  })

  test('wherever it is cut short, there is all that there was, or what is to be', async () => {
    let isDone = false
    for (let calls = 0; !isDone; calls++) {
      const files = await written()
      const bytes = await contentOf(files, LOG)
      await overwrite(files, LOG, Buffer.alloc(8), bytes.indexOf('"order"'))
      const { rows, highest } = await salvage(files)
      isDone = await rewrite(failingAfter(calls, files), rows, highest).then(
        () => true,
        () => false,
      )
      assert.deepEqual((await salvage(files)).rows, rows, `after ${calls} calls`)
    }
  })
})

/** A file with one frame. */
async function logOf(rows: Rows): Promise<Buffer> {
  return contentOf(await written([rows]), LOG)
}

/** The same files, of which nothing can be had after so many calls. */
function failingAfter(calls: number, files: StoreFiles): StoreFiles {
  let left = calls
  return new Proxy(files, {
    get(target, name: keyof StoreFiles) {
      return (...args: never[]) => {
        if (left-- <= 0) return Promise.reject(new Error('the disk is gone'))
        return (target[name] as (...given: never[]) => unknown).apply(target, args)
      }
    },
  })
}
