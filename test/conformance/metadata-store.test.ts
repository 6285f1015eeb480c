import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { describe, it, type TestContext } from 'node:test'
import { MemoryMetadataStore } from '../../src/store/memory/memory-metadata-store.ts'
import type { MetadataStore } from '../../src/store/metadata-store.ts'
import { openLogMetadataStore } from '../../src/store/metadata-log/log-metadata-store.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { writeOlderMetadata } from '../support/older-directory.ts'

const STORE = new URL('../../src/store/metadata-log/log-metadata-store.ts', import.meta.url).href
const LOG = new URL('../../src/telemetry/log.ts', import.meta.url).href

async function temporaryDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'metadata-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** Runs a script, with `store` opened in `directory`, in a process of its own. Its standard output comes line by line. */
function spawnWithStore(t: TestContext, directory: string, script: string): ChildProcess {
  const program = `
    import { openLogMetadataStore } from ${JSON.stringify(STORE)}
    import { silentLog } from ${JSON.stringify(LOG)}
    const store = await openLogMetadataStore(${JSON.stringify(directory)}, silentLog)
    ${script}`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  return child
}

const contents = async (store: MetadataStore): Promise<Record<string, unknown>> =>
  Object.fromEntries(await store.load())

const implementations: Record<string, (t: TestContext) => Promise<MetadataStore>> = {
  memory: () => Promise.resolve(new MemoryMetadataStore()),
  log: async (t) => openLogMetadataStore(await temporaryDirectory(t), silentLog),
}

for (const [name, openStore] of Object.entries(implementations)) {
  describe(`metadata store: ${name}`, () => {
    const withStore = async (t: TestContext, use: (store: MetadataStore) => Promise<void>): Promise<void> => {
      const store = await openStore(t)
      try {
        await use(store)
      } finally {
        await store.close()
      }
    }

    it('is empty at first', (t) =>
      withStore(t, async (store) => {
        assert.deepEqual([...(await store.load())], [])
        assert.equal(store.dirty, false)
      }))

    it('loads what was committed, in the order of keys', (t) =>
      withStore(t, async (store) => {
        const value = { text: "é 'quoted' \u0000 😀", list: [1, 2.5, null, true], nested: { empty: {} } }
        store.put('queue/%2F/b', value)
        store.put('queue/%2F/a', 'A')
        store.put('exchange/%2F/x', 0)
        await store.commit()
        assert.deepEqual(
          [...(await store.load())],
          [
            ['exchange/%2F/x', 0],
            ['queue/%2F/a', 'A'],
            ['queue/%2F/b', value],
          ],
        )
      }))

    it('keeps changes to itself until they are committed', (t) =>
      withStore(t, async (store) => {
        store.put('a', 1)
        assert.equal(store.dirty, true)
        assert.deepEqual(await contents(store), {})
        await store.commit()
        assert.equal(store.dirty, false)
        assert.deepEqual(await contents(store), { a: 1 })
      }))

    it('lets the last change of a key win, within a batch and across batches', (t) =>
      withStore(t, async (store) => {
        store.put('a', 1)
        store.put('a', 2)
        store.put('b', 1)
        store.delete('b')
        store.delete('c')
        store.put('c', 3)
        await store.commit()
        assert.deepEqual(await contents(store), { a: 2, c: 3 })
        store.delete('a')
        store.delete('never-there')
        const first = store.commit()
        store.put('a', 4)
        const second = store.commit()
        store.delete('c')
        await Promise.all([first, second, store.commit()])
        assert.deepEqual(await contents(store), { a: 4 })
      }))

    it('takes the value as it is when put is called', (t) =>
      withStore(t, async (store) => {
        const value = { tags: ['a'] }
        store.put('user', value)
        value.tags.push('b')
        await store.commit()
        const loaded = await contents(store)
        assert.deepEqual(loaded, { user: { tags: ['a'] } })
        loaded['user'].tags.push('c')
        assert.deepEqual(await contents(store), { user: { tags: ['a'] } })
      }))

    it('takes many commits at once', (t) =>
      withStore(t, async (store) => {
        const commits: Promise<void>[] = []
        for (let i = 0; i < 500; i++) {
          store.put(`key/${i % 100}`, i)
          commits.push(store.commit())
        }
        await Promise.all(commits)
        const loaded = await contents(store)
        assert.equal(Object.keys(loaded).length, 100)
        for (let i = 0; i < 100; i++) assert.equal(loaded[`key/${i}`], 400 + i)
      }))

    it('commits nothing without complaint', (t) =>
      withStore(t, async (store) => {
        await store.commit()
        assert.deepEqual(await contents(store), {})
      }))

    it('refuses a key that is none', (t) =>
      withStore(t, async (store) => {
        for (const key of ['', 'a b', 'a\nb']) {
          assert.throws(() => store.put(key, 1), TypeError)
          assert.throws(() => store.delete(key), TypeError)
        }
        assert.equal(store.dirty, false)
      }))

    it('refuses a value that JSON cannot hold', (t) =>
      withStore(t, async (store) => {
        assert.throws(() => store.put('a', undefined), TypeError)
        assert.equal(store.dirty, false)
      }))

    it('closes once and refuses to be used afterwards', async (t) => {
      const store = await openStore(t)
      store.put('a', 1)
      await Promise.all([store.close(), store.close()])
      assert.throws(() => store.put('a', 1), /is closed/)
      assert.throws(() => store.delete('a'), /is closed/)
      await assert.rejects(store.commit(), /is closed/)
      await assert.rejects(store.load(), /is closed/)
    })
  })
}

