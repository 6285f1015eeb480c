import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { StoreFile } from '../../../src/store/files.ts'
import { SimulatedDisk } from '../../support/simulated-disk.ts'
import { chooseBySeed, SECTOR_BYTES } from '../../support/simulated-inode.ts'

const text = (...words: string[]): Buffer[] => words.map((word) => Buffer.from(word))

const filled = (letter: string, length: number): Buffer => Buffer.alloc(length, letter)

/** What every one of many power cuts leaves of a file: the text, or `absent`. */
function leftovers(disk: SimulatedDisk, name: string, cuts = 300): Set<string> {
  const found = new Set<string>()
  for (let seed = 0; seed < cuts; seed++) {
    const left = disk.copy().powerCut({ seed })
    found.add(left.names().includes(name) ? left.bytes(name).toString('latin1') : 'absent')
  }
  return found
}

async function fileIn(disk: SimulatedDisk, name: string, synchronous = false): Promise<StoreFile> {
  await disk.makeFolder('a')
  const file = await disk.open(name, 'create', synchronous)
  await disk.syncFolder('.')
  await disk.syncFolder('a')
  return file
}

async function readAll(file: StoreFile): Promise<string> {
  const buffer = Buffer.alloc(await file.size())
  assert.equal(await file.read(buffer, 0, buffer.length, 0), buffer.length)
  return buffer.toString('latin1')
}

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'done',
    (error: NodeJS.ErrnoException) => error.code!,
  )

describe('the simulated disk', () => {
  test('does what a disk does', async () => {
    const disk = new SimulatedDisk()
    assert.deepEqual(await disk.list('a'), [])
    assert.equal(await codeOf(disk.open('a/x', 'create', false)), 'ENOENT')
    await disk.makeFolder('a/b')
    assert.equal(await codeOf(disk.open('a/x', 'write', false)), 'ENOENT')
    assert.equal(await codeOf(disk.rename('a/x', 'a/y')), 'ENOENT')
    const x = await disk.open('a/x', 'create', false)
    assert.equal(await codeOf(disk.open('a/x', 'create', false)), 'EEXIST')
    await x.write(text('hello ', '', 'world'), 2)
    assert.equal(await readAll(x), '\0\0hello world')
    const part = Buffer.alloc(20)
    assert.equal(await x.read(part, 5, 10, 8), 5)
    assert.equal(part.toString('latin1', 5, 10), 'world')
    assert.equal(await x.read(part, 0, 10, 100), 0)
    await x.truncate(4)
    await x.truncate(6)
    assert.equal(await readAll(x), '\0\0he\0\0')
    await (await disk.open('a/b/z', 'create', true)).close()
    await disk.rename('a/x', 'a/y')
    assert.deepEqual(await disk.list('a'), ['y'])
    await x.write(text('still'), 0)
    assert.equal(disk.bytes('a/y').toString(), 'still\0')
    await disk.remove('a/y')
    await disk.remove('a/y')
    assert.deepEqual(disk.names(), ['a/b/z'])
    await x.close()
    assert.equal(await codeOf(x.size()), 'EBADF')
    assert.equal(disk.openFiles, 0)
    assert.equal(await codeOf((await disk.open('a/b/z', 'read', false)).write(text('x'), 0)), 'EBADF')
  })

  test('lets the test say when what happens', async () => {
    const disk = new SimulatedDisk({ pace: 'manual' })
    const opened = disk.open('x', 'create', false)
    assert.deepEqual(disk.names(), [])
    assert.ok(disk.step())
    assert.equal(disk.step(), false)
    const file = await opened
    const writes = [file.write(text('aaa'), 0), file.write(text('bb'), 0)]
    assert.deepEqual(
      disk.inFlight().map(({ kind, position, bytes }) => [kind, position, bytes]),
      [
        ['write', 0, 3],
        ['write', 0, 2],
      ],
    )
    disk.step(disk.inFlight()[1])
    assert.equal(disk.bytes('x').toString(), 'bb')
    disk.step()
    await Promise.all(writes)
    assert.equal(disk.bytes('x').toString(), 'aaa')
    assert.deepEqual(
      disk.log.map(({ kind, name, outcome }) => `${kind} ${name} ${outcome}`),
      ['open x done', 'write x done', 'write x done'],
    )
  })

  for (const pace of ['turn', 'microtask', 'chosen'] as const) {
    test(`keeps nothing back at the pace '${pace}'`, async () => {
      const disk = new SimulatedDisk({ pace, choose: chooseBySeed(3) })
      const file = await disk.open('x', 'create', false)
      await Promise.all(Array.from({ length: 50 }, (_, i) => file.write(text(String(i % 10)), i)))
      assert.equal(await readAll(file), '0123456789'.repeat(5))
    })
  }

  test('mixes operations that are in flight when it may choose', async () => {
    const disk = new SimulatedDisk({ pace: 'chosen', choose: chooseBySeed(7) })
    const file = await disk.open('x', 'create', false)
    const order: number[] = []
    await Promise.all([0, 1, 2, 3, 4, 5].map((i) => file.write(text('x'), i).then(() => order.push(i))))
    assert.notDeepEqual(order, [0, 1, 2, 3, 4, 5])
    assert.equal(order.length, 6)
  })

  test('notices that bytes change while they are written, and that a file is closed under an operation', async () => {
    const disk = new SimulatedDisk({ pace: 'manual' })
    const opened = disk.open('x', 'create', false)
    disk.step()
    const file = await opened
    const bytes = Buffer.from('abc')
    void file.write([bytes], 0)
    bytes[1] = 0
    assert.throws(() => disk.step(), /bytes changed while they were written to x/)
    assert.throws(() => file.close(), /x is closed while 1 operations are in flight/)
  })
})

