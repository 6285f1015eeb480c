import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { nodeFiles } from '../../../src/store/files.ts'
import { temporaryFolder } from '../../support/warren-process.ts'

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'done',
    (error: NodeJS.ErrnoException) => error.code!,
  )

test('files are made, opened and refused as the interface says', async (t) => {
  const folder = temporaryFolder(t)
  const files = nodeFiles(folder)
  assert.equal(await codeOf(files.open('a/x', 'create', false)), 'ENOENT')
  await files.makeFolder('a/b')
  await files.makeFolder('a/b')
  assert.equal(await codeOf(files.open('a/x', 'write', false)), 'ENOENT')
  assert.equal(await codeOf(files.open('a/x', 'read', false)), 'ENOENT')
  const made = await files.open('a/x', 'create', false)
  assert.equal(await codeOf(files.open('a/x', 'create', false)), 'EEXIST')
  await made.write([Buffer.from('abc')], 0)
  const back = Buffer.alloc(3)
  assert.equal(await made.read(back, 0, 3, 0), 3)
  await made.close()
  const reader = await files.open('a/x', 'read', false)
  assert.equal(await codeOf(reader.write([Buffer.from('no')], 0)), 'EBADF')
  await reader.close()
  const writer = await files.open('a/x', 'write', true)
  await writer.write([Buffer.from('d')], 3)
  await writer.sync()
  await writer.close()
  assert.equal(readFileSync(join(folder, 'a/x'), 'utf8'), 'abcd')
  if (process.platform !== 'win32') assert.equal(statSync(join(folder, 'a/x')).mode & 0o777, 0o600)
})

for (const synchronous of [false, true]) {
  test(`any number of buffers is written in order${synchronous ? ', synchronously' : ''}`, async (t) => {
    const files = nodeFiles(temporaryFolder(t))
    const file = await files.open('x', 'create', synchronous)
    for (const count of [0, 1, 2, 1023, 1024, 1025, 5000]) {
      const buffers = Array.from({ length: count }, (_, i) => Buffer.from(`${i},`.repeat(i % 3)))
      const all = Buffer.concat(buffers)
      await file.truncate(0)
      await file.write(buffers, 7)
      assert.equal(await file.size(), all.length === 0 ? 0 : 7 + all.length)
      const back = Buffer.alloc(all.length)
      assert.equal(await file.read(back, 0, all.length, 7), all.length)
      assert.ok(back.equals(all), `${count} buffers`)
    }
    await file.close()
  })
}

test('a read ends at the end of the file', async (t) => {
  const files = nodeFiles(temporaryFolder(t))
  const file = await files.open('x', 'create', false)
  await file.write([Buffer.from('0123456789')], 0)
  const buffer = Buffer.alloc(8, '.')
  assert.equal(await file.read(buffer, 2, 5, 8), 2)
  assert.equal(buffer.toString(), '..89....')
  assert.equal(await file.read(buffer, 0, 8, 10), 0)
  assert.equal(await file.read(buffer, 0, 8, 1000), 0)
  assert.equal(await file.read(buffer, 0, 0, 0), 0)
  await file.truncate(3)
  assert.equal(await file.size(), 3)
  await file.close()
  assert.equal(await codeOf(file.size()), 'EBADF')
})

test('the files of a folder are listed, those below it are not', async (t) => {
  const folder = temporaryFolder(t)
  const files = nodeFiles(folder)
  assert.deepEqual(await files.list('a'), [])
  mkdirSync(join(folder, 'a/b'), { recursive: true })
  for (const name of ['a/x', 'a/y', 'a/b/z', 'top']) writeFileSync(join(folder, name), '')
  assert.deepEqual((await files.list('a')).toSorted(), ['x', 'y'])
  assert.deepEqual(await files.list(''), ['top'])
  assert.equal(await codeOf(files.list('top')), 'ENOTDIR')
})

test('names are replaced and removed', async (t) => {
  const folder = temporaryFolder(t)
  const files = nodeFiles(folder)
  writeFileSync(join(folder, 'old'), 'old')
  writeFileSync(join(folder, 'new'), 'new')
  await files.rename('new', 'old')
  await files.syncFolder('')
  await files.syncFolder('.')
  assert.deepEqual(readdirSync(folder), ['old'])
  assert.equal(readFileSync(join(folder, 'old'), 'utf8'), 'new')
  assert.equal(await codeOf(files.rename('new', 'old')), 'ENOENT')
  await files.remove('old')
  await files.remove('old')
  assert.equal(existsSync(join(folder, 'old')), false)
  assert.equal(await codeOf(files.syncFolder('gone')), 'ENOENT')
})