describe('metadata store on disk', () => {
  it('has everything again after a restart, also what was never committed before close', async (t) => {
    const directory = join(await temporaryDirectory(t), 'made', 'on', 'demand')
    const first = await openLogMetadataStore(directory, silentLog)
    first.put('a', { deep: [1] })
    await first.commit()
    first.put('b', 2)
    await first.close()
    const second = await openLogMetadataStore(directory, silentLog)
    assert.deepEqual(await contents(second), { a: { deep: [1] }, b: 2 })
    await second.close()
    assert.deepEqual(await readdir(directory), ['metadata', 'metadata.sqlite'])
    assert.equal(
      await readFile(join(directory, 'metadata', '00000001.log'), 'utf8'),
      'WARREN METADATA 1\n=00000010 b7193ad5\n+a {"deep":[1]}\n=00000005 d4f42d0f\n+b 2\n=00000000 00000000\n',
    )
  })

  it('puts a snapshot in the place of logs that have become long, and goes on without where it cannot', async (t) => {
    for (const isHindered of [false, true]) {
      const directory = await temporaryDirectory(t)
      const warnings: string[] = []
      const log = { ...silentLog, warn: (text: string) => void warnings.push(text) }
      const store = await openLogMetadataStore(directory, log)
      if (isHindered) await mkdir(join(directory, 'metadata', '00000002.snapshot.new'))
      for (let i = 0; i < 300; i++) {
        store.put(`key/${i % 30}`, { i, filler: 'x'.repeat(5_000) })
        await store.commit()
      }
      const expected = await contents(store)
      await store.close()
      const names = isHindered
        ? ['00000001.log', '00000002.log', '00000002.snapshot.new']
        : ['00000002.log', '00000002.snapshot']
      assert.deepEqual(await readdir(join(directory, 'metadata')), names)
      assert.deepEqual(warnings, isHindered ? ['a snapshot of the metadata could not be written; its logs stay'] : [])
      if (isHindered) await rm(join(directory, 'metadata', '00000002.snapshot.new'), { recursive: true })
      const again = await openLogMetadataStore(directory, silentLog)
      assert.deepEqual(await contents(again), expected)
      assert.equal((expected['key/29'] as { i: number }).i, 299)
      await again.close()
    }
  })

  it('is readable by its owner alone', { skip: process.platform === 'win32' }, async (t) => {
    const directory = await temporaryDirectory(t)
    const store = await openLogMetadataStore(directory, silentLog)
    for (const name of ['metadata.sqlite', 'metadata/00000001.log']) {
      assert.equal((await stat(join(directory, name))).mode & 0o777, 0o600)
    }
    await store.close()
  })

  it('leaves nothing behind that keeps the process alive', async (t) => {
    const child = spawnWithStore(t, await temporaryDirectory(t), `store.put('a', 1); await store.close()`)
    const [code] = await once(child, 'exit')
    assert.equal(code, 0)
  })

  it('keeps all that was said to be committed when it is killed', async (t) => {
    const directory = await temporaryDirectory(t)
    for (const wanted of [1, 20, 60]) {
      const child = spawnWithStore(
        t,
        directory,
        `for (let i = 0; ; i++) {
          store.put('count', i)
          store.put('key/' + i, { value: i, filler: 'x'.repeat(500) })
          await store.commit()
          process.stdout.write(i + '\\n')
        }`,
      )
      const exited = once(child, 'exit') // it holds the lock until then, though its output may have ended before
      let committed = -1
      for await (const line of createInterface(child.stdout!)) {
        committed = Number(line)
        if (committed === wanted) child.kill('SIGKILL')
      }
      await exited
      const store = await openLogMetadataStore(directory, silentLog)
      const loaded = await contents(store)
      assert.ok(committed >= wanted)
      assert.ok((loaded['count'] as number) >= committed)
      for (let i = 0; i <= committed; i++) assert.equal((loaded[`key/${i}`] as { value: number }).value, i)
      // Both keys of a batch are there, or neither.
      assert.notEqual(loaded[`key/${loaded['count'] as number}`], undefined)
      await store.close()
    }
  })

  it('refuses a directory that another process has open, until that process is gone', async (t) => {
    const directory = await temporaryDirectory(t)
    const child = spawnWithStore(
      t,
      directory,
      `store.put('a', 1); await store.commit(); console.log('open'); setInterval(() => {}, 1000)`,
    )
    await once(child.stdout!, 'data')
    await assert.rejects(openLogMetadataStore(directory, silentLog), {
      message: `data directory ${directory} is in use by another process (pid ${child.pid})`,
    })
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
    const store = await openLogMetadataStore(directory, silentLog)
    assert.deepEqual(await contents(store), { a: 1 })
    await store.close()
  })

  it('refuses a directory that this process has open', async (t) => {
    const directory = await temporaryDirectory(t)
    const store = await openLogMetadataStore(directory, silentLog)
    await assert.rejects(openLogMetadataStore(directory, silentLog), {
      message: `data directory ${directory} is in use by this very process (pid ${process.pid}): probably by a broker that was not stopped (await broker.stop())`,
    })
    store.put('a', 1)
    await store.close()
    const again = await openLogMetadataStore(directory, silentLog)
    assert.deepEqual(await contents(again), { a: 1 })
    await again.close()
  })

  it('leaves a directory of a newer version alone', async (t) => {
    const directory = await temporaryDirectory(t)
    const store = await openLogMetadataStore(directory, silentLog)
    store.put('a', 1)
    await store.close()
    const file = join(directory, 'metadata.sqlite')
    const newer = new DatabaseSync(file)
    newer.exec('PRAGMA user_version = 5')
    newer.close()
    const before = await readFile(file)
    await assert.rejects(openLogMetadataStore(directory, silentLog), {
      message: `${file} has format 5, written by a newer version of this program; this version reads up to format 4`,
    })
    assert.deepEqual(await readFile(file), before)
    assert.deepEqual(await readdir(directory), ['metadata', 'metadata.sqlite'])
  })

  for (const format of [1, 2, 3]) {
    it(`upgrades a directory of format ${format}, and says from which`, async (t) => {
      const directory = await temporaryDirectory(t)
      writeOlderMetadata(directory, format, [
        ['a', '1'],
        ['queue/%2F/é', '{"text":"one\\ntwo"}'],
      ])
      const upgraded = await openLogMetadataStore(directory, silentLog)
      assert.equal(upgraded.upgradedFrom, format)
      assert.deepEqual(await contents(upgraded), { a: 1, 'queue/%2F/é': { text: 'one\ntwo' } })
      upgraded.put('b', 2)
      await upgraded.close()
      const again = await openLogMetadataStore(directory, silentLog)
      assert.equal(again.upgradedFrom, null)
      assert.deepEqual(await contents(again), { a: 1, 'queue/%2F/é': { text: 'one\ntwo' }, b: 2 })
      await again.close()
      assert.deepEqual(await readdir(directory), ['metadata', 'metadata.sqlite'])
      assert.doesNotMatch(await readFile(join(directory, 'metadata.sqlite'), 'latin1'), /queue/)
    })
  }

  it('begins an upgrade anew that was cut short', async (t) => {
    const directory = await temporaryDirectory(t)
    writeOlderMetadata(directory, 3, [['a', '1']])
    await mkdir(join(directory, 'metadata'))
    const left = ['00000001.log', '00000002.log', '00000002.snapshot.new']
    for (const name of left) await writeFile(join(directory, 'metadata', name), 'WARREN METADATA 1\n=000000')
    const store = await openLogMetadataStore(directory, silentLog)
    assert.deepEqual(await contents(store), { a: 1 })
    await store.close()
    assert.deepEqual(await readdir(join(directory, 'metadata')), ['00000001.log'])
  })

  it('has everything although the file with the lock has gone', async (t) => {
    const directory = await temporaryDirectory(t)
    const store = await openLogMetadataStore(directory, silentLog)
    store.put('a', 1)
    await store.close()
    await rm(join(directory, 'metadata.sqlite'))
    const again = await openLogMetadataStore(directory, silentLog)
    assert.deepEqual(await contents(again), { a: 1 })
    await again.close()
  })

  it('says which file is damaged, and where', async (t) => {
    const directory = await temporaryDirectory(t)
    const store = await openLogMetadataStore(directory, silentLog)
    store.put('a', 1)
    await store.commit()
    store.put('b', 1)
    await store.close()
    const file = join(directory, 'metadata', '00000001.log')
    await writeFile(file, (await readFile(file, 'latin1')).replace('+a 1', '+a 2'))
    await assert.rejects(openLogMetadataStore(directory, silentLog), {
      name: 'MetadataStoreError',
      message: `data directory ${directory} cannot be used: metadata/00000001.log is damaged at byte 18: what is there is not what was written; 'warren doctor ${directory} --repair' saves what can be read`,
    })
  })

  it('says so when the file is not a database', async (t) => {
    const directory = await temporaryDirectory(t)
    await writeFile(
      join(directory, 'metadata.sqlite'),
      'something else altogether, and long enough to be a page header. '.repeat(20),
    )
    await assert.rejects(openLogMetadataStore(directory, silentLog), /file is not a database/)
  })

  it(
    'rejects a commit that cannot be written, and every one after it',
    { skip: process.platform === 'win32' },
    async (t) => {
      // A limit on the size of files stands in for a full disk.
      const program = `
      import { openLogMetadataStore } from ${JSON.stringify(STORE)}
      import { silentLog } from ${JSON.stringify(LOG)}
      process.on('SIGXFSZ', () => {})
      const store = await openLogMetadataStore(${JSON.stringify(await temporaryDirectory(t))}, silentLog)
      store.put('big', 'x'.repeat(10_000_000))
      const outcomes = [store.commit()]
      store.put('small', 1)
      outcomes.push(store.commit())
      const settled = await Promise.allSettled(outcomes)
      store.put('later', 1)
      settled.push(...(await Promise.allSettled([store.commit(), store.load()])))
      await store.close()
      console.log(settled.map((outcome) => outcome.status).join())`
      const child = spawn(
        'sh',
        ['-c', 'ulimit -f 2000; exec "$0" "$@"', process.execPath, '--input-type=module', '-e', program],
        {
          stdio: ['ignore', 'pipe', 'inherit'],
        },
      )
      const lines: string[] = []
      for await (const line of createInterface(child.stdout)) lines.push(line)
      assert.deepEqual(lines, ['rejected,rejected,rejected,rejected'])
    },
  )
})