describe('what is durable on the simulated disk', () => {
  test('is what a synchronous write wrote', async () => {
    const disk = new SimulatedDisk()
    const file = await fileIn(disk, 'a/x', true)
    await file.write(text('abc'), 0)
    assert.deepEqual(leftovers(disk, 'a/x'), new Set(['abc']))
  })

  test('is not what other writes wrote, until a sync', async () => {
    const disk = new SimulatedDisk()
    const file = await fileIn(disk, 'a/x')
    await file.write([filled('a', SECTOR_BYTES), filled('b', SECTOR_BYTES)], 0)
    const parts = leftovers(disk, 'a/x')
    const [a, b, none] = [filled('a', SECTOR_BYTES), filled('b', SECTOR_BYTES), Buffer.alloc(SECTOR_BYTES)].map(String)
    assert.deepEqual(parts, new Set(['', `${a}${b}`, `${a}${none}`, `${none}${b}`, `${none}${none}`]))
    await file.sync()
    assert.deepEqual(leftovers(disk, 'a/x'), new Set([`${a}${b}`]))
    await file.write(text('c'), SECTOR_BYTES)
    assert.equal(leftovers(disk, 'a/x').size, 2)
    await file.truncate(SECTOR_BYTES)
    await file.sync()
    assert.deepEqual(leftovers(disk, 'a/x'), new Set([a]))
  })

  test('is not what was written after the sync was asked for', async () => {
    const disk = new SimulatedDisk({ pace: 'manual' })
    const opened = disk.open('x', 'create', false)
    disk.step()
    const file = await opened
    const folder = disk.syncFolder('')
    disk.step()
    await folder
    void file.write(text('abc'), 0)
    disk.step()
    void file.sync()
    void file.write(text('de'), 3)
    disk.step(disk.inFlight()[1])
    disk.step()
    assert.deepEqual(leftovers(disk, 'x'), new Set(['abc', 'abcde', 'abc\0\0']))
  })

  test('is nothing that a failed sync was to make so, even if a later one goes well', async () => {
    const disk = new SimulatedDisk()
    const file = await fileIn(disk, 'a/x')
    await file.write(text('abc'), 0)
    disk.fail({ kind: 'sync' })
    assert.equal(await codeOf(file.sync()), 'EIO')
    await file.sync()
    assert.equal(await readAll(file), 'abc')
    assert.ok(leftovers(disk, 'a/x').has(''))
    await file.write(text('d'), 3)
    await file.sync()
    assert.deepEqual(leftovers(disk, 'a/x'), new Set(['abcd']))
  })

  test('are names whose folder was synced', async () => {
    const disk = new SimulatedDisk()
    await disk.makeFolder('a')
    const x = await disk.open('a/x', 'create', true)
    await x.write(text('x'), 0)
    assert.deepEqual(leftovers(disk, 'a/x'), new Set(['x', 'absent']))
    await disk.syncFolder('a')
    assert.deepEqual(leftovers(disk, 'a/x'), new Set(['x', 'absent']), 'the folder itself may be gone')
    await disk.syncFolder('')
    assert.deepEqual(leftovers(disk, 'a/x'), new Set(['x']))
    const y = await disk.open('a/y', 'create', true)
    await y.write(text('y'), 0)
    await disk.rename('a/y', 'a/x')
    assert.deepEqual(leftovers(disk, 'a/x'), new Set(['x', 'y']))
    assert.deepEqual(leftovers(disk, 'a/y'), new Set(['absent', 'y']))
    await disk.syncFolder('a')
    assert.deepEqual(leftovers(disk, 'a/x'), new Set(['y']))
    assert.deepEqual(leftovers(disk, 'a/y'), new Set(['absent']))
    await disk.remove('a/x')
    assert.deepEqual(leftovers(disk, 'a/x'), new Set(['y', 'absent']))
    await disk.syncFolder('a')
    assert.deepEqual(leftovers(disk, 'a/x'), new Set(['absent']))
  })
})

describe('the end of a process on the simulated disk', () => {
  async function writing(synchronous: boolean): Promise<SimulatedDisk> {
    const disk = new SimulatedDisk({ pace: 'manual' })
    const made = fileIn(disk, 'a/x', synchronous)
    await disk.settle()
    const file = await made
    const first = file.write(text('abc'), 0)
    await disk.settle()
    await first
    void file.write(text('def', 'gh'), 3)
    return disk
  }

  test('leaves what was written, and any first part of what was being written', async () => {
    for (let k = 0; k <= 5; k++) {
      const disk = await writing(true)
      const next = disk.kill({ choose: () => k })
      assert.equal(next.bytes('a/x').toString(), 'abcdefgh'.slice(0, 3 + k))
      assert.deepEqual(next.inFlight(), [])
      assert.equal(disk.log.at(-1)!.outcome, 'lost')
    }
  })

  test('by a power cut leaves any part of what was being written', async () => {
    const found = new Set<string>()
    for (let seed = 0; seed < 300; seed++) {
      const next = (await writing(true)).powerCut({ seed })
      found.add(next.bytes('a/x').toString('latin1').padEnd(8, '.'))
    }
    for (let k = 0; k <= 5; k++) assert.ok(found.has('abcdefgh'.slice(0, 3 + k).padEnd(8, '.')), `${k} of 5 bytes`)
    for (const left of found) assert.match(left, /^abc[d\0.][e\0.][f\0.][g\0.][h\0.]$/)
  })

  test('by a power cut tears sectors of a long write', async () => {
    let holes = 0
    for (let seed = 0; seed < 50; seed++) {
      const disk = new SimulatedDisk({ pace: 'manual' })
      disk.put('x', filled('o', 4 * SECTOR_BYTES))
      const opened = disk.open('x', 'write', true)
      disk.step()
      void (await opened).write([filled('n', 4 * SECTOR_BYTES)], 0)
      const left = disk.powerCut({ seed }).bytes('x').toString()
      assert.match(left, /^[on]{2048}$/)
      if (/on+o|o+n+$/.test(left)) holes++
    }
    assert.ok(holes > 3, `${holes} times with a hole`)
  })

  test('is the end: nothing happens any more', async () => {
    const disk = await writing(false)
    disk.kill({ seed: 1 })
    let happened = false
    void disk.list('a').then(() => (happened = true))
    await disk.settle()
    assert.equal(happened, false)
  })

  test('does not make durable what was not', async () => {
    const disk = await writing(false)
    await disk.settle()
    const next = disk.kill({ seed: 1 })
    assert.equal(next.bytes('a/x').toString(), 'abcdefgh')
    assert.ok(leftovers(next, 'a/x').has(''))
  })
})

describe('faults of the simulated disk', () => {
  test('hit the operation that they are meant for', async () => {
    const disk = new SimulatedDisk()
    const file = await disk.open('x', 'create', true)
    disk.fail({ kind: 'write', at: 2, code: 'ENOSPC', partial: 2 })
    await file.write(text('abc'), 0)
    const failed = await file.write(text('def'), 3).catch((error: Error) => error)
    assert.match(String(failed), /ENOSPC: no space left on device, write 'x'/)
    assert.equal(await readAll(file), 'abcde')
    await file.write(text('d'), 3)
    assert.equal(disk.log.filter(({ outcome }) => outcome === 'ENOSPC').length, 1)
  })

  test('last as long as they should', async () => {
    const disk = new SimulatedDisk()
    const file = await disk.open('x', 'create', true)
    disk.fail({ kind: ['write', 'truncate'], name: /^x$/, afterwards: 'same' })
    assert.equal(await codeOf(file.write(text('a'), 0)), 'EIO')
    assert.equal(await codeOf(file.truncate(0)), 'EIO')
    assert.equal(await codeOf(file.sync()), 'done')
    disk.heal()
    assert.equal(await codeOf(file.write(text('a'), 0)), 'done')
    disk.fail({ kind: 'sync', afterwards: 'all' })
    assert.equal(await codeOf(file.write(text('a'), 0)), 'done')
    assert.equal(await codeOf(file.sync()), 'EIO')
    assert.equal(await codeOf(file.write(text('a'), 0)), 'EIO')
    assert.equal(await codeOf(disk.open('y', 'create', true)), 'EIO')
    assert.equal(await codeOf(file.size()), 'done')
  })

  test('may be that the disk is full', async () => {
    const disk = new SimulatedDisk({ capacity: 10 })
    const [x, y] = [await disk.open('x', 'create', true), await disk.open('y', 'create', true)]
    await x.write(text('abcdef'), 0)
    assert.equal(await codeOf(y.write(text('abcdef'), 0)), 'ENOSPC')
    assert.equal(disk.bytes('y').toString(), 'abcd')
    await x.write(text('ghijkl'), 0)
    await disk.remove('x')
    await y.write(text('abcdef'), 0)
  })

  test('may be single bits, and are there in a copy, which goes its own way', async () => {
    const disk = new SimulatedDisk()
    const file = await fileIn(disk, 'a/x')
    await file.write(text('abc'), 0)
    const copy = disk.copy()
    disk.flip('a/x', 1, 0)
    assert.equal(disk.bytes('a/x').toString(), 'acc')
    assert.equal(copy.bytes('a/x').toString(), 'abc')
    await file.sync()
    assert.deepEqual(leftovers(disk, 'a/x'), new Set(['acc']))
    assert.ok(leftovers(copy, 'a/x').has('abc') && leftovers(copy, 'a/x').has(''))
  })
})
